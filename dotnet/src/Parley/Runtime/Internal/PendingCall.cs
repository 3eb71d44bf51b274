namespace Parley;

/// <summary>Something that is waited for: ends once, by an outcome, its deadline or the waiter's token.</summary>
/// <remarks>Continuations never run in the thread that completes it.</remarks>
internal abstract class PendingCall<T>() : TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously)
{
    private ITimer? _timer;
    private CancellationTokenRegistration _registration;

    /// <summary>Starts the clock and listens to the token; then the outcome, whatever it is.</summary>
    public async Task<T> WaitAsync(TimeProvider time, TimeSpan timeout, CancellationToken cancellationToken)
    {
        _timer = time.CreateTimer(static s => ((PendingCall<T>)s!).TimeIsUp(), this, timeout, Timeout.InfiniteTimeSpan);
        _registration = cancellationToken.UnsafeRegister(static (s, token) => ((PendingCall<T>)s!).Cancel(token), this);
        try
        {
            return await Task.ConfigureAwait(false);
        }
        finally
        {
            await _registration.DisposeAsync().ConfigureAwait(false);
            await _timer.DisposeAsync().ConfigureAwait(false);
        }
    }

    /// <summary>The error at the deadline.</summary>
    protected abstract Exception DeadlineError();

    /// <summary>Called once when nobody waits any more: the token was cancelled, or the time is up.</summary>
    protected abstract void OnAbandoned(bool cancelled);

    private void TimeIsUp()
    {
        if (TrySetException(DeadlineError()))
        {
            OnAbandoned(cancelled: false);
        }
    }

    private void Cancel(CancellationToken token)
    {
        if (TrySetCanceled(token))
        {
            OnAbandoned(cancelled: true);
        }
    }
}
