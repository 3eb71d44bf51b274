using Parley.RuntimeSuite;
using Parley.Wire.V1;

namespace Parley.Grpc.Tests.Scripted;

/// <summary>How a process makes itself known in a new session, and how it leaves.</summary>
public sealed class RejoiningTests : SessionScene
{
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
        var second = await Broker.AcceptAsync();
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
        Assert.Equal([RuntimeState.Reconnecting, RuntimeState.Lost, RuntimeState.Connected], States);
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
        await Witness.WaitForAsync("start a");
        first.Cut();
        var second = await Broker.AcceptAsync();
        await second.WelcomeAsync(ScriptedBroker.NewWelcome("s2"));
        var claim = await second.NextAsync(Message.KindOneofCase.Claim);
        Assert.DoesNotContain("cancelled a", Witness.Seen);
        await second.SendAsync(new Message { Re = claim.Id, ClaimResult = new ClaimResult { Refused = { Agent.ToWire() } } });
        await Witness.WaitForAsync("cancelled a");
        await second.RequestAsync(Agent, new Ask("x"), epoch: 7);
        Assert.Equal(Wire.V1.ErrorReason.ActivationFailed, (await second.NextAsync(Message.KindOneofCase.Error)).Error.Reason);
    }

    [Fact]
    public async Task A_drainingBroker_gets_nothing_new_and_is_left_at_its_goodbye()
    {
        var (runtime, first) = await HostAsync();
        await ActivateAsync(first, Agent, 1);
        await first.RequestAsync(Agent, new Wait("a"));
        await Witness.WaitForAsync("start a");
        var refused = runtime.SendMessageAsync<Answer>(new Ask("refused"), Somebody);
        var request = await first.NextAsync(Message.KindOneofCase.Request);
        await first.SendAsync(
            new Message { Drain = new Drain { Reason = "upgrade" } },
            new Message { Re = request.Id, Error = new DrainingException("no more").ToWire() });
        await UntilAsync(() => States.Contains(RuntimeState.Draining));
        var waiting = runtime.SendMessageAsync<Answer>(new Ask("waiting"), Somebody);
        var publish = runtime.PublishMessageAsync(new News("waiting"), News);
        Witness.Open("a");
        // What runs finishes; nothing else comes.
        await first.NextAsync(Message.KindOneofCase.Reply);
        await first.SendAsync(new Message { Goodbye = new Goodbye { Reason = "upgrade" } });
        first.End();
        var second = await Broker.AcceptAsync();
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
        Assert.Equal([RuntimeState.Draining, RuntimeState.Lost, RuntimeState.Connected], States);
    }

    [Fact]
    public async Task Stopping_without_a_connection_ends_promptly()
    {
        var (runtime, first) = await HostAsync();
        await ActivateAsync(first, Agent, 1);
        await first.RequestAsync(Agent, new Wait("a"));
        await Witness.WaitForAsync("start a");
        var call = runtime.SendMessageAsync(new Ask("x"), Somebody);
        await first.NextAsync(Message.KindOneofCase.Request);
        first.Cut();
        await Broker.AcceptAsync();
        var watch = System.Diagnostics.Stopwatch.StartNew();
        await runtime.StopAsync().Within();
        Assert.InRange(watch.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(4));
        await Assert.ThrowsAsync<OutcomeUnknownException>(() => call.Within());
        await runtime.WaitUntilStoppedAsync().Within();
        Assert.Equal(RuntimeState.Closed, runtime.State);
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
        var second = await Broker.AcceptAsync();
        await second.WelcomeAsync(ScriptedBroker.NewWelcome("s2"));
        await (await stopping.Task.Within()).Within();
        await second.NextAsync(Message.KindOneofCase.Goodbye);
        Assert.Equal(RuntimeState.Closed, runtime.State);
    }
}
