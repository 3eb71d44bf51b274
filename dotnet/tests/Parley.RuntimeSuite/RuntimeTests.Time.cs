using Xunit;

namespace Parley.RuntimeSuite;

public abstract partial class RuntimeTests
{
    private static readonly SendOptions Soon = new() { Timeout = TimeSpan.FromMilliseconds(300) };

    [Fact]
    public async Task The_deadline_ends_the_call_and_fires_the_handlers_token()
    {
        var raised = await Assert.ThrowsAsync<DeadlineExceededException>(() => Runtime.SendMessageAsync(new Wait("a"), Somebody, Soon).Within());
        Assert.Contains("timeout of this call", raised.Message, StringComparison.Ordinal);
        Assert.True(raised.MayHaveRun);
        await Witness.WaitForAsync("cancelled a");
    }

    [Fact]
    public async Task Cancelling_ends_the_call_and_fires_the_handlers_token()
    {
        using var source = new CancellationTokenSource();
        var call = Runtime.SendMessageAsync(new Wait("a"), Somebody, null, source.Token);
        await Witness.WaitForAsync("start a");
        await source.CancelAsync();
        var raised = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call.Within());
        Assert.Equal(source.Token, raised.CancellationToken);
        await Witness.WaitForAsync("cancelled a");
    }

    [Fact]
    public async Task A_token_that_was_cancelled_before_sends_nothing()
    {
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => Runtime.SendMessageAsync(new Ask("x"), Somebody, null, new CancellationToken(canceled: true)));
    }

    [Fact]
    public async Task A_nested_call_has_no_more_time_than_its_outer_one()
    {
        Relay message = new([new("worker", "waits")], TimeoutMs: 60_000);
        await Assert.ThrowsAsync<DeadlineExceededException>(() => Runtime.SendMessageAsync(message, Somebody, Soon).Within());
        await Witness.WaitForAsync("cancelled relayed");
    }

    [Fact]
    public async Task A_nested_calls_own_smaller_timeout_counts()
    {
        Relay message = new([new("worker", "waits")], TimeoutMs: 200);
        var raised = await Assert.ThrowsAsync<HandlerFailedException>(() => Runtime.SendMessageAsync(message, Somebody).Within());
        Assert.Equal(typeof(DeadlineExceededException).FullName, raised.Details["exception_type"]);
    }

    [Theory]
    [InlineData(-2)]
    [InlineData(-5e9)]
    public async Task A_timeout_that_is_not_allowed_is_refused(double ms)
    {
        var options = new SendOptions { Timeout = TimeSpan.FromMilliseconds(ms) };
        var raised = await Assert.ThrowsAsync<InvalidArgumentException>(() => Runtime.SendMessageAsync(new Ask("x"), Somebody, options));
        Assert.Equal("timeout", raised.Details["field"]);
    }

    [Fact]
    public async Task No_time_at_all_is_up_at_once()
    {
        var raised = await Assert.ThrowsAsync<DeadlineExceededException>(
            () => Runtime.SendMessageAsync(new Wait("never"), Somebody, new SendOptions { Timeout = TimeSpan.Zero }));
        Assert.Equal(("0", "call", false), (raised.Details["timeout_ms"], raised.Details["timeout_source"], raised.MayHaveRun));
        Assert.DoesNotContain("start never", Witness.Seen);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(5e9)]
    public async Task Any_longer_timeout_is_cut_to_what_is_possible(double ms)
    {
        var options = new SendOptions { Timeout = TimeSpan.FromMilliseconds(ms) };
        await Runtime.SendMessageAsync(new Ask("x"), Somebody, options).Within();
    }

    [Fact]
    public async Task An_exceeded_deadline_names_its_source()
    {
        var call = await Assert.ThrowsAsync<DeadlineExceededException>(() => Runtime.SendMessageAsync(new Wait("a"), Somebody, Soon).Within());
        Assert.Equal(("300", "call"), (call.Details["timeout_ms"], call.Details["timeout_source"]));
    }

    [Fact]
    public async Task Nested_calls_may_come_back_to_an_agent_that_waits()
    {
        AgentId[] path = [new("worker", "b"), new("worker", "default"), new("worker", "c")];
        var calls = Enumerable.Range(0, 200).Select(_ => Runtime.SendMessageAsync<Answer>(new Relay(path), Somebody)).ToArray();
        var answers = await Task.WhenAll(calls).Within();
        Assert.All(answers, a => Assert.Equal("worker/default > worker/b > worker/default > worker/c", a.Text));
    }

    [Fact]
    public async Task A_chain_of_calls_may_be_32_deep()
    {
        AgentId[] Path(int calls) => [.. Enumerable.Repeat(Somebody, calls - 1)];
        var answer = await Runtime.SendMessageAsync<Answer>(new Relay(Path(32)), Somebody).Within();
        Assert.Equal(32, answer.Text.Split(" > ").Length);
        var raised = await Assert.ThrowsAsync<HandlerFailedException>(() => Runtime.SendMessageAsync(new Relay(Path(33)), Somebody).Within());
        Assert.Contains("at most 32", raised.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Stopping_lets_handlers_finish()
    {
        var other = await CreateAsync();
        await RoutedAgent.RegisterAsync(other, "draining", () => new Worker(Witness));
        await Assert.ThrowsAsync<InvalidOperationException>(() => other.SendMessageAsync(new Ask("x"), Somebody));
        await other.StartAsync();
        var call = other.SendMessageAsync<Answer>(new Wait("a"), new AgentId("draining", "k"));
        await Witness.WaitForAsync("start a");
        var stop = other.StopAsync();
        Assert.Same(stop, other.StopAsync());
        Assert.False(stop.IsCompleted);
        Witness.Open("a");
        await stop.Within();
        Assert.Equal("a", (await call.Within()).Text);
        await other.WaitUntilStoppedAsync().Within();
        var raised = await Assert.ThrowsAsync<UnavailableException>(() => other.SendMessageAsync(new Ask("x"), Somebody));
        Assert.Contains("stopped", raised.Message, StringComparison.Ordinal);
    }
}
