using Xunit;

namespace Parley.RuntimeSuite;

public abstract partial class RuntimeTests
{
    private static readonly AgentId Account = new("teller", "k");

    [Fact]
    public async Task An_effectively_once_agent_keeps_nothing_of_what_failed()
    {
        await HostTellerAsync();
        Assert.Equal(new Total(5), await Runtime.SendMessageAsync(new Add(5), Account).Within());
        await Assert.ThrowsAsync<HandlerFailedException>(() => Runtime.SendMessageAsync(new Add(-1), Account).Within());
        Assert.Equal(new Total(5), await Runtime.SendMessageAsync(new Total(0), Account).Within());
        Assert.Equal(new Total(7), await Runtime.SendMessageAsync(new Add(2), Account).Within());
        // What failed published nothing but what it published at once.
        await Witness.WaitForAsync(seen => seen.Count(s => s.StartsWith("listener/k", StringComparison.Ordinal)) == 5);
        Assert.Equal(["at once 5", "added 5", "at once -1", "at once 2", "added 2"], Witness.Seen.Where(s => s.StartsWith("listener/k", StringComparison.Ordinal)).Select(Text));
        Assert.Equal(2, Witness.Seen.Count(s => s == "made teller"));
    }

    [Fact]
    public async Task An_effectively_once_agent_handles_one_message_at_a_time()
    {
        await HostTellerAsync();
        var first = Runtime.SendMessageAsync<Answer>(new Wait("a"), Account);
        await Witness.WaitForAsync("start a");
        var second = Runtime.SendMessageAsync<Answer>(new Wait("b"), Account);
        var third = Runtime.SendMessageAsync<Total>(new Total(0), Account);
        Witness.Open("b");
        await Runtime.SendMessageAsync(new Ask("another agent"), Somebody).Within();
        Assert.DoesNotContain("start b", Witness.Seen);
        Witness.Open("a");
        await Task.WhenAll(first, second, third).Within();
    }

    [Fact]
    public async Task An_effectively_once_agent_that_calls_itself_is_told_of_the_cycle()
    {
        await HostTellerAsync();
        var raised = await Assert.ThrowsAsync<HandlerFailedException>(() => Runtime.SendMessageAsync(new Relay([Account]), Account).Within());
        Assert.Equal(typeof(CallCycleException).FullName, raised.Details["exception_type"]);
    }

    [Fact]
    public async Task Calls_with_equal_idempotency_keys_run_once()
    {
        var once = new SendOptions { IdempotencyKey = "key" };
        var first = Runtime.SendMessageAsync<Answer>(new Wait("a"), Somebody, once);
        await Witness.WaitForAsync("start a");
        var joined = Runtime.SendMessageAsync<Answer>(new Wait("a"), Somebody, once);
        Witness.Open("a");
        Assert.Equal(("a", "a"), ((await first.Within()).Text, (await joined.Within()).Text));
        Assert.Equal("a", (await Runtime.SendMessageAsync<Answer>(new Wait("a"), Somebody, once).Within()).Text);
        Assert.Single(Witness.Seen, "start a");
        var other = await Assert.ThrowsAsync<InvalidArgumentException>(() => Runtime.SendMessageAsync(new Wait("b"), Somebody, once).Within());
        Assert.Equal("idempotency_key", other.Details["field"]);
        await Runtime.SendMessageAsync<Answer>(new Ask("x"), Somebody, new SendOptions { IdempotencyKey = "another" }).Within();
    }

    [Fact]
    public async Task What_failed_under_an_idempotency_key_may_be_tried_again()
    {
        var once = new SendOptions { IdempotencyKey = "key" };
        await Assert.ThrowsAsync<HandlerFailedException>(() => Runtime.SendMessageAsync(new Fail("x"), Somebody, once).Within());
        await Assert.ThrowsAsync<HandlerFailedException>(() => Runtime.SendMessageAsync(new Fail("x"), Somebody, once).Within());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(256)]
    public async Task An_idempotency_key_has_1_to_255_bytes(int length)
    {
        var options = new SendOptions { IdempotencyKey = new string('x', length) };
        var raised = await Assert.ThrowsAsync<InvalidArgumentException>(() => Runtime.SendMessageAsync(new Ask("x"), Somebody, options));
        Assert.Equal("idempotency_key", raised.Details["field"]);
    }

    [Fact]
    public async Task Settings_that_do_not_fit_the_mode_are_refused()
    {
        var parallel = new RegisterOptions { Mode = AgentMode.EffectivelyOnce, Concurrency = 2 };
        await Assert.ThrowsAsync<InvalidArgumentException>(() => RoutedAgent.RegisterAsync(Runtime, "once", () => new Worker(Witness), parallel));
        var idle = new RegisterOptions { IdleTimeout = TimeSpan.FromSeconds(-1) };
        await Assert.ThrowsAsync<InvalidArgumentException>(() => RoutedAgent.RegisterAsync(Runtime, "idle", () => new Worker(Witness), idle));
    }

    // "listener/k ledger/k at once 5 1"
    private static string Text(string seen) => string.Join(' ', seen.Split(' ')[2..^1]);

    private async Task HostTellerAsync()
    {
        await RoutedAgent.RegisterAsync(Runtime, "listener", () => new Listener(Witness));
        await Runtime.AddSubscriptionAsync(new TypeSubscription("ledger", "listener"));
        await RoutedAgent.RegisterAsync(Runtime, "teller", () =>
        {
            Witness.Saw("made teller");
            return new Teller(Witness);
        });
    }
}
