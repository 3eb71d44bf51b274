using Microsoft.Extensions.Time.Testing;
using Parley.RuntimeSuite;
using Parley.Wire.V1;

namespace Parley.Grpc.Tests.Scripted;

/// <summary>What the SDK does with the state of agents.</summary>
public sealed class StateTests : IAsyncLifetime
{
    private static readonly AgentId Agent = new("counter", "k");
    private static readonly AgentId Teller = new("teller", "k");
    private readonly Witness _witness = new();
    private ScriptedBroker _broker = null!;

    public async ValueTask InitializeAsync() => _broker = await ScriptedBroker.StartAsync();

    public ValueTask DisposeAsync() => _broker.DisposeAsync();

    [Fact]
    public async Task State_is_loaded_at_activation_and_committed_with_results_that_change_it()
    {
        var (_, connection) = await HostAsync();
        await ActivateAsync(connection, Agent, "{\"count\":40}", version: 7);
        await connection.RequestAsync(Agent, new Add(2));
        var first = await connection.NextAsync(Message.KindOneofCase.Reply);
        await connection.RequestAsync(Agent, new Total(0));
        var unchanged = await connection.NextAsync(Message.KindOneofCase.Reply);
        await connection.RequestAsync(Agent, new Add(1));
        var second = await connection.NextAsync(Message.KindOneofCase.Reply);
        Assert.Equal((7ul, "{\"count\":42}", "application/json"), Committed(first.Reply.Commit));
        Assert.Equal(("counter", 1ul), (first.Reply.Commit.Agent.Type, first.Reply.Commit.Epoch));
        Assert.True(first.Id > 0);
        Assert.Null(unchanged.Reply.Commit);
        Assert.Equal(0ul, unchanged.Id);
        // Counted on without waiting for answers.
        Assert.Equal((8ul, "{\"count\":43}", "application/json"), Committed(second.Reply.Commit));
        await connection.DeliverAsync(Agent, new Add(1), position: 1);
        Assert.Equal((9ul, "{\"count\":44}", "application/json"), Committed((await connection.NextAsync(Message.KindOneofCase.Ack)).Ack.Commit));
    }

    [Theory]
    [InlineData("{\"count\":\"many\"}", "application/json")]
    [InlineData("[]", "application/json")]
    [InlineData("{\"count\":1}", "application/x-other")]
    public async Task A_state_that_cannot_be_loaded_fails_the_activation(string data, string contentType)
    {
        var (_, connection) = await HostAsync();
        await ActivateWithAsync(connection, Agent, data, 1, contentType);
        var error = (await connection.NextAsync(Message.KindOneofCase.Error)).Error;
        Assert.Equal((Wire.V1.ErrorReason.ActivationFailed, "counter/k"), (error.Reason, error.Details["agent"]));
        await connection.RequestAsync(Agent, new Total(0));
        Assert.Equal(Wire.V1.ErrorReason.ActivationFailed, (await connection.NextAsync(Message.KindOneofCase.Error)).Error.Reason);
    }

    [Fact]
    public async Task A_save_request_is_answered_after_its_save()
    {
        var (_, connection) = await HostAsync();
        await ActivateAsync(connection, Agent, "{\"count\":1}", version: 3);
        await connection.SendAsync(new Message { Id = 900, SaveRequest = new SaveRequest { Agent = Agent.ToWire(), Epoch = 1 } });
        var save = await connection.NextAsync(Message.KindOneofCase.Save);
        Assert.Equal((3ul, "{\"count\":1}"), (save.Save.ExpectedVersion, save.Save.State.Data.ToStringUtf8()));
        await connection.SendAsync(new Message { Re = save.Id, Done = new Done() });
        Assert.Equal(900ul, (await connection.NextAsync(Message.KindOneofCase.Done)).Re);
    }

