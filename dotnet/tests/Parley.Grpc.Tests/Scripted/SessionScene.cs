using System.Collections.Concurrent;
using Parley.RuntimeSuite;
using Parley.Wire.V1;

namespace Parley.Grpc.Tests.Scripted;

/// <summary>A runtime that hosts two agent types, at a broker which a test lets go away and come back.</summary>
public abstract class SessionScene : IAsyncLifetime
{
    private protected static readonly AgentId Agent = new("worker", "k");
    private protected static readonly AgentId Listener = new("listener", "k");
    private protected static readonly AgentId Somebody = new("somebody", "k");
    private protected static readonly TopicId News = new("news");

    private protected Witness Witness { get; } = new();

    /// <summary>The runtime's states, since it was started.</summary>
    private protected ConcurrentQueue<RuntimeState> States { get; } = new();

    private protected ScriptedBroker Broker { get; private set; } = null!;

    public async ValueTask InitializeAsync() => Broker = await ScriptedBroker.StartAsync();

    public ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return Broker.DisposeAsync();
    }

    private protected static Message Reply(Message request, string text) =>
        new() { Re = request.Id, Reply = new Reply { Envelope = ScriptedConnection.Envelope(new Answer(text)) } };

    private protected async Task<(DistributedRuntime Runtime, ScriptedConnection Connection)> HostAsync(
        ulong creditMessages = 1000, Welcome? welcome = null, Action<DistributedRuntimeOptions>? configure = null)
    {
        var (runtime, connection) = await Broker.ConnectAsync(configure, welcome: welcome ?? ScriptedBroker.NewWelcome("s1"), creditMessages: creditMessages);
        runtime.StateChanged += (_, e) => States.Enqueue(e.State);
        await RoutedAgent.RegisterAsync(runtime, "worker", () => new Worker(Witness));
        await RoutedAgent.RegisterAsync(runtime, "listener", () => new Listener(Witness));
        await runtime.StartAsync().Within();
        return (runtime, connection);
    }

    private protected static async Task ActivateAsync(ScriptedConnection connection, AgentId agent, ulong epoch)
    {
        await connection.ActivateAsync(agent, epoch);
        await connection.NextAsync(Message.KindOneofCase.Done);
    }

    private protected static async Task<Message> NextAsync(ScriptedConnection connection, Message.KindOneofCase kind)
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

    private protected static async Task CallWorksAsync(DistributedRuntime runtime, ScriptedConnection connection)
    {
        var call = runtime.SendMessageAsync<Answer>(new Ask("again"), Somebody);
        await connection.SendAsync(Reply(await connection.NextAsync(Message.KindOneofCase.Request), "works"));
        Assert.Equal("works", (await call.Within()).Text);
    }

    private protected static async Task UntilAsync(Func<bool> condition)
    {
        using var late = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        while (!condition())
        {
            await Task.Delay(TimeSpan.FromMilliseconds(10), late.Token);
        }
    }
}
