using Parley.RuntimeSuite;
using Parley.Wire.V1;

namespace Parley.Grpc.Tests.Scripted;

/// <summary>What users do when a token fires, or an agent leaves, holds up nobody else.</summary>
public sealed class TokenTests : IAsyncLifetime
{
    private static readonly AgentId Worker = new("worker", "k");
    private static readonly AgentId Sticky = new("sticky", "k");
    private readonly Witness _witness = new();
    private readonly ManualResetEventSlim _release = new();
    private ScriptedBroker _broker = null!;

    public async ValueTask InitializeAsync() => _broker = await ScriptedBroker.StartAsync();

    public async ValueTask DisposeAsync()
    {
        _release.Set();
        await _broker.DisposeAsync();
    }

    [Fact]
    public async Task A_slow_callback_of_a_cancelled_call_holds_up_neither_the_session_nor_its_slot()
    {
        var connection = await HostAsync();
        var id = await connection.RequestAsync(Sticky, new Wait("a"));
        await _witness.WaitForAsync("start a");
        await connection.SendAsync(new Message { Cancel = new Cancel { RequestId = id } });
        await _witness.WaitForAsync("fired a");
        await AnswersAsync(connection);
    }

    [Fact]
    public async Task A_slow_callback_of_an_event_whose_agent_is_taken_away_holds_up_nobody()
    {
        var connection = await HostAsync();
        await connection.DeliverAsync(Sticky, new News("a"), position: 1);
        await _witness.WaitForAsync("start a");
        await connection.ActivateAsync(Sticky, epoch: 2);
        await _witness.WaitForAsync("fired a");
        await connection.RequestAsync(Worker, new Ask("x"), chain: Sticky);
        await connection.NextAsync(Message.KindOneofCase.Reply);
    }

    [Fact]
    public async Task A_slow_disposal_holds_up_nobody()
    {
        var connection = await HostAsync();
        await connection.ActivateAsync(Sticky, epoch: 2);
        await _witness.WaitForAsync("disposing");
        await AnswersAsync(connection);
    }

    private static async Task AnswersAsync(ScriptedConnection connection)
    {
        await connection.RequestAsync(Worker, new Ask("x"));
        await connection.NextAsync(Message.KindOneofCase.Reply);
    }

    private async Task<ScriptedConnection> HostAsync()
    {
        var (runtime, connection) = await _broker.ConnectAsync(o => o.MaxConcurrency = 1);
        await RoutedAgent.RegisterAsync(runtime, "worker", () => new Worker(_witness));
        await RoutedAgent.RegisterAsync(runtime, "sticky", () => new StickyAgent(_witness, _release));
        await runtime.StartAsync().Within();
        foreach (var agent in new[] { Worker, Sticky })
        {
            await connection.ActivateAsync(agent);
            await connection.NextAsync(Message.KindOneofCase.Done);
        }

        return connection;
    }

    /// <summary>Blocks the thread of whoever fires its tokens or disposes of it; its handlers end when they are let.</summary>
    private sealed class StickyAgent(Witness witness, ManualResetEventSlim release) : RoutedAgent
    {
        public override ValueTask DisposeAsync()
        {
            witness.Saw("disposing");
            release.Wait();
            return base.DisposeAsync();
        }

        [RpcMethod]
        public Task OnCall(Wait message, MessageContext context) => RunAsync(message.Label, context);

        [EventMethod]
        public Task OnEvent(News message, MessageContext context) => RunAsync(message.Text, context);

        private Task RunAsync(string label, MessageContext context)
        {
            context.CancellationToken.Register(() =>
            {
                witness.Saw($"fired {label}");
                release.Wait();
            });
            witness.Saw($"start {label}");
            return witness.Gate(label);
        }
    }
}
