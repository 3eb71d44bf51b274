using System.Collections.Concurrent;
using Microsoft.Extensions.Time.Testing;
using Parley.RuntimeSuite;
using Parley.Wire.V1;

namespace Parley.Grpc.Tests.Scripted;

/// <summary>What the SDK does when connections, sessions and brokers end.</summary>
public sealed class SessionTests : IAsyncLifetime
{
    private static readonly AgentId Agent = new("worker", "k");
    private static readonly AgentId Listener = new("listener", "k");
    private static readonly AgentId Somebody = new("somebody", "k");
    private static readonly TopicId News = new("news");
    private readonly Witness _witness = new();
    private readonly ConcurrentQueue<RuntimeState> _states = new();
    private ScriptedBroker _broker = null!;

    public async ValueTask InitializeAsync() => _broker = await ScriptedBroker.StartAsync();

    public ValueTask DisposeAsync() => _broker.DisposeAsync();

    [Fact]
    public async Task A_resumed_session_goes_on_where_it_was()
    {
        var (runtime, first) = await HostAsync();
        var numbered = first.Frames.Sum(f => f.FirstSeq > 0 ? f.Messages.Count(IsNumbered) : 0);
        var call = runtime.SendMessageAsync<Answer>(new Ask("x"), Somebody, new SendOptions { Timeout = TimeSpan.FromSeconds(30) });
        var request = await first.NextAsync(Message.KindOneofCase.Request);
        first.Cut();
        var second = await _broker.AcceptAsync();
        var publish = runtime.PublishMessageAsync(new News("while away"), News);
        var hello = await second.WelcomeAsync(ScriptedBroker.NewWelcome("s1", resumed: true, received: (ulong)numbered), sent: first.Seq);
        Assert.Equal(("s1", "token of s1", first.Seq), (hello.Resume.SessionId, hello.Resume.ResumeToken.ToStringUtf8(), hello.Resume.Received));
        var again = await second.NextAsync(Message.KindOneofCase.Request);
        Assert.Equal(request.Id, again.Id);
        Assert.InRange(again.Request.TimeoutMs, 1u, request.Request.TimeoutMs);
        var published = await second.NextAsync(Message.KindOneofCase.Publish);
        var frames = second.Frames;
        Assert.Equal((100ul, 16ul * 1024 * 1024), (frames[0].CreditMessages, frames[0].CreditBytes));
        Assert.Equal((ulong)numbered + 1, frames.First(f => f.FirstSeq > 0).FirstSeq);
        Assert.True(frames.First(f => f.FirstSeq > 0).CreditMessages >= 100, "the credit totals are said again");
        await second.SendAsync(Reply(request, "resumed"), new Message { Re = published.Id, Published = new Published { Recipients = 1 } });
        Assert.Equal("resumed", (await call.Within()).Text);
        await publish.Within();
        Assert.Equal([RuntimeState.Reconnecting, RuntimeState.Resumed], _states);
    }

    [Fact]
    public async Task What_is_sent_again_spends_no_credit_again()
    {
        var (runtime, first) = await HostAsync(creditMessages: 2);
        var publishes = Enumerable.Range(0, 3).Select(i => runtime.PublishMessageAsync(new News($"{i}"), News)).ToArray();
        await first.NextAsync(Message.KindOneofCase.Publish);
        await first.NextAsync(Message.KindOneofCase.Publish);
        first.Cut();
        var second = await _broker.AcceptAsync();
        await second.WelcomeAsync(ScriptedBroker.NewWelcome("s1", resumed: true), creditMessages: 3, sent: first.Seq);
        for (var i = 1ul; i <= 3; i++)
        {
            var publish = await NextAsync(second, Message.KindOneofCase.Publish);
            Assert.Equal(i, publish.Publish.ProducerSeq);
            await second.SendAsync(new Message { Re = publish.Id, Published = new Published { Recipients = 1 } });
        }

        await Task.WhenAll(publishes).Within();
    }

