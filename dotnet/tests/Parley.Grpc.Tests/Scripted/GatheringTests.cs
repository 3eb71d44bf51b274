using Microsoft.Extensions.Time.Testing;
using Parley.RuntimeSuite;
using Parley.Wire.V1;

namespace Parley.Grpc.Tests.Scripted;

/// <summary>What comes in one frame is answered in one frame, unless somebody keeps the others waiting.</summary>
public sealed class GatheringTests : IAsyncLifetime
{
    private static readonly AgentId Somebody = new("somebody", "k");

    // Longer than the test has patience.
    private static readonly TimeSpan KeptFor = TimeSpan.FromMinutes(1);
    private readonly Witness _witness = new();
    private ScriptedBroker _broker = null!;

    public async ValueTask InitializeAsync() => _broker = await ScriptedBroker.StartAsync();

    public ValueTask DisposeAsync() => _broker.DisposeAsync();

    [Fact]
    public async Task Replies_to_calls_that_came_together_leave_together()
    {
        var connection = await HostAsync(new FakeTimeProvider(), "a", "b");
        await connection.SendAsync(Call(1, "a"), Call(2, "b"), Call(3, "a"), Call(4, "b"));
        Assert.Equal([1ul, 2ul, 3ul, 4ul], (await NextAsync(connection, Message.KindOneofCase.Reply, 4)).Select(m => m.Re).Order());
        Assert.Equal([4], Sizes(connection, Message.KindOneofCase.Reply));
    }

    [Fact]
    public async Task Results_of_events_that_came_together_leave_together()
    {
        var connection = await HostAsync(new FakeTimeProvider(), "a");
        await connection.SendAsync([.. Enumerable.Range(1, 4).Select(i => Event("a", (ulong)i))]);
        Assert.Equal([1ul, 2ul, 3ul, 4ul], (await NextAsync(connection, Message.KindOneofCase.Ack, 4)).Select(m => m.Ack.Position));
        Assert.Equal([4], Sizes(connection, Message.KindOneofCase.Ack));
    }

    [Fact]
    public async Task What_is_said_after_answers_that_came_together_leaves_together()
    {
        var (runtime, connection) = await _broker.ConnectAsync(o => o.TimeProvider = new FakeTimeProvider());
        await runtime.StartAsync();
        var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var lanes = Task.Run(() =>
        {
            var all = Enumerable.Range(0, 4).Select(_ => LaneAsync()).ToArray();
            begun.SetResult();
            return Task.WhenAll(all);
        });
        // Before the answers come: who asks late for one that is there goes on by itself.
        await begun.Task.Within();
        await ReplyAsync(connection, await NextAsync(connection, Message.KindOneofCase.Request, 4));
        var before = connection.Frames.Count;
        await ReplyAsync(connection, await NextAsync(connection, Message.KindOneofCase.Request, 4));
        await lanes.Within();
        Assert.Equal([4], Sizes(connection, Message.KindOneofCase.Request, before));

        async Task LaneAsync()
        {
            await runtime.SendMessageAsync<Answer>(new Ask("first"), Somebody);
            await runtime.SendMessageAsync<Answer>(new Ask("second"), Somebody);
        }
    }

    [Fact]
    public async Task Who_keeps_the_thread_holds_nobody_up()
    {
        using var release = new ManualResetEventSlim();
        var connection = await HostAsync(TimeProvider.System, ["a", "slow"], release);
        await connection.SendAsync(Call(1, "slow"), Call(2, "a"));
        await connection.SendAsync(Call(3, "a"), Call(4, "a"));
        Assert.Equal([2ul, 3ul, 4ul], (await NextAsync(connection, Message.KindOneofCase.Reply, 3)).Select(m => m.Re));
        release.Set();
        Assert.Equal(1ul, (await connection.NextAsync(Message.KindOneofCase.Reply)).Re);
    }