    [Fact]
    public async Task A_conflict_corrects_the_count_and_the_state_is_saved_again()
    {
        var (_, connection) = await HostAsync();
        await ActivateAsync(connection, Agent, "{\"count\":1}", version: 3);
        await connection.RequestAsync(Agent, new Add(1));
        var reply = await connection.NextAsync(Message.KindOneofCase.Reply);
        var conflict = new StateConflictException("no") { Details = new Dictionary<string, string> { ["expected"] = "3", ["actual"] = "11" } };
        await connection.SendAsync(new Message { Re = reply.Id, Error = conflict.ToWire() });
        var save = await connection.NextAsync(Message.KindOneofCase.Save);
        Assert.Equal((11ul, "{\"count\":2}"), (save.Save.ExpectedVersion, save.Save.State.Data.ToStringUtf8()));
        await connection.SendAsync(new Message { Re = save.Id, Done = new Done() });
        await connection.RequestAsync(Agent, new Add(1));
        Assert.Equal((12ul, "{\"count\":3}", "application/json"), Committed((await connection.NextAsync(Message.KindOneofCase.Reply)).Reply.Commit));
    }

    [Fact]
    public async Task What_changed_outside_of_handlers_is_saved_every_30_seconds_and_before_the_agent_goes()
    {
        var time = new FakeTimeProvider();
        var welcome = ScriptedBroker.NewWelcome();
        welcome.HeartbeatIntervalMs = 3_600_000;
        var (_, connection) = await HostAsync(o => o.TimeProvider = time, welcome);
        await ActivateAsync(connection, Agent, "{\"count\":1}", version: 3);
        _latest.Count = 5;
        time.Advance(TimeSpan.FromSeconds(30));
        var save = await connection.NextAsync(Message.KindOneofCase.Save);
        Assert.Equal((3ul, "{\"count\":5}"), (save.Save.ExpectedVersion, save.Save.State.Data.ToStringUtf8()));
        await connection.SendAsync(new Message { Re = save.Id, Done = new Done() });
        _latest.Count = 6;
        await connection.SendAsync(new Message { Id = 901, Deactivate = new Deactivate { Agent = Agent.ToWire(), Epoch = 1, TimeoutMs = 5_000 } });
        save = await connection.NextAsync(Message.KindOneofCase.Save);
        Assert.Equal((4ul, "{\"count\":6}"), (save.Save.ExpectedVersion, save.Save.State.Data.ToStringUtf8()));
        await connection.SendAsync(new Message { Re = save.Id, Done = new Done() });
        Assert.Equal(901ul, (await connection.NextAsync(Message.KindOneofCase.Done)).Re);
        await _witness.WaitForAsync("counter gone");
    }

    [Fact]
    public async Task An_effectively_once_agent_starts_nothing_until_its_commit_is_answered()
    {
        var (_, connection) = await HostAsync();
        await ActivateAsync(connection, Teller, "{\"count\":1}", version: 3);
        await connection.DeliverAsync(Teller, new Add(1), position: 1);
        var request = await connection.RequestAsync(Teller, new Total(0));
        // What is published at once does not wait for the commit.
        var publish = await connection.NextAsync(Message.KindOneofCase.Publish);
        await connection.SendAsync(new Message { Re = publish.Id, Published = new Published { Recipients = 1 } });
        var ack = await connection.NextAsync(Message.KindOneofCase.Ack);
        Assert.Equal((3ul, "{\"count\":2}", "application/json"), Committed(ack.Ack.Commit));
        var held = Assert.Single(ack.Ack.Commit.Publishes);
        Assert.Equal(("ledger", "teller", 0ul), (held.Topic.Type, held.Sender.Type, held.ProducerSeq));
        await connection.ActivateAsync(Agent);
        await connection.NextAsync(Message.KindOneofCase.Done);
        await connection.SendAsync(new Message { Re = ack.Id, Done = new Done() });
        var reply = await connection.NextAsync(Message.KindOneofCase.Reply);
        Assert.Equal((request, 4ul), (reply.Re, reply.Reply.Commit.ExpectedVersion));
        // Nothing changed, the version grows all the same.
        Assert.Null(reply.Reply.Commit.State);
    }

