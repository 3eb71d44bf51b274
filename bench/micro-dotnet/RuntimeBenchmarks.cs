using BenchmarkDotNet.Attributes;

namespace Parley.Bench.Micro;

/// <summary>How long the in-process runtime takes for one message: what agents cost without codec, broker and network.</summary>
public class RuntimeBenchmarks
{
    private const int Count = 1_024;
    private static readonly AgentId Whom = new("echo", "k");
    private static readonly TopicId What = new("measured", "k");
    private static readonly object Message = Messages.OfSize(256);

    private InProcessRuntime _runtime = null!;
    private Echo _echo = null!;

    /// <summary>Starts a runtime with one agent.</summary>
    [GlobalSetup]
    public async Task SetUp()
    {
        _runtime = new InProcessRuntime();
        await RoutedAgent.RegisterAsync(_runtime, "echo", () => _echo = new Echo()).ConfigureAwait(false);
        await _runtime.AddSubscriptionAsync(new TypeSubscription("measured", "echo")).ConfigureAwait(false);
        await _runtime.StartAsync().ConfigureAwait(false);
        await _runtime.SendMessageAsync(Message, Whom).ConfigureAwait(false);
    }

    /// <summary>Stops it.</summary>
    [GlobalCleanup]
    public Task CleanUp() => _runtime.StopAsync();

    /// <summary>A call and its reply.</summary>
    /// <param name="inFlight">How many are unanswered at any time.</param>
    [Benchmark(OperationsPerInvoke = Count)]
    [Arguments(1)]
    [Arguments(64)]
    public Task Call(int inFlight) => Task.WhenAll(Enumerable.Range(0, inFlight).Select(_ => Task.Run(async () =>
    {
        for (var i = 0; i < Count / inFlight; i++)
        {
            await _runtime.SendMessageAsync(Message, Whom).ConfigureAwait(false);
        }
    })));

    /// <summary>An event, until its handler has had it.</summary>
    [Benchmark(OperationsPerInvoke = Count)]
    public async Task Publish()
    {
        var arrived = _echo.WhenArrived(Count);
        for (var i = 0; i < Count; i++)
        {
            await _runtime.PublishMessageAsync(Message, What).ConfigureAwait(false);
        }

        await arrived.ConfigureAwait(false);
    }

    private sealed class Echo : RoutedAgent
    {
        private TaskCompletionSource _arrived = new();
        private int _missing;

        public Task WhenArrived(int events)
        {
            (_missing, _arrived) = (events, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
            return _arrived.Task;
        }

        [RpcMethod]
        public Reading OnCall(Reading message) => message;

        [EventMethod]
        public void OnEvent(Reading message)
        {
            if (--_missing == 0)
            {
                _arrived.TrySetResult();
            }
        }
    }
}