    [Fact]
    public async Task A_new_session_is_joined_before_anything_else_is_said_in_it()
    {
        var (runtime, first) = await HostAsync();
        await ActivateAsync(first, Agent, 7);
        var call = runtime.SendMessageAsync(new Ask("outcome unknown"), Somebody);
        await first.NextAsync(Message.KindOneofCase.Request);
        var publish = runtime.PublishMessageAsync(new News("again"), News);
        var sent = await first.NextAsync(Message.KindOneofCase.Publish);
        var ephemeral = runtime.PublishMessageAsync(new News("once"), News, new PublishOptions { Ephemeral = true });
        Assert.Equal(0ul, (await first.NextAsync(Message.KindOneofCase.Publish)).Publish.ProducerSeq);
        first.Cut();
        var second = await _broker.AcceptAsync();
        second.Obliging = false;
        var late = runtime.SendMessageAsync<Answer>(new Ask("not sent yet"), Somebody);
        var hello = await second.WelcomeAsync(ScriptedBroker.NewWelcome("s2", incarnation: "i2"));
        Assert.Equal(1u, hello.Resume.Agents);
        await Assert.ThrowsAsync<OutcomeUnknownException>(() => call.Within());
        await Assert.ThrowsAsync<OutcomeUnknownException>(() => ephemeral.Within());

        var joined = new List<Message>();
        for (var i = 0; i < 2 + 4 + 1; i++)
        {
            joined.Add(await second.NextAsync());
        }

        Assert.Equal(
            [.. Enumerable.Repeat(Message.KindOneofCase.RegisterAgentType, 2), .. Enumerable.Repeat(Message.KindOneofCase.Subscribe, 4), Message.KindOneofCase.Claim],
            joined.Select(m => m.KindCase));
        Assert.Equal(("worker", 7ul), (joined[^1].Claim.Agents.Single().Agent.Type, joined[^1].Claim.Agents.Single().Epoch));
        await second.SendAsync([.. joined[..^1].Select(m => new Message { Re = m.Id, Done = new Done() })]);
        await second.SendAsync(new Message { Re = joined[^1].Id, ClaimResult = new ClaimResult() });
        var again = await second.NextAsync(Message.KindOneofCase.Publish);
        Assert.Equal((sent.Publish.ProducerSeq, sent.Publish.Envelope), (again.Publish.ProducerSeq, again.Publish.Envelope));
        var request = await second.NextAsync(Message.KindOneofCase.Request);
        await second.SendAsync(new Message { Re = again.Id, Published = new Published { Duplicate = true } }, Reply(request, "late"));
        await publish.Within();
        Assert.Equal("late", (await late.Within()).Text);
        Assert.Equal([RuntimeState.Reconnecting, RuntimeState.Lost, RuntimeState.Connected], _states);
        // What was claimed goes on.
        await second.RequestAsync(Agent, new Ask("y"), epoch: 7);
        await second.NextAsync(Message.KindOneofCase.Reply);
    }

    [Fact]
    public async Task An_agent_whose_claim_is_refused_is_dropped()
    {
        var (_, first) = await HostAsync();
        await ActivateAsync(first, Agent, 7);
        await first.RequestAsync(Agent, new Wait("a"), epoch: 7);
        await _witness.WaitForAsync("start a");
        first.Cut();
        var second = await _broker.AcceptAsync();
        await second.WelcomeAsync(ScriptedBroker.NewWelcome("s2"));
        var claim = await second.NextAsync(Message.KindOneofCase.Claim);
        Assert.DoesNotContain("cancelled a", _witness.Seen);
        await second.SendAsync(new Message { Re = claim.Id, ClaimResult = new ClaimResult { Refused = { Agent.ToWire() } } });
        await _witness.WaitForAsync("cancelled a");
        await second.RequestAsync(Agent, new Ask("x"), epoch: 7);
        Assert.Equal(Wire.V1.ErrorReason.ActivationFailed, (await second.NextAsync(Message.KindOneofCase.Error)).Error.Reason);
    }

    [Fact]
    public async Task After_the_grace_the_session_is_lost_and_not_taken_back()
    {
        var welcome = ScriptedBroker.NewWelcome("s1");
        welcome.SessionGraceMs = 100;
        var (runtime, first) = await HostAsync(welcome: welcome);
        var call = runtime.SendMessageAsync(new Ask("x"), Somebody);
        await first.NextAsync(Message.KindOneofCase.Request);
        first.Cut();
        var second = await _broker.AcceptAsync();
        await Assert.ThrowsAsync<OutcomeUnknownException>(() => call.Within());
        await second.WelcomeAsync(ScriptedBroker.NewWelcome("s1", resumed: true), sent: first.Seq);
        await second.NextAsync(Message.KindOneofCase.Goodbye);
        var third = await _broker.AcceptAsync();
        Assert.Null((await third.WelcomeAsync(ScriptedBroker.NewWelcome("s2"))).Resume);
        await UntilAsync(() => _states.Contains(RuntimeState.Connected));
        Assert.Equal([RuntimeState.Reconnecting, RuntimeState.Lost, RuntimeState.Connected], _states);
        await CallWorksAsync(runtime, third);
    }