    [Fact]
    public async Task After_a_failure_an_effectively_once_agent_is_made_anew_from_its_last_commit()
    {
        var (_, connection) = await HostAsync();
        await ActivateAsync(connection, Teller, "{\"count\":10}", version: 3);
        await CommitAsync(connection, new Add(1), 11, 3);
        await connection.DeliverAsync(Teller, new Add(-5), position: 1);
        await AnswerPublishAsync(connection);
        Assert.Equal(Wire.V1.ErrorReason.HandlerFailed, (await connection.NextAsync(Message.KindOneofCase.Nack)).Nack.Error.Reason);
        await CommitAsync(connection, new Add(1), 12, 4);
        Assert.Equal(2, _witness.Seen.Count(s => s == "made teller"));
    }

    [Theory]
    [InlineData(ErrorReason.StateConflict, true)]
    [InlineData(ErrorReason.StaleEpoch, true)]
    [InlineData(ErrorReason.PayloadTooLarge, false)]
    [InlineData(ErrorReason.Unavailable, false)]
    public async Task A_refused_commit_undoes_everything(ErrorReason reason, bool ends)
    {
        var (_, connection) = await HostAsync();
        await ActivateAsync(connection, Teller, "{\"count\":10}", version: 3);
        await connection.DeliverAsync(Teller, new Add(1), position: 1);
        await AnswerPublishAsync(connection);
        var ack = await connection.NextAsync(Message.KindOneofCase.Ack);
        await connection.SendAsync(new Message { Re = ack.Id, Error = ErrorCatalogue.Create(reason, "no").ToWire() });
        if (!ends)
        {
            await CommitAsync(connection, new Add(2), 12, 3);
            return;
        }

        await connection.RequestAsync(Teller, new Total(0));
        var error = (await connection.NextAsync()).Error;
        Assert.Contains(error.Reason, new[] { Wire.V1.ErrorReason.ActivationFailed, Wire.V1.ErrorReason.Cancelled });
        await ActivateAsync(connection, Teller, "{\"count\":20}", version: 9, epoch: 2);
        await connection.RequestAsync(Teller, new Total(0), epoch: 2);
        Assert.Equal(9ul, (await connection.NextAsync(Message.KindOneofCase.Reply)).Reply.Commit.ExpectedVersion);
    }

    [Fact]
    public async Task When_a_session_is_lost_effectively_once_agents_are_not_claimed()
    {
        var (_, first) = await HostAsync(welcome: ScriptedBroker.NewWelcome("s1"));
        await ActivateAsync(first, Teller, "{\"count\":10}", version: 3);
        await ActivateAsync(first, Agent, "{\"count\":1}", version: 3);
        await first.RequestAsync(Agent, new Add(1));
        await first.NextAsync(Message.KindOneofCase.Reply);
        first.Cut();
        var second = await _broker.AcceptAsync();
        await second.WelcomeAsync(ScriptedBroker.NewWelcome("s2"));
        var claim = await second.NextAsync(Message.KindOneofCase.Claim);
        Assert.Equal("counter", claim.Claim.Agents.Single().Agent.Type);
        await second.SendAsync(new Message { Re = claim.Id, ClaimResult = new ClaimResult() });
        // Whether the last commit was stored nobody knows.
        Assert.Equal("{\"count\":2}", (await second.NextAsync(Message.KindOneofCase.Save)).Save.State.Data.ToStringUtf8());
        await _witness.WaitForAsync("teller gone");
    }

    [Fact]
    public async Task A_handler_that_overran_its_limit_and_then_returned_is_undone()
    {
        var (_, connection) = await HostAsync(o => o.EventTimeout = TimeSpan.FromMilliseconds(300));
        await ActivateAsync(connection, Teller, "{\"count\":10}", version: 3);
        await connection.DeliverAsync(Teller, new Add(1), position: 1);
        var publish = await connection.NextAsync(Message.KindOneofCase.Publish);
        var nack = await connection.NextAsync(Message.KindOneofCase.Nack);
        await connection.SendAsync(
            new Message { Re = nack.Id, Done = new Done() },
            new Message { Re = publish.Id, Published = new Published { Recipients = 1 } });
        await CommitAsync(connection, new Add(2), 12, 3);
        Assert.Equal(2, _witness.Seen.Count(s => s == "made teller"));
    }

