using Xunit;

namespace Parley.RuntimeSuite;

/// <summary>What every runtime does alike; each runtime's tests inherit this.</summary>
public abstract partial class RuntimeTests : IAsyncLifetime
{
    private static readonly AgentId Somebody = new("worker", "default");

    protected Witness Witness { get; } = new();

    private IAgentRuntime Runtime { get; set; } = null!;

    public async ValueTask InitializeAsync()
    {
        Runtime = await CreateAsync();
        await RoutedAgent.RegisterAsync(Runtime, "worker", () => new Worker(Witness));
        await Runtime.StartAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await Runtime.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    /// <summary>A new runtime, not started.</summary>
    protected abstract Task<IAgentRuntime> CreateAsync();

    [Fact]
    public async Task A_call_is_answered()
    {
        var answer = await Runtime.SendMessageAsync<Answer>(new Ask("hello"), new AgentId("worker", "k/é")).Within();
        Assert.Equal("worker/k/é heard hello", answer.Text);
    }

    [Fact]
    public async Task A_union_gives_each_of_its_classes_and_null()
    {
        Assert.Equal(new Answer("yes"), await Runtime.SendMessageAsync(new Gossip("answer"), Somebody).Within());
        Assert.Equal(new Refusal("no"), await Runtime.SendMessageAsync(new Gossip("refuse"), Somebody).Within());
        Assert.Null(await Runtime.SendMessageAsync(new Gossip("null"), Somebody).Within());
        Assert.Null(await Runtime.SendMessageAsync<Answer?>(new Gossip("null"), Somebody).Within());
    }

    [Fact]
    public async Task A_result_of_another_class_than_asked_for_is_named()
    {
        var raised = await Assert.ThrowsAsync<UnknownMessageTypeException>(() => Runtime.SendMessageAsync<Answer>(new Gossip("refuse"), Somebody).Within());
        Assert.Contains(typeof(Refusal).ToString(), raised.Message, StringComparison.Ordinal);
        Assert.Contains(typeof(Answer).ToString(), raised.Message, StringComparison.Ordinal);
        Assert.Equal(("Refusal", "Answer", true), (raised.Details["type_name"], raised.Details["understood"], raised.MayHaveRun));
    }

    [Theory]
    [InlineData(0xd800)]
    [InlineData(0xdc00)]
    [InlineData(0)]
    public async Task A_message_id_that_is_no_text_is_refused(int surrogate)
    {
        // Attributes cannot hold one.
        var id = surrogate == 0 ? string.Empty : $"a{(char)surrogate}b";
        var sent = await Assert.ThrowsAsync<InvalidArgumentException>(
            () => Runtime.SendMessageAsync(new Ask("x"), Somebody, new SendOptions { MessageId = id }));
        var published = await Assert.ThrowsAsync<InvalidArgumentException>(
            () => Runtime.PublishMessageAsync(new News("x"), new TopicId("news"), new PublishOptions { MessageId = id }));
        Assert.Equal(("message_id", "message_id"), (sent.Details["field"], published.Details["field"]));
    }

    [Fact]
    public async Task A_message_id_of_an_event_has_at_most_255_bytes()
    {
        var topic = new TopicId("paper");
        await Runtime.PublishMessageAsync(new News("x"), topic, new PublishOptions { MessageId = new string('x', 255) });
        await Assert.ThrowsAsync<InvalidArgumentException>(
            () => Runtime.PublishMessageAsync(new News("x"), topic, new PublishOptions { MessageId = new string('é', 128) }));
    }

    [Theory]
    [InlineData("stranger")]
    [InlineData("unencodable")]
    public async Task A_result_that_the_handler_does_not_declare_is_a_failure_of_the_handler(string text)
    {
        var raised = await Assert.ThrowsAsync<HandlerFailedException>(() => Runtime.SendMessageAsync(new Gossip(text), Somebody).Within());
        Assert.Equal("worker/default", raised.Details["agent"]);
        Assert.True(raised.MayHaveRun);
    }

    [Theory]
    [InlineData("boom")]
    [InlineData("")]
    public async Task A_handler_that_raises_is_named(string text)
    {
        var raised = await Assert.ThrowsAsync<HandlerFailedException>(() => Runtime.SendMessageAsync(new Fail(text), Somebody).Within());
        Assert.Equal(typeof(InvalidTimeZoneException).FullName, raised.Details["exception_type"]);
        Assert.Equal(text, raised.Details["exception_message"]);
        Assert.Equal("worker/default", raised.Details["agent"]);
        Assert.Equal((ErrorReason.HandlerFailed, true, false), (raised.Reason, raised.MayHaveRun, raised.IsRetryable));
    }

    [Fact]
    public async Task A_handler_that_cancels_itself_has_failed()
    {
        var raised = await Assert.ThrowsAsync<HandlerFailedException>(() => Runtime.SendMessageAsync(new Gossip("cancel"), Somebody).Within());
        Assert.Equal(typeof(OperationCanceledException).FullName, raised.Details["exception_type"]);
    }

    [Fact]
    public async Task A_message_without_a_handler_is_unhandled()
    {
        Runtime.AddMessageType<News>();
        var raised = await Assert.ThrowsAsync<UnhandledMessageException>(() => Runtime.SendMessageAsync(new News("x"), Somebody).Within());
        Assert.Equal("News", raised.Details["type_name"]);
        Assert.Contains("Ask", raised.Details["understood"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_type_that_nobody_hosts_fails_at_once()
    {
        var raised = await Assert.ThrowsAsync<NoRespondersException>(
            () => Runtime.SendMessageAsync(new Ask("x"), new AgentId("nobody", "k")).Within());
        Assert.Equal("nobody", raised.Details["agent_type"]);
        Assert.IsAssignableFrom<UndeliverableException>(raised);
    }

    [Fact]
    public async Task A_default_id_names_nothing()
    {
        await Assert.ThrowsAsync<InvalidArgumentException>(() => Runtime.SendMessageAsync(new Ask("x"), default));
        await Assert.ThrowsAsync<InvalidArgumentException>(() => Runtime.PublishMessageAsync(new News("x"), default));
        await Assert.ThrowsAsync<InvalidArgumentException>(() => Runtime.RegisterAgentInstanceAsync(default, new Worker(Witness)));
    }

    [Fact]
    public async Task A_call_waits_for_a_host_when_told_to()
    {
        var call = Runtime.SendMessageAsync<Answer>(new Ask("x"), new AgentId("late", "k"), new SendOptions { WaitForReady = true });
        await RoutedAgent.RegisterAsync(Runtime, "late", async () =>
        {
            await Task.Yield();
            return new Worker(Witness);
        });
        Assert.Equal("late/k heard x", (await call.Within()).Text);
    }

    [Fact]
    public async Task An_agent_that_cannot_be_made_says_so_and_may_be_made_later()
    {
        var broken = true;
        await RoutedAgent.RegisterAsync(Runtime, "fragile", () => broken ? throw new InvalidTimeZoneException("no parts") : new Worker(Witness));
        var id = new AgentId("fragile", "k");
        var raised = await Assert.ThrowsAsync<ActivationFailedException>(() => Runtime.SendMessageAsync(new Ask("x"), id).Within());
        Assert.Contains("no parts", raised.Message, StringComparison.Ordinal);
        Assert.Equal("fragile/k", raised.Details["agent"]);
        broken = false;
        Assert.Equal("fragile/k heard x", (await Runtime.SendMessageAsync<Answer>(new Ask("x"), id).Within()).Text);
    }

    [Fact]
    public async Task A_type_is_registered_once()
    {
        await Assert.ThrowsAsync<AlreadyExistsException>(() => RoutedAgent.RegisterAsync(Runtime, "worker", () => new Worker(Witness)));
        await Assert.ThrowsAsync<AlreadyExistsException>(() => Runtime.RegisterAgentInstanceAsync(Somebody, new Worker(Witness)));
    }

    [Fact]
    public async Task An_instance_is_reached_under_its_own_key_only()
    {
        await Runtime.RegisterAgentInstanceAsync(new AgentId("pinned", "a"), new Worker(Witness));
        await Runtime.RegisterAgentInstanceAsync(new AgentId("pinned", "b"), new Worker(Witness));
        Assert.Equal("pinned/b heard x", (await Runtime.SendMessageAsync<Answer>(new Ask("x"), new AgentId("pinned", "b")).Within()).Text);
        await Assert.ThrowsAsync<NoRespondersException>(() => Runtime.SendMessageAsync(new Ask("x"), new AgentId("pinned", "c")).Within());
    }

    [Fact]
    public async Task Handlers_of_one_agent_overlap_but_never_run_in_parallel()
    {
        const int Calls = 200;
        await Task.WhenAll(Enumerable.Range(0, Calls).Select(_ => Runtime.SendMessageAsync(new Add(1), Somebody))).Within();
        Assert.Equal(new Total(Calls), await Runtime.SendMessageAsync(new Total(0), Somebody).Within());
    }

    [Fact]
    public async Task Stateless_agents_run_in_parallel_with_an_instance_each()
    {
        await RoutedAgent.RegisterAsync(Runtime, "clerk", () =>
        {
            Witness.Saw("made");
            return new Clerk(Witness);
        });
        var calls = Enumerable.Range(0, 3).Select(i => Runtime.SendMessageAsync<Answer>(new Ask("same"), new AgentId("clerk", "k"))).ToArray();
        await Witness.WaitForAsync(seen => seen.Count(s => s == "same") == 3);
        Witness.Open("clerk");
        await Task.WhenAll(calls).Within();
        Assert.Equal(3, Witness.Seen.Count(s => s == "made"));
    }

    [Fact]
    public async Task Delegate_handlers_need_no_marked_methods()
    {
        await RoutedAgent.RegisterAsync(Runtime, "delegated", () => new Delegated(Witness));
        await Runtime.AddSubscriptionAsync(new TypeSubscription("paper", "delegated"));
        Assert.Equal("delegate x", (await Runtime.SendMessageAsync<Answer>(new Ask("x"), new AgentId("delegated", "k")).Within()).Text);
        await Runtime.PublishMessageAsync(new News("front page"), new TopicId("paper", "k")).Within();
        await Witness.WaitForAsync("front page");
    }
}