    [Fact]
    public async Task What_was_never_sent_ends_unavailable_at_its_time()
    {
        var (runtime, first) = await HostAsync();
        first.Cut();
        await _broker.AcceptAsync();
        var options = new SendOptions { Timeout = TimeSpan.FromMilliseconds(100) };
        var raised = await Assert.ThrowsAsync<UnavailableException>(() => runtime.SendMessageAsync(new Ask("x"), Somebody, options).Within());
        Assert.Equal((true, false), (raised.IsRetryable, raised.MayHaveRun));
    }

    [Fact]
    public async Task Stopping_without_a_connection_ends_promptly()
    {
        var (runtime, first) = await HostAsync();
        await ActivateAsync(first, Agent, 1);
        await first.RequestAsync(Agent, new Wait("a"));
        await _witness.WaitForAsync("start a");
        var call = runtime.SendMessageAsync(new Ask("x"), Somebody);
        await first.NextAsync(Message.KindOneofCase.Request);
        first.Cut();
        await _broker.AcceptAsync();
        var watch = System.Diagnostics.Stopwatch.StartNew();
        await runtime.StopAsync().Within();
        Assert.InRange(watch.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(4));
        await Assert.ThrowsAsync<OutcomeUnknownException>(() => call.Within());
        await runtime.WaitUntilStoppedAsync().Within();
        Assert.Equal(RuntimeState.Closed, runtime.State);
    }

    [Fact]
    public async Task A_draining_broker_gets_nothing_new_and_is_left_at_its_goodbye()
    {
        var (runtime, first) = await HostAsync();
        await ActivateAsync(first, Agent, 1);
        await first.RequestAsync(Agent, new Wait("a"));
        await _witness.WaitForAsync("start a");
        var refused = runtime.SendMessageAsync<Answer>(new Ask("refused"), Somebody);
        var request = await first.NextAsync(Message.KindOneofCase.Request);
        await first.SendAsync(
            new Message { Drain = new Drain { Reason = "upgrade" } },
            new Message { Re = request.Id, Error = new DrainingException("no more").ToWire() });
        await UntilAsync(() => _states.Contains(RuntimeState.Draining));
        var waiting = runtime.SendMessageAsync<Answer>(new Ask("waiting"), Somebody);
        var publish = runtime.PublishMessageAsync(new News("waiting"), News);
        _witness.Open("a");
        // What runs finishes; nothing else comes.
        await first.NextAsync(Message.KindOneofCase.Reply);
        await first.SendAsync(new Message { Goodbye = new Goodbye { Reason = "upgrade" } });
        first.End();
        var second = await _broker.AcceptAsync();
        var hello = await second.WelcomeAsync(ScriptedBroker.NewWelcome("s2"));
        Assert.Equal((string.Empty, 1u), (hello.Resume.SessionId, hello.Resume.Agents));
        var claim = await second.NextAsync(Message.KindOneofCase.Claim);
        await second.SendAsync(new Message { Re = claim.Id, ClaimResult = new ClaimResult() });
        foreach (var text in new[] { "refused", "waiting" })
        {
            var again = await second.NextAsync(Message.KindOneofCase.Request);
            Assert.Contains(text, Envelope.Parser.ParseFrom(again.Request.Envelope).Payload.Data.ToStringUtf8(), StringComparison.Ordinal);
            await second.SendAsync(Reply(again, text));
        }

        var published = await second.NextAsync(Message.KindOneofCase.Publish);
        await second.SendAsync(new Message { Re = published.Id, Published = new Published { Recipients = 1 } });
        Assert.Equal(("refused", "waiting"), ((await refused.Within()).Text, (await waiting.Within()).Text));
        await publish.Within();
        Assert.Equal([RuntimeState.Draining, RuntimeState.Lost, RuntimeState.Connected], _states);
    }

    [Fact]
    public async Task Receipts_go_out_on_their_own_after_a_thousand_messages()
    {
        var (_, first) = await HostAsync();
        for (var i = 0; i < 1_100; i++)
        {
            await first.SendAsync(new Message { Cancel = new Cancel { RequestId = 999_999 } });
        }

        await UntilAsync(() => first.Frames.Any(f => f.Received >= 1_000));
    }