    [Fact]
    public async Task An_agent_that_could_not_be_made_anew_is_tried_again_before_its_next_message()
    {
        var (_, connection) = await HostAsync();
        await ActivateAsync(connection, Teller, "{\"count\":10}", version: 3);
        _failures = 1;
        await connection.DeliverAsync(Teller, new Add(-5), position: 1);
        await AnswerPublishAsync(connection);
        await connection.NextAsync(Message.KindOneofCase.Nack);
        await CommitAsync(connection, new Add(1), 11, 3);
        Assert.Equal(3, _witness.Seen.Count(s => s == "made teller"));
    }

    [Fact]
    public async Task A_commit_that_the_broker_did_not_look_for_is_undone_and_its_event_handled_anew()
    {
        var (_, connection) = await HostAsync();
        await ActivateAsync(connection, Teller, "{\"count\":10}", version: 3);
        await connection.DeliverAsync(Teller, new Add(1), position: 1);
        await AnswerPublishAsync(connection);
        var ack = await connection.NextAsync(Message.KindOneofCase.Ack);
        await connection.SendAsync(new Message { Re = ack.Id, Error = ErrorCatalogue.Create(ErrorReason.NotFound, "not in flight").ToWire() });
        await CommitAsync(connection, new Add(2), 12, 3);
        await connection.DeliverAsync(Teller, new Add(1), position: 1, round: 2);
        await AnswerPublishAsync(connection);
        Assert.Equal((4ul, "{\"count\":13}", "application/json"), Committed((await connection.NextAsync(Message.KindOneofCase.Ack)).Ack.Commit));
    }

    [Fact]
    public async Task An_agent_that_is_not_done_in_time_is_given_back_all_the_same()
    {
        var (_, connection) = await HostAsync();
        await ActivateAsync(connection, Teller, "{\"count\":10}", version: 3);
        await connection.DeliverAsync(Teller, new Add(1), position: 1);
        var publish = await connection.NextAsync(Message.KindOneofCase.Publish);
        await connection.SendAsync(new Message { Id = 901, Deactivate = new Deactivate { Agent = Teller.ToWire(), Epoch = 1, TimeoutMs = 100 } });
        Assert.Equal(901ul, (await connection.NextAsync(Message.KindOneofCase.Done)).Re);
        await connection.RequestAsync(Teller, new Total(0));
        Assert.Equal(Wire.V1.ErrorReason.ActivationFailed, (await connection.NextAsync(Message.KindOneofCase.Error)).Error.Reason);
        Assert.DoesNotContain("teller gone", _witness.Seen);
        await connection.SendAsync(new Message { Re = publish.Id, Published = new Published { Recipients = 1 } });
        var ack = await connection.NextAsync(Message.KindOneofCase.Ack);
        await connection.SendAsync(new Message { Re = ack.Id, Error = ErrorCatalogue.Create(ErrorReason.StaleEpoch, "taken").ToWire() });
        await _witness.WaitForAsync("teller gone");
    }

    [Theory]
    [InlineData(nameof(Message.KindOneofCase.Reply))]
    [InlineData(nameof(Message.KindOneofCase.Ack))]
    [InlineData(nameof(Message.KindOneofCase.Save))]
    public async Task An_agent_that_has_another_place_goes_as_soon_as_the_broker_says_so(string said)
    {
        var kind = Enum.Parse<Message.KindOneofCase>(said);
        var (_, connection) = await HostAsync();
        await ActivateAsync(connection, Agent, "{\"count\":1}", version: 3);
        await (kind switch
        {
            Message.KindOneofCase.Reply => connection.RequestAsync(Agent, new Add(1)),
            Message.KindOneofCase.Ack => connection.DeliverAsync(Agent, new Add(1), position: 1),
            _ => connection.SendAsync(new Message { Id = 900, SaveRequest = new SaveRequest { Agent = Agent.ToWire(), Epoch = 1 } }),
        });
        var message = await connection.NextAsync(kind);
        await connection.SendAsync(new Message { Re = message.Id, Error = ErrorCatalogue.Create(ErrorReason.StaleEpoch, "elsewhere").ToWire() });
        await _witness.WaitForAsync("counter gone");
    }

