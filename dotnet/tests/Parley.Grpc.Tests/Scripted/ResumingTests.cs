using Microsoft.Extensions.Time.Testing;
using Parley.RuntimeSuite;
using Parley.Wire.V1;

namespace Parley.Grpc.Tests.Scripted;

/// <summary>What the SDK does when a connection breaks and its session goes on, or does not.</summary>
public sealed class ResumingTests : SessionScene
{
    [Fact]
    public async Task A_resumed_session_goes_on_where_it_was()
    {
        var (runtime, first) = await HostAsync();
        var numbered = first.Frames.Sum(f => f.FirstSeq > 0 ? f.Messages.Count(IsNumbered) : 0);
        var call = runtime.SendMessageAsync<Answer>(new Ask("x"), Somebody, new SendOptions { Timeout = TimeSpan.FromSeconds(30) });
        var request = await first.NextAsync(Message.KindOneofCase.Request);
        first.Cut();
        var second = await Broker.AcceptAsync();
        var publish = runtime.PublishMessageAsync(new News("while away"), News);
        var hello = await second.WelcomeAsync(ScriptedBroker.NewWelcome("s1", resumed: true, received: (ulong)numbered), sent: first.Seq);
        Assert.Equal(("s1", "token of s1", first.Seq), (hello.Resume.SessionId, hello.Resume.ResumeToken.ToStringUtf8(), hello.Resume.Received));
        var again = await second.NextAsync(Message.KindOneofCase.Request);
        Assert.Equal(request.Id, again.Id);
        Assert.InRange(again.Request.TimeoutMs, 1u, request.Request.TimeoutMs);
        var published = await second.NextAsync(Message.KindOneofCase.Publish);
        var frames = second.Frames;
        Assert.Equal((256ul, 16ul * 1024 * 1024), (frames[0].CreditMessages, frames[0].CreditBytes));
        Assert.Equal((ulong)numbered + 1, frames.First(f => f.FirstSeq > 0).FirstSeq);
        Assert.True(frames.First(f => f.FirstSeq > 0).CreditMessages >= 256, "the credit totals are said again");
        await second.SendAsync(Reply(request, "resumed"), new Message { Re = published.Id, Published = new Published { Recipients = 1 } });
        Assert.Equal("resumed", (await call.Within()).Text);
        await publish.Within();
        Assert.Equal([RuntimeState.Reconnecting, RuntimeState.Resumed], States);
    }

    [Fact]
    public async Task What_is_sent_again_spends_no_credit_again()
    {
        var (runtime, first) = await HostAsync(creditMessages: 2);
        var publishes = Enumerable.Range(0, 3).Select(i => runtime.PublishMessageAsync(new News($"{i}"), News)).ToArray();
        await first.NextAsync(Message.KindOneofCase.Publish);
        await first.NextAsync(Message.KindOneofCase.Publish);
        first.Cut();
        var second = await Broker.AcceptAsync();
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
    public async Task After_the_grace_the_session_is_lost_and_not_taken_back()
    {
        var welcome = ScriptedBroker.NewWelcome("s1");
        welcome.SessionGraceMs = 100;
        var (runtime, first) = await HostAsync(welcome: welcome);
        var call = runtime.SendMessageAsync(new Ask("x"), Somebody);
        await first.NextAsync(Message.KindOneofCase.Request);
        first.Cut();
        var second = await Broker.AcceptAsync();
        await Assert.ThrowsAsync<OutcomeUnknownException>(() => call.Within());
        await second.WelcomeAsync(ScriptedBroker.NewWelcome("s1", resumed: true), sent: first.Seq);
        await second.NextAsync(Message.KindOneofCase.Goodbye);
        var third = await Broker.AcceptAsync();
        Assert.Null((await third.WelcomeAsync(ScriptedBroker.NewWelcome("s2"))).Resume);
        await UntilAsync(() => States.Contains(RuntimeState.Connected));
        Assert.Equal([RuntimeState.Reconnecting, RuntimeState.Lost, RuntimeState.Connected], States);
        await CallWorksAsync(runtime, third);
    }

    [Fact]
    public async Task The_grace_of_one_session_does_not_end_the_next()
    {
        var time = new LateTimers(TimeSpan.FromMilliseconds(61_234));
        var welcome = ScriptedBroker.NewWelcome("s1");
        welcome.SessionGraceMs = (uint)time.Watched.TotalMilliseconds;
        var (runtime, first) = await HostAsync(welcome: welcome, configure: o => o.TimeProvider = time);
        first.Cut();
        var second = await Broker.AcceptAsync();
        await second.WelcomeAsync(ScriptedBroker.NewWelcome("s2"));
        await UntilAsync(() => States.Contains(RuntimeState.Connected));
        time.Fire();
        Assert.Equal([RuntimeState.Reconnecting, RuntimeState.Lost, RuntimeState.Connected], States);
        await CallWorksAsync(runtime, second);
    }

    [Fact]
    public async Task ABroker_that_does_not_take_a_goodbye_is_not_waited_for()
    {
        var welcome = ScriptedBroker.NewWelcome("s1");
        welcome.SessionGraceMs = 100;
        var (runtime, first) = await HostAsync(welcome: welcome);
        first.Cut();
        var second = await Broker.AcceptAsync();
        second.Lingers = true;
        await UntilAsync(() => States.Contains(RuntimeState.Lost));
        await second.WelcomeAsync(ScriptedBroker.NewWelcome("s1", resumed: true), sent: first.Seq);
        await second.NextAsync(Message.KindOneofCase.Goodbye);
        var third = await Broker.AcceptAsync();
        await third.WelcomeAsync(ScriptedBroker.NewWelcome("s2"));
        await CallWorksAsync(runtime, third);
    }

    [Fact]
    public async Task What_was_never_sent_ends_unavailable_at_its_time()
    {
        var (runtime, first) = await HostAsync();
        first.Cut();
        await Broker.AcceptAsync();
        var options = new SendOptions { Timeout = TimeSpan.FromMilliseconds(100) };
        var raised = await Assert.ThrowsAsync<UnavailableException>(() => runtime.SendMessageAsync(new Ask("x"), Somebody, options).Within());
        Assert.Equal((true, false), (raised.IsRetryable, raised.MayHaveRun));
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
        Assert.Empty(States);
        Pass(5.1);
        await UntilAsync(() => States.Contains(RuntimeState.Reconnecting));

        void Pass(double seconds)
        {
            for (var passed = 0.0; passed < seconds; passed += 0.05)
            {
                time.Advance(TimeSpan.FromMilliseconds(50));
            }
        }
    }

    private static bool IsNumbered(Message message) => message.KindCase is not (Message.KindOneofCase.Hello or Message.KindOneofCase.Heartbeat);

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
}
