using Parley.RuntimeSuite;
using Parley.Wire.V1;

namespace Parley.Grpc.Tests.Scripted;

/// <summary>What the SDK does with events that are delivered again, in newer rounds or in other sessions (DLV-4).</summary>
public sealed class RedeliveryTests : SessionScene
{
    [Fact]
    public async Task A_result_of_an_event_is_given_again_under_the_epoch_and_round_of_the_new_delivery()
    {
        var (_, first) = await HostAsync();
        await ActivateAsync(first, Listener, 3);
        await first.DeliverAsync(Listener, new News("finished"), position: 10, round: 5, epoch: 3);
        Assert.Equal(10ul, (await first.NextAsync(Message.KindOneofCase.Ack)).Ack.Position);
        first.Cut();
        var second = await Broker.AcceptAsync();
        await second.WelcomeAsync(ScriptedBroker.NewWelcome("s2", incarnation: "i2"));
        var claim = await second.NextAsync(Message.KindOneofCase.Claim);
        await second.SendAsync(new Message { Re = claim.Id, ClaimResult = new ClaimResult() });
        await second.DeliverAsync(Listener, new News("finished"), position: 10, round: 1, epoch: 3);
        var ack = await second.NextAsync(Message.KindOneofCase.Ack);
        Assert.Equal((10ul, 1ul, 3ul), (ack.Ack.Position, ack.Ack.Round, ack.Ack.Epoch));
        await second.SendAsync(new Message { Re = ack.Id, Done = new Done() });
        await second.DeliverAsync(Listener, new News("next"), position: 12, round: 1, epoch: 3);
        Assert.Equal(12ul, (await second.NextAsync(Message.KindOneofCase.Ack)).Ack.Position);
        Assert.Equal(["finished", "next"], Witness.Seen.Select(s => s.Split(' ')[2]));
    }

    [Fact]
    public async Task A_running_event_is_settled_under_the_newest_round_and_waiting_ones_start_in_its_order()
    {
        var (runtime, first) = await HostAsync();
        await RoutedAgent.RegisterAsync(runtime, "slow", () => new Slow(Witness)).Within();
        var slow = new AgentId("slow", "k");
        await ActivateAsync(first, slow, 1);
        await first.DeliverAsync(slow, new News("one"), position: 1);
        await first.DeliverAsync(slow, new News("three"), position: 3);
        await Witness.WaitForAsync("start one");
        // A new round from its own position on, e.g. after another worker's word.
        await first.DeliverAsync(slow, new News("one"), position: 1, round: 2);
        await first.DeliverAsync(slow, new News("two"), position: 2, round: 2);
        await first.DeliverAsync(slow, new News("three"), position: 3, round: 2, attempt: 2);
        await first.RequestAsync(slow, new Ask("all read"));
        await first.NextAsync(Message.KindOneofCase.Reply);
        foreach (var (text, position) in new[] { ("one", 1ul), ("two", 2ul), ("three", 3ul) })
        {
            Witness.Open(text);
            var ack = await first.NextAsync(Message.KindOneofCase.Ack);
            Assert.Equal((position, 2ul), (ack.Ack.Position, ack.Ack.Round));
            await first.SendAsync(new Message { Re = ack.Id, Done = new Done() });
        }

        Assert.Equal(["start one", "start two", "start three"], Witness.Seen.Where(s => s.StartsWith("start", StringComparison.Ordinal)));
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

        Assert.Equal(["once more", "next"], Witness.Seen.Select(s => string.Join(' ', s.Split(' ')[2..^1])));
    }

