using Grpc.Core;
using Grpc.Net.Client;
using Parley.Wire.V1;

namespace Parley;

/// <summary>One stream to one broker, past Hello and Welcome.</summary>
internal sealed class Connection : IAsyncDisposable
{
    private const int MaxMessageBytes = 65 * 1024 * 1024;
    private static readonly TimeSpan KeepAliveDelay = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan KeepAliveTimeout = TimeSpan.FromSeconds(5);

    private readonly GrpcChannel _channel;
    private readonly CancellationTokenSource _aborted;
    private readonly AsyncDuplexStreamingCall<Frame, Frame> _call;

    private Connection(GrpcChannel channel, CancellationTokenSource aborted, AsyncDuplexStreamingCall<Frame, Frame> call) =>
        (_channel, _aborted, _call) = (channel, aborted, call);

    public const ulong HelloId = 1;

    public Welcome Welcome => FirstFrame.Messages[0].Welcome;

    /// <summary>The frame that began with Welcome.</summary>
    public Frame FirstFrame { get; private set; } = null!;

    public IClientStreamWriter<Frame> Requests => _call.RequestStream;

    public IAsyncStreamReader<Frame> Responses => _call.ResponseStream;

    /// <summary>Opens a stream and exchanges Hello and Welcome (SES-1).</summary>
    /// <exception cref="ParleyException">The broker refused, or what answers is no broker.</exception>
    /// <exception cref="RpcException">There is no connection.</exception>
    public static async Task<Connection> OpenAsync(BrokerAddress address, Hello hello, CancellationToken cancellationToken)
    {
        var channel = GrpcChannel.ForAddress(address.HttpUri, new GrpcChannelOptions
        {
            MaxReceiveMessageSize = MaxMessageBytes,
            MaxSendMessageSize = MaxMessageBytes,
            DisposeHttpClient = true,
            HttpHandler = new SocketsHttpHandler
            {
                KeepAlivePingDelay = KeepAliveDelay,
                KeepAlivePingTimeout = KeepAliveTimeout,
                KeepAlivePingPolicy = HttpKeepAlivePingPolicy.Always,
                UseProxy = false,
                ConnectCallback = static (context, token) => LingeringStream.ConnectAsync(context.DnsEndPoint, token),
            },
        });
        var aborted = new CancellationTokenSource();
        var call = new BrokerService.BrokerServiceClient(channel).Connect(cancellationToken: aborted.Token);
        var connection = new Connection(channel, aborted, call);
        try
        {
            await using var registration = cancellationToken.UnsafeRegister(static s => ((Connection)s!).Abort(), connection).ConfigureAwait(false);
            await connection.GreetAsync(hello).ConfigureAwait(false);
            return connection;
        }
        catch
        {
            await connection.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Ends the stream at once.</summary>
    public void Abort()
    {
        try
        {
            _aborted.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // It has ended already.
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _aborted.CancelAsync().ConfigureAwait(false);
        _call.Dispose();
        _channel.Dispose();
        _aborted.Dispose();
    }

    /// <summary>Ends the session that was resumed on this connection.</summary>
    public async Task SayGoodbyeAsync(string reason)
    {
        try
        {
            await Requests.WriteAsync(new Frame { FirstSeq = Welcome.Received + 1, Messages = { new Message { Goodbye = new Goodbye { Reason = reason } } } })
                .ConfigureAwait(false);
            await Requests.CompleteAsync().ConfigureAwait(false);
            while (await Responses.MoveNext(_aborted.Token).ConfigureAwait(false))
            {
                // What the broker still says is for nobody.
            }
        }
        catch (Exception e) when (e is RpcException or OperationCanceledException)
        {
            // It is over either way.
        }
    }

    private async Task GreetAsync(Hello hello)
    {
        var frame = new Frame
        {
            CreditMessages = ReceiveWindow.FirstMessages,
            CreditBytes = ReceiveWindow.FirstBytes,
            Messages = { new Message { Id = HelloId, Hello = hello } },
        };
        try
        {
            await Requests.WriteAsync(frame).ConfigureAwait(false);
        }
        catch (RpcException)
        {
            // The answer, or the status that reading gives, says more.
        }

        if (!await Responses.MoveNext(CancellationToken.None).ConfigureAwait(false))
        {
            throw new UnavailableException("the stream ended before Welcome");
        }

        FirstFrame = Responses.Current;
        var first = FirstFrame.Messages.FirstOrDefault();
        switch (first?.KindCase)
        {
            case Message.KindOneofCase.Welcome when first.Re == HelloId:
                break;
            case Message.KindOneofCase.Error:
                throw first.Error.FromWire();
            default:
                throw new UnavailableException($"the answer to Hello was {first?.KindCase.ToString() ?? "an empty frame"}, not Welcome");
        }
    }
}
