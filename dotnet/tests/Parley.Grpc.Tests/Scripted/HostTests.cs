using Microsoft.Extensions.Time.Testing;
using Parley.RuntimeSuite;
using Parley.Wire.V1;

namespace Parley.Grpc.Tests.Scripted;

/// <summary>What the SDK does with what a broker asks of it.</summary>
public sealed class HostTests : IAsyncLifetime
{
    private static readonly AgentId Agent = new("worker", "k");
    private static readonly AgentId Listener = new("listener", "k");
    private readonly Witness _witness = new();
    private ScriptedBroker _broker = null!;

    public async ValueTask InitializeAsync() => _broker = await ScriptedBroker.StartAsync();

    public ValueTask DisposeAsync() => _broker.DisposeAsync();

    [Fact]
    public async Task Types_are_registered_before_subscriptions()
    {
        var (runtime, connection) = await _broker.ConnectAsync();
        connection.Obliging = false;
        await RoutedAgent.RegisterAsync(runtime, "listener", () => new Listener(_witness));
        await RoutedAgent.RegisterAsync(runtime, "clerk", () => new Clerk(_witness), new RegisterOptions { SkipDirectMessageSubscription = true });
        await runtime.AddSubscriptionAsync(new TypeSubscription("early", "listener"));
        var starting = runtime.StartAsync();
        var types = new[] { await NextAsync(connection), await NextAsync(connection) }.Select(m => m.RegisterAgentType).OrderBy(t => t.Type).ToArray();
        Assert.Equal(("clerk", Wire.V1.AgentMode.Stateless), (types[0].Type, types[0].Mode));
        Assert.Equal(("listener", Wire.V1.AgentMode.Standard, 1u), (types[1].Type, types[1].Mode, types[1].Concurrency));
        Wire.V1.Subscription[] subscriptions =
        [
            .. new[] { await NextAsync(connection), await NextAsync(connection), await NextAsync(connection), await NextAsync(connection) }
                .Select(m => m.Subscribe.Subscription),
        ];
        await starting.Within();
        Assert.Equal(["early", "listener:", "news", "news."], subscriptions.Select(s => s.TopicType).Order(StringComparer.Ordinal));
        Assert.False(subscriptions.Single(s => s.TopicType == "listener:").Durable);
        Assert.Equal(TopicMatch.Prefix, subscriptions.Single(s => s.TopicType == "news.").Match);
    }

    [Fact]
    public async Task A_request_may_follow_its_activation_at_once()
    {
        var (_, connection) = await HostAsync();
        await connection.ActivateAsync(Agent, epoch: 7);
        var id = await connection.RequestAsync(Agent, new Ask("x"), epoch: 7);
        var answers = new[] { await connection.NextAsync(), await connection.NextAsync() };
        Assert.Contains(answers, a => a.KindCase == Message.KindOneofCase.Done);
        var reply = Envelope.Parser.ParseFrom(answers.Single(a => a.Re == id).Reply.Envelope);
        Assert.Equal("Answer", reply.Payload.TypeName);
        Assert.NotEmpty(reply.MessageId);
    }

    [Fact]
    public async Task An_activation_that_fails_is_answered_for_itself_and_its_messages()
    {
        var (_, connection) = await HostAsync();
        await connection.ActivateAsync(new AgentId("broken", "k"));
        var id = await connection.RequestAsync(new AgentId("broken", "k"), new Ask("x"));
        var answers = new[] { await connection.NextAsync(), await connection.NextAsync() };
        Assert.All(answers, a => Assert.Equal(Wire.V1.ErrorReason.ActivationFailed, a.Error.Reason));
        Assert.All(answers, a => Assert.Equal("broken/k", a.Error.Details["agent"]));
        Assert.Contains(answers, a => a.Re == id);
        // The broker may have sent more by the time that it hears of it.
        var later = await connection.RequestAsync(new AgentId("broken", "k"), new Ask("x"));
        var error = await connection.NextAsync(Message.KindOneofCase.Error);
        Assert.Equal((later, Wire.V1.ErrorReason.ActivationFailed, "broken/k"), (error.Re, error.Error.Reason, error.Error.Details["agent"]));
        await connection.DeliverAsync(new AgentId("broken", "k"), new News("x"), position: 3);
        var nack = (await connection.NextAsync(Message.KindOneofCase.Nack)).Nack;
        Assert.Equal((3ul, Wire.V1.ErrorReason.ActivationFailed, "broken/k"), (nack.Position, nack.Error.Reason, nack.Error.Details["agent"]));
    }

