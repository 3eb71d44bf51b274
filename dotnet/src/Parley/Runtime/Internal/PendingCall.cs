namespace Parley;

/// <summary>Something that is waited for: ends once, by an outcome, its deadline or the waiter's token.</summary>
/// <remarks>Continuations never run in the thread that completes it.</remarks>
internal abstract class PendingCall<T>
{
    private readonly TaskCompletionSource<T> _outcome = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private CancellationTokenRegistration _registration;
    private ITimer? _timer;

    /// <summary>The outcome.</summary>
    public Task<T> Task => _outcome.Task;

    /// <summary>Starts the clock and listens to the token, until there is an outcome; call it once.</summary>
    /// <returns>The outcome, whatever it is.</returns>
    public Task<T> WaitAsync(TimeProvider time, TimeSpan timeout, CancellationToken cancellationToken)
    {
        _registration = cancellationToken.UnsafeRegister(static (s, token) => ((PendingCall<T>)s!).Cancel(token), this);
        // A full fence: whoever completes it from now on sees the timer, or is seen below.
        Interlocked.Exchange(ref _timer, time.CreateTimer(static s => ((PendingCall<T>)s!).TimeIsUp(), this, timeout, Timeout.InfiniteTimeSpan));
        if (Task.IsCompleted)
        {
            Release();
        }

        return Task;
    }

    /// <summary>Ends it with a result; false if it has ended already.</summary>
    public bool TrySetResult(T result) => Released(_outcome.TrySetResult(result));

    /// <summary>Ends it with an error; false if it has ended already.</summary>
    public bool TrySetException(Exception error) => Released(_outcome.TrySetException(error));

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
        if (Released(_outcome.TrySetCanceled(token)))
        {
            OnAbandoned(cancelled: true);
        }
    }

    private bool Released(bool hasEnded)
    {
        if (hasEnded)
        {
            Release();
        }

        return hasEnded;
    }

    private void Release()
    {
        if (Interlocked.Exchange(ref _timer, null) is { } timer)
        {
            timer.Dispose();
            // Never waits for a callback that is running: it finds that there is an outcome.
            _registration.Unregister();
        }
    }
}