    [Fact]
    public async Task Events_that_had_not_started_when_their_session_ended_are_left_to_theBroker()
    {
        var (runtime, first) = await HostAsync();
        await RoutedAgent.RegisterAsync(runtime, "slow", () => new Slow(Witness)).Within();
        var slow = new AgentId("slow", "k");
        await ActivateAsync(first, slow, 1);
        await first.DeliverAsync(slow, new News("one"), position: 1);
        await first.DeliverAsync(slow, new News("two"), position: 2);
        await Witness.WaitForAsync("start one");
        first.Cut();
        var second = await Broker.AcceptAsync();
        await second.WelcomeAsync(ScriptedBroker.NewWelcome("s2"));
        var claim = await second.NextAsync(Message.KindOneofCase.Claim);
        await second.SendAsync(new Message { Re = claim.Id, ClaimResult = new ClaimResult() });
        await UntilAsync(() => States.Contains(RuntimeState.Connected));
        Witness.Open("one");
        Witness.Open("two");
        await second.RequestAsync(slow, new Ask("x"));
        await second.NextAsync(Message.KindOneofCase.Reply);
        Assert.DoesNotContain("start two", Witness.Seen);
        await second.DeliverAsync(slow, new News("one"), position: 1, round: 2);
        await second.DeliverAsync(slow, new News("two"), position: 2, round: 2);
        Assert.Equal(1ul, (await second.NextAsync(Message.KindOneofCase.Ack)).Ack.Position);
        Assert.Equal(2ul, (await second.NextAsync(Message.KindOneofCase.Ack)).Ack.Position);
        Assert.Equal(1, Witness.Seen.Count(s => s == "start one"));
    }

    [Fact]
    public async Task A_result_whose_ack_has_no_answer_outlives_a_newer_round_that_begins_above_it()
    {
        var (runtime, first) = await HostAsync();
        var options = new RegisterOptions { Concurrency = 2 };
        await RoutedAgent.RegisterAsync(runtime, "pair", () => new Listener(Witness), options).Within();
        var pair = new AgentId("pair", "k");
        await ActivateAsync(first, pair, 1);
        await first.DeliverAsync(pair, new News("one"), position: 1);
        await first.NextAsync(Message.KindOneofCase.Ack);
        await first.DeliverAsync(pair, new Fail("on purpose"), position: 2);
        await first.NextAsync(Message.KindOneofCase.Nack);
        // The new round begins at the failure; what is below stays in flight in its own.
        await first.DeliverAsync(pair, new Fail("once more"), position: 2, round: 2, attempt: 2);
        await first.NextAsync(Message.KindOneofCase.Nack);
        first.Cut();
        var second = await Broker.AcceptAsync();
        await second.WelcomeAsync(ScriptedBroker.NewWelcome("s2"));
        var claim = await second.NextAsync(Message.KindOneofCase.Claim);
        await second.SendAsync(new Message { Re = claim.Id, ClaimResult = new ClaimResult() });
        await second.DeliverAsync(pair, new News("one"), position: 1, round: 3);
        Assert.Equal(1ul, (await second.NextAsync(Message.KindOneofCase.Ack)).Ack.Position);
        Assert.Single(Witness.Seen, s => s.Contains(" one ", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Another_event_at_the_same_position_of_a_freshBroker_is_handled()
    {
        var (_, first) = await HostAsync();
        await ActivateAsync(first, Listener, 3);
        await first.DeliverAsync(Listener, new News("old"), position: 1, epoch: 3);
        await first.NextAsync(Message.KindOneofCase.Ack);
        first.Cut();
        var second = await Broker.AcceptAsync();
        await second.WelcomeAsync(ScriptedBroker.NewWelcome("s2", incarnation: "i2"));
        var claim = await second.NextAsync(Message.KindOneofCase.Claim);
        await second.SendAsync(new Message { Re = claim.Id, ClaimResult = new ClaimResult() });
        await second.DeliverAsync(Listener, new News("fresh"), position: 1, epoch: 3);
        Assert.Equal(1ul, (await second.NextAsync(Message.KindOneofCase.Ack)).Ack.Position);
        Assert.Equal(["old", "fresh"], Witness.Seen.Select(s => s.Split(' ')[2]));
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