    [Theory]
    [InlineData(6ul)]
    [InlineData(8ul)]
    public async Task Another_epoch_than_that_of_the_activation_is_stale(ulong epoch)
    {
        var (_, connection) = await HostAsync();
        await connection.ActivateAsync(Agent, epoch: 7);
        await connection.NextAsync(Message.KindOneofCase.Done);
        await connection.RequestAsync(Agent, new Ask("x"), epoch);
        var error = (await connection.NextAsync(Message.KindOneofCase.Error)).Error;
        Assert.Equal((Wire.V1.ErrorReason.StaleEpoch, $"{epoch}", "7"), (error.Reason, error.Details["epoch"], error.Details["current"]));
    }

    [Fact]
    public async Task A_cancel_fires_the_handlers_token()
    {
        var (_, connection) = await ActivatedAsync();
        var id = await connection.RequestAsync(Agent, new Wait("a"));
        await _witness.WaitForAsync("start a");
        await connection.SendAsync(new Message { Cancel = new Cancel { RequestId = id + 1 } }, new Message { Cancel = new Cancel { RequestId = id } });
        await _witness.WaitForAsync("cancelled a");
        Assert.Equal(Wire.V1.ErrorReason.Cancelled, (await connection.NextAsync(Message.KindOneofCase.Error)).Error.Reason);
    }

    [Fact]
    public async Task The_deadline_fires_the_handlers_token()
    {
        var (_, connection) = await ActivatedAsync();
        await connection.RequestAsync(Agent, new Wait("a"), timeoutMs: 50);
        await _witness.WaitForAsync("cancelled a");
        Assert.Equal(Wire.V1.ErrorReason.DeadlineExceeded, (await connection.NextAsync(Message.KindOneofCase.Error)).Error.Reason);
    }

    [Fact]
    public async Task A_nested_request_carries_the_chain_and_needs_no_credit()
    {
        var (_, connection) = await ActivatedAsync(creditMessages: 0);
        var id = await connection.RequestAsync(Agent, new Relay([new AgentId("next", "n")]), timeoutMs: 5_000, chain: new AgentId("first", "f"));
        var nested = await connection.NextAsync(Message.KindOneofCase.Request);
        Assert.Equal(["first/f", "worker/k"], nested.Request.CallChain.Select(a => $"{a.Type}/{a.Key}"));
        Assert.Equal(("worker", "k", 1ul), (nested.Request.Sender.Type, nested.Request.Sender.Key, nested.Request.SenderEpoch));
        Assert.InRange(nested.Request.TimeoutMs, 1u, 5_000u);
        await connection.SendAsync(new Message { Re = nested.Id, Reply = new Reply { Envelope = ScriptedConnection.Envelope(new Answer("n")) } });
        Assert.Equal(id, (await connection.NextAsync(Message.KindOneofCase.Reply)).Re);
    }

    [Fact]
    public async Task Nested_requests_pass_the_limit_on_handlers()
    {
        var (_, connection) = await ActivatedAsync(o => o.MaxConcurrency = 1);
        await connection.RequestAsync(Agent, new Wait("outer"));
        await _witness.WaitForAsync("start outer");
        await connection.RequestAsync(Agent, new Wait("second root"));
        await connection.RequestAsync(Agent, new Wait("nested"), chain: new AgentId("first", "f"));
        await _witness.WaitForAsync("start nested");
        Assert.DoesNotContain("start second root", _witness.Seen);
        _witness.Open("outer");
        await _witness.WaitForAsync("start second root");
    }

    [Fact]
    public async Task Credit_comes_back_when_handlers_start()
    {
        var (_, connection) = await ActivatedAsync();
        for (var i = 0; i < 150; i++)
        {
            await connection.RequestAsync(Agent, new Ask("x"));
            await connection.NextAsync(Message.KindOneofCase.Reply);
        }

        Assert.InRange(connection.Frames.Max(f => f.CreditMessages), 320ul, 406ul);
        Assert.True(connection.Frames.Max(f => f.CreditBytes) > 16 * 1024 * 1024);
    }