    [Fact]
    public async Task What_gathers_is_said_before_goodbye()
    {
        using var release = new ManualResetEventSlim();
        var welcome = ScriptedBroker.NewWelcome();
        // Which would have to be answered first.
        welcome.Kinds.Remove((uint)Message.KindOneofCase.Drain);
        var (runtime, connection) = await _broker.ConnectAsync(o => o.TimeProvider = new FakeTimeProvider(), welcome);
        await runtime.StartAsync();
        var first = Task.Run(() => runtime.SendMessageAsync<Answer>(new Ask("x"), Somebody));
        // Runs where the answer is told, and keeps the thread.
        var kept = Task.Run(async () =>
        {
            await runtime.SendMessageAsync<Answer>(new Ask("y"), Somebody).ConfigureAwait(false);
            _ = runtime.SendMessageAsync<Answer>(new Ask("last"), Somebody);
            _witness.Saw("said");
            release.Wait(KeptFor);
        });
        await ReplyAsync(connection, await NextAsync(connection, Message.KindOneofCase.Request, 2));
        await first.Within();
        await _witness.WaitForAsync("said");
        var closing = runtime.StopAsync();
        await connection.NextAsync(Message.KindOneofCase.Request);
        await connection.NextAsync(Message.KindOneofCase.Goodbye);
        release.Set();
        await kept.Within();
        await closing.Within();
    }

    private static Message Call(ulong id, string key) => new()
    {
        Id = id,
        Request = new Request { Target = new AgentId("speaker", key).ToWire(), Epoch = 1, Attempt = 1, Envelope = ScriptedConnection.Envelope(new Ask(key)) },
    };

    private static Message Event(string key, ulong position) => new()
    {
        Delivery = new Delivery
        {
            Recipient = new AgentId("speaker", key).ToWire(),
            Epoch = 1,
            Position = position,
            Round = 1,
            Attempt = 1,
            EventId = $"e{position}",
            Topic = new TopicId("t", key).ToWire(),
            Envelope = ScriptedConnection.Envelope(new News("x")),
        },
    };

    private static Task ReplyAsync(ScriptedConnection connection, Message[] requests) => connection.SendAsync(
        [.. requests.Select(r => new Message { Re = r.Id, Reply = new Reply { Envelope = ScriptedConnection.Envelope(new Answer("x")) } })]);

    private static async Task<Message[]> NextAsync(ScriptedConnection connection, Message.KindOneofCase kind, int count)
    {
        var messages = new Message[count];
        for (var i = 0; i < count; i++)
        {
            messages[i] = await connection.NextAsync(kind);
        }

        return messages;
    }

    /// <summary>How many messages of the kind were in each frame that had some.</summary>
    private static IEnumerable<int> Sizes(ScriptedConnection connection, Message.KindOneofCase kind, int after = 0) =>
        connection.Frames.Skip(after).Select(f => f.Messages.Count(m => m.KindCase == kind)).Where(n => n > 0);

    private Task<ScriptedConnection> HostAsync(TimeProvider time, params string[] keys) => HostAsync(time, keys, new ManualResetEventSlim(true));

    private async Task<ScriptedConnection> HostAsync(TimeProvider time, string[] keys, ManualResetEventSlim release)
    {
        var (runtime, connection) = await _broker.ConnectAsync(o => o.TimeProvider = time);
        await RoutedAgent.RegisterAsync(runtime, "speaker", () => new Speaker(release));
        await runtime.StartAsync().Within();
        foreach (var key in keys)
        {
            await connection.SendAsync(new Message { Id = 99, Activate = new Activate { Agent = new AgentId("speaker", key).ToWire(), Epoch = 1 } });
            await connection.NextAsync(Message.KindOneofCase.Done);
        }

        return connection;
    }

    private sealed class Speaker(ManualResetEventSlim release) : RoutedAgent
    {
        [RpcMethod]
        public Answer Ask(Ask message)
        {
            if (message.Text == "slow")
            {
                release.Wait(KeptFor);
            }

            return new Answer(message.Text);
        }

        [EventMethod]
        public Task On(News message) => Task.CompletedTask;
    }
}
