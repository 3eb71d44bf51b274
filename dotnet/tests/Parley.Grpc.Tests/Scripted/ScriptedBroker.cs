using System.Threading.Channels;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Parley.Wire.V1;

namespace Parley.Grpc.Tests.Scripted;

/// <summary>A broker that does what a test says, message by message.</summary>
internal sealed class ScriptedBroker : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly Channel<ScriptedConnection> _connections = Channel.CreateUnbounded<ScriptedConnection>();

    private ScriptedBroker()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(k => k.Listen(System.Net.IPAddress.Loopback, 0, o => o.Protocols = HttpProtocols.Http2));
        builder.Services.AddGrpc(o => o.MaxReceiveMessageSize = 65 * 1024 * 1024);
        builder.Services.AddSingleton(_connections);
        _app = builder.Build();
        _app.MapGrpcService<Service>();
    }

    public string Url => $"grpc://{new Uri(_app.Urls.Single()).Authority}";

    /// <summary>The kinds of the contract.</summary>
    public static IEnumerable<uint> AllKinds => Enum.GetValues<Message.KindOneofCase>().Where(k => k != 0).Select(k => (uint)k);

    public static async Task<ScriptedBroker> StartAsync()
    {
        var broker = new ScriptedBroker();
        await broker._app.StartAsync();
        return broker;
    }

    /// <summary>A runtime and its connection, past Welcome.</summary>
    public async Task<(DistributedRuntime Runtime, ScriptedConnection Connection)> ConnectAsync(
        Action<DistributedRuntimeOptions>? configure = null, Welcome? welcome = null, ulong creditMessages = 1000)
    {
        var creating = DistributedRuntime.CreateAsync(Url, "test", configure);
        var connection = await AcceptAsync();
        await connection.WelcomeAsync(welcome ?? NewWelcome(), creditMessages);
        return (await creating.WaitAsync(TimeSpan.FromSeconds(20)), connection);
    }

    /// <summary>The next connection, its Hello read.</summary>
    public async Task<ScriptedConnection> AcceptAsync()
    {
        using var late = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        return await _connections.Reader.ReadAsync(late.Token);
    }

    /// <summary>A session that can be resumed.</summary>
    public static Welcome NewWelcome(string session, string incarnation = "i", bool resumed = false, ulong received = 0)
    {
        var welcome = NewWelcome();
        welcome.SessionId = session;
        welcome.Incarnation = incarnation;
        welcome.ResumeToken = Google.Protobuf.ByteString.CopyFromUtf8($"token of {session}");
        welcome.SessionGraceMs = 60_000;
        (welcome.Resumed, welcome.Received) = (resumed, received);
        return welcome;
    }

    public static Welcome NewWelcome() => new()
    {
        Version = 1,
        SessionId = "s",
        Incarnation = "i",
        HeartbeatIntervalMs = 60_000,
        BrokerName = "scripted",
        BrokerVersion = "0",
        Kinds = { AllKinds },
        Limits = new Wire.V1.Limits { MaxEnvelopeBytes = 4 * 1024 * 1024 },
    };

    public async ValueTask DisposeAsync()
    {
        using var now = new CancellationTokenSource(TimeSpan.Zero);
        await _app.StopAsync(now.Token);
        await _app.DisposeAsync();
    }

    private sealed class Service(Channel<ScriptedConnection> connections) : BrokerService.BrokerServiceBase
    {
        public override async Task Connect(IAsyncStreamReader<Frame> requestStream, IServerStreamWriter<Frame> responseStream, ServerCallContext context)
        {
            var connection = new ScriptedConnection(requestStream, responseStream, context.GetHttpContext().Abort);
            await connections.Writer.WriteAsync(connection);
            await connection.RunAsync();
        }
    }
}