    [Fact]
    public async Task Events_are_settled_by_how_they_ended()
    {
        var (_, connection) = await ActivatedAsync();
        await connection.DeliverAsync(Listener, new News("fine"), position: 10);
        var ack = (await connection.NextAsync(Message.KindOneofCase.Ack)).Ack;
        Assert.Equal((10ul, 1ul, 1ul, false), (ack.Position, ack.Round, ack.Epoch, ack.Ignored));
        await connection.DeliverAsync(Listener, new Fail("on purpose"), position: 12);
        var nack = (await connection.NextAsync(Message.KindOneofCase.Nack)).Nack;
        Assert.Equal((12ul, Wire.V1.ErrorReason.HandlerFailed), (nack.Position, nack.Error.Reason));
        await connection.DeliverAsync(Listener, new Ask("no handler for it as an event"), position: 13, round: 2);
        Assert.True((await connection.NextAsync(Message.KindOneofCase.Ack)).Ack.Ignored);
        await connection.DeliverAsync(Listener, new SerializedMessage("Nobody.Knows", ContentTypes.Json, "{}"u8.ToArray()), position: 14, round: 2);
        Assert.True((await connection.NextAsync(Message.KindOneofCase.Ack)).Ack.Ignored);
        await connection.DeliverAsync(Listener, new SerializedMessage("News", ContentTypes.Json, "{"u8.ToArray()), position: 15, round: 2);
        Assert.Equal(Wire.V1.ErrorReason.MalformedPayload, (await connection.NextAsync(Message.KindOneofCase.Nack)).Nack.Error.Reason);
    }

    [Fact]
    public async Task Ephemeral_events_repeated_ones_and_those_of_older_rounds_are_not_settled()
    {
        var (_, connection) = await ActivatedAsync();
        await connection.DeliverAsync(Listener, new News("ephemeral"), position: 0, round: 0);
        await connection.DeliverAsync(Listener, new News("one"), position: 10, round: 2);
        var running = await connection.NextAsync(Message.KindOneofCase.Ack);
        await connection.DeliverAsync(Listener, new News("awaiting its result"), position: 10, round: 2);
        await connection.DeliverAsync(Listener, new News("of an older round"), position: 11, round: 1);
        await connection.SendAsync(new Message { Re = running.Id, Done = new Done() });
        await connection.DeliverAsync(Listener, new News("two"), position: 12, round: 2);
        Assert.Equal(12ul, (await connection.NextAsync(Message.KindOneofCase.Ack)).Ack.Position);
        Assert.Equal(["ephemeral", "one", "two"], _witness.Seen.Select(s => s.Split(' ')[2]));
    }

    [Fact]
    public async Task A_handler_of_an_event_that_runs_too_long_is_cancelled_and_nacked()
    {
        var (runtime, connection) = await ActivatedAsync(o => o.EventTimeout = TimeSpan.FromMilliseconds(50));
        await RoutedAgent.RegisterAsync(runtime, "slow", () => new Slow()).Within();
        await connection.ActivateAsync(new AgentId("slow", "k"));
        await connection.NextAsync(Message.KindOneofCase.Done);
        await connection.DeliverAsync(new AgentId("slow", "k"), new News("x"), position: 1);
        Assert.Equal(Wire.V1.ErrorReason.DeadlineExceeded, (await connection.NextAsync(Message.KindOneofCase.Nack)).Nack.Error.Reason);
    }

