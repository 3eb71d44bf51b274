using Xunit;

namespace Parley.RuntimeSuite;

public abstract partial class RuntimeTests
{
    private static readonly AgentId Careless = new("careless", "default");

    [Fact]
    public async Task What_a_callback_of_a_handlers_token_raises_ends_nothing_else()
    {
        var other = await CreateAsync();
        await RoutedAgent.RegisterAsync(other, "careless", () => new CarelessAgent(Witness));
        await other.AddSubscriptionAsync(new TypeSubscription("careless-events", "careless"));
        await other.StartAsync();
        // Long enough for the handler to start, whatever else the machine does.
        var options = new SendOptions { Timeout = TimeSpan.FromSeconds(3) };
        await Assert.ThrowsAsync<DeadlineExceededException>(() => other.SendMessageAsync(new Wait("late"), Careless, options).Within());
        await Witness.WaitForAsync("raised late");
        using var source = new CancellationTokenSource();
        var call = other.SendMessageAsync(new Wait("given up"), Careless, null, source.Token);
        await Witness.WaitForAsync("start given up");
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call.Within());
        await Witness.WaitForAsync("raised given up");
        await other.PublishMessageAsync(new News("stopped"), new TopicId("careless-events"));
        await Witness.WaitForAsync("start stopped");
        // It does not wait for the handler.
        await other.StopAsync(new CancellationToken(canceled: true)).Within();
        await Witness.WaitForAsync("raised stopped");
        await other.WaitUntilStoppedAsync().Within();
    }

    /// <summary>Its handlers end when their tokens fire, and what it registered with them raises.</summary>
    private sealed class CarelessAgent(Witness witness) : RoutedAgent
    {
        [RpcMethod]
        public Task OnCall(Wait message, MessageContext context) => RunAsync(message.Label, context.CancellationToken);

        [EventMethod]
        public Task OnEvent(News message, MessageContext context) => RunAsync(message.Text, context.CancellationToken);

        private async Task RunAsync(string label, CancellationToken token)
        {
            token.Register(() =>
            {
                witness.Saw($"raised {label}");
                throw new InvalidTimeZoneException("of a callback");
            });
            witness.Saw($"start {label}");
            await Task.Delay(Timeout.InfiniteTimeSpan, token);
        }
    }
}
