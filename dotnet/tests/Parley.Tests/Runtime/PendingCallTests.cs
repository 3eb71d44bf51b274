using System.Collections.Concurrent;
using Microsoft.Extensions.Time.Testing;

namespace Parley.Tests.Runtime;

/// <summary>A call that is waited for leaves neither timer nor registration behind, whoever ends it, and whenever.</summary>
public sealed class PendingCallTests
{
    private readonly CountingTime _time = new();
    private readonly Waited _call = new();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task With_the_outcome_the_clock_stops_and_the_token_is_left(bool beforeAnybodyWaits)
    {
        using var token = new CancellationTokenSource();
        if (beforeAnybodyWaits)
        {
            Assert.True(_call.TrySetResult(1));
        }

        var outcome = _call.WaitAsync(_time, TimeSpan.FromMinutes(2), token.Token);
        Assert.Equal(!beforeAnybodyWaits, _call.TrySetResult(1));
        await token.CancelAsync();

        Assert.Equal(1, await outcome);
        Assert.Equal((1, 0), (_time.Made, _time.Running));
        Assert.Empty(_call.Abandoned);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task With_the_token_the_clock_stops(bool beforeAnybodyWaits)
    {
        using var token = new CancellationTokenSource();
        if (beforeAnybodyWaits)
        {
            await token.CancelAsync();
        }

        var outcome = _call.WaitAsync(_time, TimeSpan.FromMinutes(2), token.Token);
        await token.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => outcome);
        Assert.Equal((1, 0), (_time.Made, _time.Running));
        Assert.Equal([true], _call.Abandoned);
    }

    [Fact]
    public async Task At_the_deadline_it_is_abandoned_once()
    {
        var outcome = _call.WaitAsync(_time, TimeSpan.FromMinutes(2), CancellationToken.None);
        _time.Advance(TimeSpan.FromMinutes(2));

        await Assert.ThrowsAsync<TimeoutException>(() => outcome);
        Assert.False(_call.TrySetResult(1));
        Assert.Equal((1, 0), (_time.Made, _time.Running));
        Assert.Equal([false], _call.Abandoned);
    }

    [Fact]
    public async Task It_knows_when_the_waiter_has_done_what_it_did_about_the_outcome()
    {
        using var released = new ManualResetEventSlim();
        var outcome = _call.WaitAsync(_time, TimeSpan.FromMinutes(2), CancellationToken.None);
        // Waits for the outcome as soon as it is called.
        async Task Waiter()
        {
            await outcome.ConfigureAwait(false);
            released.Wait(TimeSpan.FromSeconds(20), CancellationToken.None);
            _call.Told.Enqueue("the waiter has gone on");
            await _call.End.ConfigureAwait(false);
        }

        var waiter = Waiter();
        // Never in the thread that ends it: this one.
        Assert.True(_call.TrySetResult(1));
        Assert.True(_call.HasEnded);
        released.Set();
        await waiter.WaitAsync(TimeSpan.FromSeconds(20));
        Assert.Equal(["the waiter has gone on", "told"], _call.Told);
    }

    private sealed class Waited : PendingCall<int>
    {
        private readonly TaskCompletionSource _end = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public ConcurrentQueue<string> Told { get; } = [];

        public Task End => _end.Task;

        public List<bool> Abandoned { get; } = [];

        protected override Exception DeadlineError() => new TimeoutException();

        protected override void OnTold()
        {
            Told.Enqueue("told");
            _end.TrySetResult();
        }

        protected override void OnAbandoned(bool cancelled) => Abandoned.Add(cancelled);
    }

    private sealed class CountingTime : FakeTimeProvider
    {
        public int Made { get; private set; }

        public int Running { get; private set; }

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            Made++;
            Running++;
            return new Counted(this, base.CreateTimer(callback, state, dueTime, period));
        }

        private sealed class Counted(CountingTime time, ITimer timer) : ITimer
        {
            public bool Change(TimeSpan dueTime, TimeSpan period) => timer.Change(dueTime, period);

            public void Dispose()
            {
                time.Running--;
                timer.Dispose();
            }

            public ValueTask DisposeAsync()
            {
                Dispose();
                return default;
            }
        }
    }
}