    [Fact]
    public async Task A_result_of_an_event_is_given_again_under_the_epoch_and_round_of_the_new_delivery()
    {
        var (_, first) = await HostAsync();
        await ActivateAsync(first, Listener, 3);
        await first.DeliverAsync(Listener, new News("finished"), position: 10, round: 5, epoch: 3);
        Assert.Equal(10ul, (await first.NextAsync(Message.KindOneofCase.Ack)).Ack.Position);
        first.Cut();
        var second = await _broker.AcceptAsync();
        await second.WelcomeAsync(ScriptedBroker.NewWelcome("s2", incarnation: "i2"));
        var claim = await second.NextAsync(Message.KindOneofCase.Claim);
        await second.SendAsync(new Message { Re = claim.Id, ClaimResult = new ClaimResult() });
        await second.DeliverAsync(Listener, new News("finished"), position: 10, round: 1, epoch: 3);
        var ack = await second.NextAsync(Message.KindOneofCase.Ack);
        Assert.Equal((10ul, 1ul, 3ul), (ack.Ack.Position, ack.Ack.Round, ack.Ack.Epoch));
        await second.SendAsync(new Message { Re = ack.Id, Done = new Done() });
        await second.DeliverAsync(Listener, new News("next"), position: 12, round: 1, epoch: 3);
        Assert.Equal(12ul, (await second.NextAsync(Message.KindOneofCase.Ack)).Ack.Position);
        Assert.Equal(["finished", "next"], _witness.Seen.Select(s => s.Split(' ')[2]));
    }