    [Fact]
    public async Task A_handler_that_ignores_its_limit_holds_its_agent_but_not_its_event()
    {
        var (runtime, connection) = await ActivatedAsync(o => (o.EventTimeout, o.MaxConcurrency) = (TimeSpan.FromMilliseconds(50), 1));
        await RoutedAgent.RegisterAsync(runtime, "deaf", () => new Deaf(_witness)).Within();
        var deaf = new AgentId("deaf", "k");
        await connection.ActivateAsync(deaf);
        await connection.NextAsync(Message.KindOneofCase.Done);
        await connection.DeliverAsync(deaf, new News("one"), position: 1);
        var nack = await connection.NextAsync(Message.KindOneofCase.Nack);
        Assert.Equal((1ul, Wire.V1.ErrorReason.DeadlineExceeded), (nack.Nack.Position, nack.Nack.Error.Reason));
        Assert.DoesNotContain("end one", _witness.Seen);
        await connection.SendAsync(new Message { Re = nack.Id, Done = new Done() });
        await connection.DeliverAsync(deaf, new News("two"), position: 1, round: 2);
        // Its slot is free: other agents go on.
        await connection.DeliverAsync(Listener, new News("another agent's"), position: 1);
        Assert.Equal("listener", (await connection.NextAsync(Message.KindOneofCase.Ack)).Ack.Recipient.Type);
        Assert.DoesNotContain("start two", _witness.Seen);
        _witness.Open("two");
        _witness.Open("one");
        var ack = (await connection.NextAsync(Message.KindOneofCase.Ack)).Ack;
        Assert.Equal((1ul, 2ul), (ack.Position, ack.Round));
        Assert.Equal(["start one", "end one", "start two", "end two"], _witness.Seen.Where(s => !s.Contains('/')));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_call_that_has_ended_for_its_caller_gives_its_slot_back(bool cancelled)
    {
        var (runtime, connection) = await ActivatedAsync(o => o.MaxConcurrency = 1);
        await RoutedAgent.RegisterAsync(runtime, "deaf", () => new Deaf(_witness)).Within();
        await connection.ActivateAsync(new AgentId("deaf", "k"));
        await connection.NextAsync(Message.KindOneofCase.Done);
        var id = await connection.RequestAsync(new AgentId("deaf", "k"), new News("one"), timeoutMs: cancelled ? 60_000u : 50u);
        await _witness.WaitForAsync("start one");
        var second = await connection.RequestAsync(Agent, new Ask("x"));
        if (cancelled)
        {
            await connection.SendAsync(new Message { Cancel = new Cancel { RequestId = id } });
        }

        Assert.Equal(second, (await connection.NextAsync(Message.KindOneofCase.Reply)).Re);
        Assert.DoesNotContain("end one", _witness.Seen);
        _witness.Open("one");
    }

    [Fact]
    public async Task Bad_commands_fail_alone()
    {
        var (_, connection) = await ActivatedAsync();
        await connection.SendAsync(new Message { Id = 1001 });
        var unknown = await connection.NextAsync(Message.KindOneofCase.Error);
        Assert.Equal((1001ul, Wire.V1.ErrorReason.InvalidArgument), (unknown.Re, unknown.Error.Reason));
        await connection.SendAsync(new Message());
        await connection.SendAsync(new Message { Id = 1002, Request = new Request { Target = new() { Type = "worker", Key = "\u0001" } } });
        Assert.Equal((1002ul, Wire.V1.ErrorReason.InvalidArgument), await ErrorAsync(connection));
        await connection.SendAsync(new Message { Id = 1003, Request = new Request() });
        Assert.Equal((1003ul, Wire.V1.ErrorReason.InvalidArgument), await ErrorAsync(connection));
        await connection.SendAsync(new Message { Id = 1004, SaveRequest = new SaveRequest { Agent = new() { Type = "worker" } } });
        Assert.Equal((1004ul, Wire.V1.ErrorReason.InvalidArgument), await ErrorAsync(connection));
        await connection.SendAsync(new Message { Id = 1005, Deactivate = new Deactivate() });
        Assert.Equal((1005ul, Wire.V1.ErrorReason.InvalidArgument), await ErrorAsync(connection));
        await connection.SendAsync(new Message { Delivery = new Delivery() });
        var id = await connection.RequestAsync(Agent, Google.Protobuf.ByteString.CopyFrom(0xff, 0xff));
        Assert.Equal((id, Wire.V1.ErrorReason.MalformedPayload), await ErrorAsync(connection));
        await connection.RequestAsync(Agent, new Ask("still here"));
        await connection.NextAsync(Message.KindOneofCase.Reply);
    }

    [Fact]
    public async Task After_silence_the_session_is_confirmed_before_another_handler_starts()
    {
        var time = new FakeTimeProvider();
        var welcome = ScriptedBroker.NewWelcome();
        var (_, connection) = await ActivatedAsync(
            o =>
            {
                o.TimeProvider = time;
                o.MaxConcurrency = 1;
            },
            welcome: welcome);
        await connection.RequestAsync(Agent, new Wait("a"), timeoutMs: 3_600_000);
        await _witness.WaitForAsync("start a");
        await connection.RequestAsync(Agent, new Wait("b"), timeoutMs: 3_600_000);
        await connection.RequestAsync(Agent, new Ask("read by now"), chain: new AgentId("first", "f"));
        await connection.NextAsync(Message.KindOneofCase.Reply);
        time.Advance(TimeSpan.FromMilliseconds(welcome.HeartbeatIntervalMs * 3));
        _witness.Open("a");
        Message? question = null;
        var replied = false;
        while (question is null || !replied)
        {
            var next = await connection.NextAsync();
            question = next.KindCase == Message.KindOneofCase.Heartbeat ? next : question;
            replied |= next.KindCase == Message.KindOneofCase.Reply;
        }

        Assert.DoesNotContain("start b", _witness.Seen);
        await connection.WriteAsync(new Frame { Messages = { new Message { Re = question.Id, Heartbeat = new Heartbeat() } } });
        await _witness.WaitForAsync("start b");
    }

    [Fact]
    public async Task A_handler_that_blocks_holds_up_neither_heartbeats_nor_other_agents()
    {
        var welcome = ScriptedBroker.NewWelcome();
        welcome.HeartbeatIntervalMs = 200;
        var (runtime, connection) = await ActivatedAsync(welcome: welcome);
        using var release = new ManualResetEventSlim();
        await RoutedAgent.RegisterAsync(runtime, "blocking", () => new Blocking(_witness, release)).Within();
        await connection.ActivateAsync(new AgentId("blocking", "k"));
        await connection.NextAsync(Message.KindOneofCase.Done);
        var blocked = await connection.RequestAsync(new AgentId("blocking", "k"), new Ask("x"));
        await _witness.WaitForAsync("blocking");
        connection.Obliging = false;
        for (var i = 0; i < 5; i++)
        {
            await connection.NextAsync(Message.KindOneofCase.Heartbeat);
            await connection.WriteAsync(new Frame { Messages = { new Message { Heartbeat = new Heartbeat() } } });
        }

        connection.Obliging = true;
        await connection.RequestAsync(Agent, new Ask("x"));
        await connection.NextAsync(Message.KindOneofCase.Reply);
        release.Set();
        Assert.Equal(blocked, (await connection.NextAsync(Message.KindOneofCase.Reply)).Re);
    }

    private async Task<(DistributedRuntime Runtime, ScriptedConnection Connection)> HostAsync(
        Action<DistributedRuntimeOptions>? configure = null, Welcome? welcome = null, ulong creditMessages = 1000)
    {
        var (runtime, connection) = await _broker.ConnectAsync(configure, welcome, creditMessages);
        await RoutedAgent.RegisterAsync(runtime, "worker", () => new Worker(_witness));
        await RoutedAgent.RegisterAsync(runtime, "listener", () => new Listener(_witness));
        await RoutedAgent.RegisterAsync(runtime, "broken", Worker () => throw new InvalidTimeZoneException("no parts"));
        await runtime.StartAsync().Within();
        return (runtime, connection);
    }

    private async Task<(DistributedRuntime Runtime, ScriptedConnection Connection)> ActivatedAsync(
        Action<DistributedRuntimeOptions>? configure = null, Welcome? welcome = null, ulong creditMessages = 1000)
    {
        var (runtime, connection) = await HostAsync(configure, welcome, creditMessages);
        foreach (var agent in new[] { Agent, Listener })
        {
            await connection.ActivateAsync(agent);
            await connection.NextAsync(Message.KindOneofCase.Done);
        }

        return (runtime, connection);
    }

    private static async Task<(ulong Re, Wire.V1.ErrorReason Reason)> ErrorAsync(ScriptedConnection connection)
    {
        var error = await connection.NextAsync(Message.KindOneofCase.Error);
        return (error.Re, error.Error.Reason);
    }

    private static async Task<Message> NextAsync(ScriptedConnection connection)
    {
        var message = await connection.NextAsync();
        await connection.SendAsync(new Message { Re = message.Id, Done = new Done() });
        return message;
    }

    private sealed class Slow : RoutedAgent
    {
        [EventMethod]
        public Task On(News message, MessageContext context) => Task.Delay(Timeout.InfiniteTimeSpan, context.CancellationToken);
    }

    private sealed class Deaf(Witness witness) : RoutedAgent
    {
        [EventMethod]
        public Task On(News message) => RunAsync(message);

        [RpcMethod]
        public Task Call(News message) => RunAsync(message);

        private async Task RunAsync(News message)
        {
            witness.Saw($"start {message.Text}");
            await witness.Gate(message.Text);
            witness.Saw($"end {message.Text}");
        }
    }

    private sealed class Blocking(Witness witness, ManualResetEventSlim release) : RoutedAgent
    {
        [RpcMethod]
        public Answer Block(Ask message)
        {
            witness.Saw("blocking");
            release.Wait(TimeSpan.FromSeconds(20));
            return new Answer(message.Text);
        }
    }
}