    private Counter _latest = null!;
    private int _failures;

    private static (ulong, string, string) Committed(Commit commit) =>
        (commit.ExpectedVersion, commit.State.Data.ToStringUtf8(), commit.State.ContentType);

    private static async Task CommitAsync(ScriptedConnection connection, Add message, long count, ulong version)
    {
        await connection.RequestAsync(Teller, message);
        await AnswerPublishAsync(connection);
        var reply = await connection.NextAsync(Message.KindOneofCase.Reply);
        Assert.Equal((version, $"{{\"count\":{count}}}", "application/json"), Committed(reply.Reply.Commit));
        await connection.SendAsync(new Message { Re = reply.Id, Done = new Done() });
    }

    private static async Task AnswerPublishAsync(ScriptedConnection connection)
    {
        var publish = await connection.NextAsync(Message.KindOneofCase.Publish);
        await connection.SendAsync(new Message { Re = publish.Id, Published = new Published { Recipients = 1 } });
    }

    private async Task<(DistributedRuntime Runtime, ScriptedConnection Connection)> HostAsync(
        Action<DistributedRuntimeOptions>? configure = null, Welcome? welcome = null)
    {
        var (runtime, connection) = await _broker.ConnectAsync(configure, welcome);
        await RoutedAgent.RegisterAsync(runtime, "counter", () => _latest = new Counter(_witness));
        await RoutedAgent.RegisterAsync(runtime, "teller", () =>
        {
            _witness.Saw("made teller");
            return _failures-- > 0 ? throw new InvalidTimeZoneException("not now") : new Leaving(_witness);
        });
        await runtime.StartAsync().Within();
        return (runtime, connection);
    }

    private static async Task ActivateAsync(ScriptedConnection connection, AgentId agent, string state, ulong version, ulong epoch = 1)
    {
        await ActivateWithAsync(connection, agent, state, version, epoch: epoch);
        await connection.NextAsync(Message.KindOneofCase.Done);
    }

    private static Task ActivateWithAsync(
        ScriptedConnection connection, AgentId agent, string state, ulong version, string contentType = "application/json", ulong epoch = 1) =>
        connection.SendAsync(new Message
        {
            Id = 500 + connection.Seq,
            Activate = new Activate
            {
                Agent = agent.ToWire(),
                Epoch = epoch,
                State = new State { Data = Google.Protobuf.ByteString.CopyFromUtf8(state), ContentType = contentType, Version = version },
            },
        });

    private sealed class Counter(Witness witness) : RoutedAgent<Tally>
    {
        public long Count
        {
            set => State.Count = value;
        }

        [RpcMethod]
        public Total Add(Add message) => new(State.Count += message.Number);

        [EventMethod]
        public void On(Add message) => Add(message);

        [RpcMethod]
        public Total Sum(Total message) => new(State.Count);

        public override ValueTask DisposeAsync()
        {
            witness.Saw("counter gone");
            return base.DisposeAsync();
        }
    }

    /// <summary>As <see cref="RuntimeSuite.Teller"/>, and says when it goes.</summary>
    [Agent(Mode = AgentMode.EffectivelyOnce)]
    private sealed class Leaving(Witness witness) : RoutedAgent<Tally>
    {
        [RpcMethod]
        public async Task<Total> Add(Add message)
        {
            State.Count += message.Number;
            await PublishMessageAsync(new News("at once"), new TopicId("ledger", "k"), new PublishOptions { Immediate = true });
            await PublishMessageAsync(new News("held"), new TopicId("ledger", "k"));
            return message.Number > 0 ? new Total(State.Count) : throw new InvalidTimeZoneException("overdrawn");
        }

        [EventMethod]
        public async Task On(Add message) => await Add(message);

        [RpcMethod]
        public Total Sum(Total message) => new(State.Count);

        public override ValueTask DisposeAsync()
        {
            witness.Saw("teller gone");
            return base.DisposeAsync();
        }
    }
}