    [Fact]
    public async Task A_running_event_is_settled_under_the_newest_round_and_waiting_ones_start_in_its_order()
    {
        var (runtime, first) = await HostAsync();
        await RoutedAgent.RegisterAsync(runtime, "slow", () => new Slow(_witness)).Within();
        var slow = new AgentId("slow", "k");
        await ActivateAsync(first, slow, 1);
        await first.DeliverAsync(slow, new News("one"), position: 1);
        await first.DeliverAsync(slow, new News("three"), position: 3);
        await _witness.WaitForAsync("start one");
        // A new round from its own position on, e.g. after another worker's word.
        await first.DeliverAsync(slow, new News("one"), position: 1, round: 2);
        await first.DeliverAsync(slow, new News("two"), position: 2, round: 2);
        await first.DeliverAsync(slow, new News("three"), position: 3, round: 2, attempt: 2);
        await first.RequestAsync(slow, new Ask("all read"));
        await first.NextAsync(Message.KindOneofCase.Reply);
        foreach (var (text, position) in new[] { ("one", 1ul), ("two", 2ul), ("three", 3ul) })
        {
            _witness.Open(text);
            var ack = await first.NextAsync(Message.KindOneofCase.Ack);
            Assert.Equal((position, 2ul), (ack.Ack.Position, ack.Ack.Round));
            await first.SendAsync(new Message { Re = ack.Id, Done = new Done() });
        }

        Assert.Equal(["start one", "start two", "start three"], _witness.Seen.Where(s => s.StartsWith("start", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task After_a_failure_the_events_behind_it_wait_for_its_new_round()
    {
        var (_, first) = await HostAsync();
        await ActivateAsync(first, Listener, 1);
        await first.DeliverAsync(Listener, new Fail("on purpose"), position: 1);
        await first.NextAsync(Message.KindOneofCase.Nack);
        await first.DeliverAsync(Listener, new News("of the old round"), position: 2);
        // The new round may come before the answer to the Nack.
        await first.DeliverAsync(Listener, new News("once more"), position: 1, round: 2, attempt: 2);
        await first.DeliverAsync(Listener, new News("next"), position: 2, round: 2);
        foreach (var position in new[] { 1ul, 2ul })
        {
            var ack = await first.NextAsync(Message.KindOneofCase.Ack);
            Assert.Equal((position, 2ul), (ack.Ack.Position, ack.Ack.Round));
        }

        Assert.Equal(["once more", "next"], _witness.Seen.Select(s => string.Join(' ', s.Split(' ')[2..^1])));
    }

    [Fact]
    public async Task Events_that_had_not_started_when_their_session_ended_are_left_to_the_broker()
    {
        var (runtime, first) = await HostAsync();
        await RoutedAgent.RegisterAsync(runtime, "slow", () => new Slow(_witness)).Within();
        var slow = new AgentId("slow", "k");
        await ActivateAsync(first, slow, 1);
        await first.DeliverAsync(slow, new News("one"), position: 1);
        await first.DeliverAsync(slow, new News("two"), position: 2);
        await _witness.WaitForAsync("start one");
        first.Cut();
        var second = await _broker.AcceptAsync();
        await second.WelcomeAsync(ScriptedBroker.NewWelcome("s2"));
        var claim = await second.NextAsync(Message.KindOneofCase.Claim);
        await second.SendAsync(new Message { Re = claim.Id, ClaimResult = new ClaimResult() });
        await UntilAsync(() => _states.Contains(RuntimeState.Connected));
        _witness.Open("one");
        _witness.Open("two");
        await second.RequestAsync(slow, new Ask("x"));
        await second.NextAsync(Message.KindOneofCase.Reply);
        Assert.DoesNotContain("start two", _witness.Seen);
        await second.DeliverAsync(slow, new News("one"), position: 1, round: 2);
        await second.DeliverAsync(slow, new News("two"), position: 2, round: 2);
        Assert.Equal(1ul, (await second.NextAsync(Message.KindOneofCase.Ack)).Ack.Position);
        Assert.Equal(2ul, (await second.NextAsync(Message.KindOneofCase.Ack)).Ack.Position);
        Assert.Equal(1, _witness.Seen.Count(s => s == "start one"));
    }

    [Fact]
    public async Task Another_event_at_the_same_position_of_a_fresh_broker_is_handled()
    {
        var (_, first) = await HostAsync();
        await ActivateAsync(first, Listener, 3);
        await first.DeliverAsync(Listener, new News("old"), position: 1, epoch: 3);
        await first.NextAsync(Message.KindOneofCase.Ack);
        first.Cut();
        var second = await _broker.AcceptAsync();
        await second.WelcomeAsync(ScriptedBroker.NewWelcome("s2", incarnation: "i2"));
        var claim = await second.NextAsync(Message.KindOneofCase.Claim);
        await second.SendAsync(new Message { Re = claim.Id, ClaimResult = new ClaimResult() });
        await second.DeliverAsync(Listener, new News("fresh"), position: 1, epoch: 3);
        Assert.Equal(1ul, (await second.NextAsync(Message.KindOneofCase.Ack)).Ack.Position);
        Assert.Equal(["old", "fresh"], _witness.Seen.Select(s => s.Split(' ')[2]));
    }

    [Fact]
    public async Task Stopping_while_a_new_connection_is_taken_up_says_goodbye_on_it()
    {
        var (runtime, first) = await HostAsync();
        var stopping = new TaskCompletionSource<Task>();
        runtime.StateChanged += (_, e) =>
        {
            if (e.State == RuntimeState.Lost)
            {
                stopping.SetResult(runtime.StopAsync());
                // So that it finds no connection, though there is one.
                Thread.Sleep(TimeSpan.FromMilliseconds(300));
            }
        };
        first.Cut();
        var second = await _broker.AcceptAsync();
        await second.WelcomeAsync(ScriptedBroker.NewWelcome("s2"));
        await (await stopping.Task.Within()).Within();
        await second.NextAsync(Message.KindOneofCase.Goodbye);
        Assert.Equal(RuntimeState.Closed, runtime.State);
    }

    [Fact]
    public async Task The_grace_of_one_session_does_not_end_the_next()
    {
        var time = new LateTimers(TimeSpan.FromMilliseconds(61_234));
        var welcome = ScriptedBroker.NewWelcome("s1");
        welcome.SessionGraceMs = (uint)time.Watched.TotalMilliseconds;
        var (runtime, first) = await HostAsync(welcome: welcome, configure: o => o.TimeProvider = time);
        first.Cut();
        var second = await _broker.AcceptAsync();
        await second.WelcomeAsync(ScriptedBroker.NewWelcome("s2"));
        await UntilAsync(() => _states.Contains(RuntimeState.Connected));
        time.Fire();
        Assert.Equal([RuntimeState.Reconnecting, RuntimeState.Lost, RuntimeState.Connected], _states);
        await CallWorksAsync(runtime, second);
    }

    [Fact]
    public async Task A_broker_that_does_not_take_a_goodbye_is_not_waited_for()
    {
        var welcome = ScriptedBroker.NewWelcome("s1");
        welcome.SessionGraceMs = 100;
        var (runtime, first) = await HostAsync(welcome: welcome);
        first.Cut();
        var second = await _broker.AcceptAsync();
        second.Lingers = true;
        await UntilAsync(() => _states.Contains(RuntimeState.Lost));
        await second.WelcomeAsync(ScriptedBroker.NewWelcome("s1", resumed: true), sent: first.Seq);
        await second.NextAsync(Message.KindOneofCase.Goodbye);
        var third = await _broker.AcceptAsync();
        await third.WelcomeAsync(ScriptedBroker.NewWelcome("s2"));
        await CallWorksAsync(runtime, third);
    }

    [Fact]
    public async Task A_connection_is_given_up_after_six_silent_intervals_and_five_seconds()
    {
        var time = new FakeTimeProvider();
        var welcome = ScriptedBroker.NewWelcome("s1");
        welcome.HeartbeatIntervalMs = 100;
        var (runtime, first) = await HostAsync(welcome: welcome, configure: o => o.TimeProvider = time);
        Pass(4.9);
        var call = runtime.SendMessageAsync<Answer>(new Ask("heard"), Somebody);
        await first.SendAsync(Reply(await NextAsync(first, Message.KindOneofCase.Request), "heard"));
        await call.Within();
        Assert.Empty(_states);
        Pass(5.1);
        await UntilAsync(() => _states.Contains(RuntimeState.Reconnecting));

        void Pass(double seconds)
        {
            for (var passed = 0.0; passed < seconds; passed += 0.05)
            {
                time.Advance(TimeSpan.FromMilliseconds(50));
            }
        }
    }

    private static bool IsNumbered(Message message) => message.KindCase is not (Message.KindOneofCase.Hello or Message.KindOneofCase.Heartbeat);

    private static Message Reply(Message request, string text) =>
        new() { Re = request.Id, Reply = new Reply { Envelope = ScriptedConnection.Envelope(new Answer(text)) } };

    private async Task<(DistributedRuntime Runtime, ScriptedConnection Connection)> HostAsync(
        ulong creditMessages = 1000, Welcome? welcome = null, Action<DistributedRuntimeOptions>? configure = null)
    {
        var (runtime, connection) = await _broker.ConnectAsync(configure, welcome: welcome ?? ScriptedBroker.NewWelcome("s1"), creditMessages: creditMessages);
        runtime.StateChanged += (_, e) => _states.Enqueue(e.State);
        await RoutedAgent.RegisterAsync(runtime, "worker", () => new Worker(_witness));
        await RoutedAgent.RegisterAsync(runtime, "listener", () => new Listener(_witness));
        await runtime.StartAsync().Within();
        return (runtime, connection);
    }

    private static async Task ActivateAsync(ScriptedConnection connection, AgentId agent, ulong epoch)
    {
        await connection.ActivateAsync(agent, epoch);
        await connection.NextAsync(Message.KindOneofCase.Done);
    }

    private static async Task<Message> NextAsync(ScriptedConnection connection, Message.KindOneofCase kind)
    {
        // A session that is resumed from its beginning says its registrations again.
        while (true)
        {
            var message = await connection.NextAsync();
            if (message.KindCase == kind)
            {
                return message;
            }
        }
    }

    private static async Task CallWorksAsync(DistributedRuntime runtime, ScriptedConnection connection)
    {
        var call = runtime.SendMessageAsync<Answer>(new Ask("again"), Somebody);
        await connection.SendAsync(Reply(await connection.NextAsync(Message.KindOneofCase.Request), "works"));
        Assert.Equal("works", (await call.Within()).Text);
    }

    private static async Task UntilAsync(Func<bool> condition)
    {
        using var late = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        while (!condition())
        {
            await Task.Delay(TimeSpan.FromMilliseconds(10), late.Token);
        }
    }

    /// <summary>The system's clock; the first timer of one length fires only when told to, even if it has been disposed of by then.</summary>
    private sealed class LateTimers(TimeSpan watched) : TimeProvider
    {
        private Action? _fire;

        public TimeSpan Watched => watched;

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            if (dueTime == watched)
            {
                _fire ??= () => callback(state);
            }

            return base.CreateTimer(callback, state, dueTime, period);
        }

        public void Fire() => Assert.IsType<Action>(_fire)();
    }

    private sealed class Slow(Witness witness) : RoutedAgent
    {
        [EventMethod]
        public async Task On(News message)
        {
            witness.Saw($"start {message.Text}");
            await witness.Gate(message.Text);
        }

        [RpcMethod]
        public Answer Ask(Ask message) => new(message.Text);
    }
}
