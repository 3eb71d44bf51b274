using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using Parley.RuntimeSuite;

namespace Parley.Tests.Runtime;

public sealed partial class LifetimeTests
{
    private const int SigTerm = 15;

    [Fact]
    public async Task A_signal_stops_the_runtime_that_is_waited_for()
    {
        await using var runtime = new InProcessRuntime();
        await runtime.StartAsync();
        var waiting = runtime.WaitUntilStoppedAsync();
        Assert.Equal(0, Kill(Environment.ProcessId, SigTerm));
        await waiting.Within();
    }

    [Fact]
    public async Task Stopping_ends_after_the_drain_timeout_and_cancels_what_still_runs()
    {
        var witness = new Witness();
        var time = new FakeTimeProvider();
        await using var runtime = new InProcessRuntime(new InProcessRuntimeOptions { TimeProvider = time });
        await RoutedAgent.RegisterAsync(runtime, "stubborn", () => new Stubborn(witness));
        await runtime.AddSubscriptionAsync(new TypeSubscription("t", "stubborn"));
        await runtime.StartAsync();
        await runtime.PublishMessageAsync(new News("x"), new TopicId("t"));
        await witness.WaitForAsync("started");
        await StopAsync(runtime, time);
        await witness.WaitForAsync("cancelled");
    }

    [Fact]
    public void Events_for_nobody_are_warned_of_at_most_every_ten_seconds()
    {
        var time = new FakeTimeProvider();
        var log = new ListLogger();
        var warning = new NoRecipientsWarning(log, time);
        foreach (var seconds in new[] { 0, 1, 8, 2, 1 })
        {
            time.Advance(TimeSpan.FromSeconds(seconds));
            warning.Warn(new TopicId("t", "s"));
        }

        Assert.Equal(2, log.Lines.Count);
        Assert.Contains("t/s", log.Lines[0], StringComparison.Ordinal);
        Assert.Contains("(2 more", log.Lines[1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_handler_that_blocks_its_agent_is_warned_of_each_minute()
    {
        var witness = new Witness();
        var time = new FakeTimeProvider();
        var log = new ListLogger();
        using var loggers = new OneLogger(log);
        await using var runtime = new InProcessRuntime(new InProcessRuntimeOptions { TimeProvider = time, LoggerFactory = loggers });
        await RoutedAgent.RegisterAsync(runtime, "stubborn", () => new Stubborn(witness));
        await runtime.AddSubscriptionAsync(new TypeSubscription("t", "stubborn"));
        await runtime.StartAsync();
        await runtime.PublishMessageAsync(new News("x"), new TopicId("t", "k"));
        await witness.WaitForAsync("started");
        try
        {
            time.Advance(TimeSpan.FromSeconds(59));
            Assert.Empty(log.Lines);
            time.Advance(TimeSpan.FromSeconds(1));
            time.Advance(TimeSpan.FromSeconds(60));
            Assert.Equal(2, log.Lines.Count);
            Assert.Contains("stubborn/k has been running for 120 s", log.Lines[1], StringComparison.Ordinal);
        }
        finally
        {
            await StopAsync(runtime, time);
        }
    }

    private static async Task StopAsync(InProcessRuntime runtime, FakeTimeProvider time)
    {
        var stopping = runtime.StopAsync();
        while (!stopping.IsCompleted)
        {
            time.Advance(TimeSpan.FromSeconds(26));
            await Task.Yield();
        }
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int pid, int signal);

    private sealed class Stubborn(Witness witness) : RoutedAgent
    {
        [EventMethod]
        public async Task On(News message, MessageContext context)
        {
            witness.Saw("started");
            using var registration = context.CancellationToken.Register(() => witness.Saw("cancelled"));
            await Task.Delay(Timeout.InfiniteTimeSpan, context.CancellationToken);
        }
    }

    private sealed class OneLogger(ILogger logger) : ILoggerFactory
    {
        public ILogger CreateLogger(string categoryName) => logger;

        public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException("Its one logger is given.");

        public void Dispose()
        {
        }
    }

    private sealed class ListLogger : ILogger
    {
        public List<string> Lines { get; } = [];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Lines.Add(formatter(state, exception));
    }
}
