using Parley.RuntimeSuite;

namespace Parley.Tests.Agents;

public class HandlerTableTests
{
    [Theory]
    [InlineData(typeof(TakesNothing))]
    [InlineData(typeof(TakesAnything))]
    [InlineData(typeof(TakesTooMuch))]
    [InlineData(typeof(AnswersAnEvent))]
    [InlineData(typeof(TwoForOne))]
    [InlineData(typeof(BelongsToNobody))]
    public void A_method_that_cannot_be_a_handler_is_named(Type agent)
    {
        var raised = Assert.Throws<InvalidOperationException>(() => HandlerTable.For(agent));
        Assert.Contains(agent == typeof(TwoForOne) ? nameof(Ask) : agent.Name, raised.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Every_shape_of_a_handler_is_called()
    {
        await using var runtime = new InProcessRuntime();
        await RoutedAgent.RegisterAsync(runtime, "shapes", () => new Shapes());
        await runtime.StartAsync();
        var id = new AgentId("shapes", "k");
        Assert.Equal(new Answer("sync"), await runtime.SendMessageAsync(new Ask("x"), id));
        Assert.Equal(new Answer("value task, with context"), await runtime.SendMessageAsync(new Gossip("x"), id));
        Assert.Null(await runtime.SendMessageAsync(new Fail("x"), id));
        Assert.Null(await runtime.SendMessageAsync(new Wait("x"), id));
        Assert.Equal(new Answer("inherited, private"), await runtime.SendMessageAsync(new News("x"), id));
    }

    [Fact]
    public async Task What_an_agent_handles_is_said_in_wire_names()
    {
        await using var runtime = new InProcessRuntime();
        runtime.AddMessageSerializer(new Renamed<Ask>("question"));
        runtime.AddMessageSerializer(new Renamed<Answer>("reply"));
        await RoutedAgent.RegisterAsync(runtime, "self", () => new Self());
        await runtime.StartAsync();
        var raised = await Assert.ThrowsAsync<UnhandledMessageException>(() => runtime.SendMessageAsync(new Answer("x"), new AgentId("self", "k")));
        Assert.Equal("self/k does not handle calls of the type 'reply'; it handles question.", raised.Message);
        Assert.Equal(("reply", "question"), (raised.Details["type_name"], raised.Details["understood"]));
    }

    [Fact]
    public async Task An_agent_knows_itself_in_its_constructor_and_only_when_hosted()
    {
        await using var runtime = new InProcessRuntime();
        await RoutedAgent.RegisterAsync(runtime, "self", () => new Self());
        await runtime.StartAsync();
        Assert.Equal(new Answer("self/k"), await runtime.SendMessageAsync(new Ask("x"), new AgentId("self", "k")));
        Assert.False(AgentInstantiationContext.IsActive);
        Assert.Throws<InvalidOperationException>(() => new Self());
        var instance = new Shapes();
        Assert.Throws<InvalidOperationException>(() => instance.Id);
        await runtime.RegisterAgentInstanceAsync(new AgentId("one", "k"), instance);
        await runtime.SendMessageAsync(new Ask("x"), new AgentId("one", "k"));
        Assert.Equal(new AgentId("one", "k"), instance.Id);
        await runtime.RegisterAgentInstanceAsync(new AgentId("two", "k"), instance);
        await Assert.ThrowsAsync<ActivationFailedException>(() => runtime.SendMessageAsync(new Ask("x"), new AgentId("two", "k")));
    }

    [Fact]
    public async Task State_is_saved_and_loaded_in_process()
    {
        await using var runtime = new InProcessRuntime();
        await RoutedAgent.RegisterAsync(runtime, "counter", () => new Counter());
        await runtime.StartAsync();
        await runtime.SendMessageAsync(new Add(5), new AgentId("counter", "a"));
        var state = await runtime.SaveAgentStateAsync(new AgentId("counter", "a"));
        Assert.Equal("""{"total_so_far":5}""", state.GetRawText());
        await runtime.LoadAgentStateAsync(new AgentId("counter", "b"), state);
        Assert.Equal(new Total(7), await runtime.SendMessageAsync(new Add(2), new AgentId("counter", "b")));
    }

    private sealed class TakesNothing : RoutedAgent
    {
        [RpcMethod]
        public Answer On() => new("x");
    }

    private sealed class TakesAnything : RoutedAgent
    {
        [RpcMethod]
        public Answer On(object message) => new($"{message}");
    }

    private sealed class TakesTooMuch : RoutedAgent
    {
        [RpcMethod]
        public Answer On(Ask message, int more) => new($"{message} {more}");
    }

    private sealed class AnswersAnEvent : RoutedAgent
    {
        [EventMethod]
        public Task<Answer> On(Ask message) => Task.FromResult(new Answer(message.Text));
    }

    private sealed class BelongsToNobody : RoutedAgent
    {
        [RpcMethod]
        public static Answer On(Ask message) => new(message.Text);
    }

    private sealed class TwoForOne : RoutedAgent
    {
        [RpcMethod]
        public Answer One(Ask message) => new(message.Text);

        [RpcMethod]
        public Answer Two(Ask message) => new(message.Text);
    }

    private sealed class Renamed<T>(string name) : IMessageSerializer<T>
        where T : notnull
    {
        private readonly JsonMessageSerializer<T> _json = new();

        public string TypeName => name;

        public ReadOnlyMemory<byte> Serialize(T message) => _json.Serialize(message);

        public T Deserialize(ReadOnlyMemory<byte> data) => _json.Deserialize(data);
    }

    private abstract class Base : RoutedAgent
    {
        [RpcMethod]
        private Answer Hidden(News message) => new("inherited, private");

        [RpcMethod]
        public abstract Answer On(Ask message);
    }

    private sealed class Shapes : Base
    {
        [RpcMethod]
        public override Answer On(Ask message) => new("sync");

        [RpcMethod]
        public ValueTask<Answer> On(Gossip message, MessageContext context) =>
            new(new Answer(context.IsRpc && context.Remaining > TimeSpan.Zero ? "value task, with context" : "?"));

        [RpcMethod]
        public ValueTask On(Fail message) => default;

        [RpcMethod]
        public async Task On(Wait message, MessageContext context) => await Task.Yield();
    }

    private sealed class Self : RoutedAgent
    {
        private readonly string _name;

        public Self() => _name = Id.ToString();

        [RpcMethod]
        public Answer On(Ask message) => new(_name);
    }

    private sealed class Counter : RoutedAgent<CounterState>
    {
        [RpcMethod]
        public Total On(Add message) => new(State.TotalSoFar += message.Number);
    }

    private sealed class CounterState
    {
        public long TotalSoFar { get; set; }
    }
}
