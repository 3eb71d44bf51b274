using System.Threading.Channels;
using Google.Protobuf;
using Grpc.Core;
using Parley.Wire.V1;

namespace Parley.Grpc.Tests.Scripted;

/// <summary>One connection as the scripted broker has it; keeps what came and says what it is told to.</summary>
internal sealed class ScriptedConnection(IAsyncStreamReader<Frame> incoming, IServerStreamWriter<Frame> outgoing, Action cut)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly Channel<Message> _messages = Channel.CreateUnbounded<Message>();
    private readonly List<Frame> _frames = [];
    private readonly TaskCompletionSource<Status> _end = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Channel<Frame> _outgoing = Channel.CreateUnbounded<Frame>();
    private ulong _seq;
    private ulong _ids;

    /// <summary>Answers registrations and subscriptions by itself, and passes heartbeats over that want no answer.</summary>
    public bool Obliging { get; set; } = true;

    /// <summary>Does not end the stream when the other side has.</summary>
    public bool Lingers { get; set; }

    public IReadOnlyList<Frame> Frames
    {
        get
        {
            lock (_frames)
            {
                return [.. _frames];
            }
        }
    }

    public async Task RunAsync()
    {
        _ = ReadAsync();
        var writing = WriteAllAsync();
        var status = await _end.Task;
        _outgoing.Writer.TryComplete();
        await writing;
        if (status.StatusCode != StatusCode.OK)
        {
            throw new RpcException(status);
        }
    }

    /// <summary>Ends the stream.</summary>
    public void End(StatusCode code = StatusCode.OK, string text = "") => _end.TrySetResult(new Status(code, text));

    /// <summary>Cuts the connection, without a status.</summary>
    public void Cut()
    {
        cut();
        End();
    }

    /// <summary>How many numbered messages of the session were sent so far.</summary>
    public ulong Seq => _seq;

    /// <summary>Answers Hello, and returns it.</summary>
    public async Task<Hello> WelcomeAsync(Welcome welcome, ulong creditMessages = 1000, ulong sent = 0)
    {
        _seq = sent;
        var hello = await NextAsync(Message.KindOneofCase.Hello);
        await WriteAsync(new Frame
        {
            CreditMessages = creditMessages,
            CreditBytes = 16 * 1024 * 1024,
            Messages = { new Message { Re = hello.Id, Welcome = welcome } },
        });
        return hello.Hello;
    }

    /// <summary>The next message, which must be of that kind.</summary>
    public async Task<Message> NextAsync(Message.KindOneofCase kind)
    {
        var message = await NextAsync();
        Assert.True(message.KindCase == kind, $"{kind} was expected, but this came: {message}");
        return message;
    }

    public async Task<Message> NextAsync()
    {
        using var late = new CancellationTokenSource(Patience);
        return await _messages.Reader.ReadAsync(late.Token);
    }

    /// <summary>Sends numbered messages in one frame.</summary>
    public Task SendAsync(params Message[] messages)
    {
        lock (_frames)
        {
            var frame = new Frame { FirstSeq = _seq + 1, Messages = { messages } };
            _seq += (ulong)messages.Length;
            _outgoing.Writer.TryWrite(frame);
        }

        return Task.CompletedTask;
    }

    public Task WriteAsync(Frame frame)
    {
        _outgoing.Writer.TryWrite(frame);
        return Task.CompletedTask;
    }

    /// <summary>Gives an agent to the worker; the answer is still to come.</summary>
    public Task ActivateAsync(AgentId agent, ulong epoch = 1) =>
        SendAsync(new Message { Id = ++_ids, Activate = new Activate { Agent = agent.ToWire(), Epoch = epoch } });

    public async Task<ulong> RequestAsync(AgentId agent, object message, ulong epoch = 1, uint? timeoutMs = null, params AgentId[] chain)
    {
        var request = new Request { Target = agent.ToWire(), Epoch = epoch, Attempt = 1, Envelope = Envelope(message) };
        request.CallChain.Add(chain.Select(a => a.ToWire()));
        if (timeoutMs is { } ms)
        {
            request.TimeoutMs = ms;
        }

        var id = ++_ids;
        await SendAsync(new Message { Id = id, Request = request });
        return id;
    }

    public Task DeliverAsync(AgentId agent, object message, ulong position, ulong round = 1, ulong epoch = 1, uint attempt = 1) => SendAsync(new Message
    {
        Delivery = new Delivery
        {
            Recipient = agent.ToWire(),
            Epoch = epoch,
            Position = position,
            Round = round,
            Attempt = attempt,
            EventId = $"e{position}",
            Topic = new TopicId("t", agent.Key).ToWire(),
            Envelope = Envelope(message),
        },
    });

    public static ByteString Envelope(object message) => message as ByteString
        ?? WireTypes.ToEnvelope(message as SerializedMessage? ?? new SerializationRegistry().Encode(message), "m");

    private async Task WriteAllAsync()
    {
        try
        {
            await foreach (var frame in _outgoing.Reader.ReadAllAsync())
            {
                await outgoing.WriteAsync(frame);
            }
        }
        catch (Exception e) when (e is IOException or RpcException or InvalidOperationException or OperationCanceledException)
        {
            // The client went away without a word.
            End();
        }
    }

    private async Task TakeAsync(Message message)
    {
        switch (message.KindCase)
        {
            case Message.KindOneofCase.RegisterAgentType or Message.KindOneofCase.Subscribe when Obliging:
                await SendAsync(new Message { Re = message.Id, Done = new Done() });
                break;
            case Message.KindOneofCase.Heartbeat when Obliging && message.Id == 0:
                break;
            default:
                await _messages.Writer.WriteAsync(message);
                break;
        }
    }

    private async Task ReadAsync()
    {
        try
        {
            while (await incoming.MoveNext(CancellationToken.None))
            {
                lock (_frames)
                {
                    _frames.Add(incoming.Current);
                }

                foreach (var message in incoming.Current.Messages)
                {
                    await TakeAsync(message);
                }
            }

            if (!Lingers)
            {
                End();
            }
        }
        catch (Exception e) when (e is IOException or RpcException or InvalidOperationException)
        {
            // The client went away without a word.
            End();
        }

        _messages.Writer.Complete();
    }
}
