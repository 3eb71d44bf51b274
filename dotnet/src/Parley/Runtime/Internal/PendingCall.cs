namespace Parley;

/// <summary>Something that is waited for: ends once, by an outcome, its deadline or the waiter's token.</summary>
/// <remarks>Who waits is told on the thread pool, never in the thread that ends it.</remarks>
internal abstract class PendingCall<T> : IThreadPoolWorkItem
{
    private readonly TaskCompletionSource<T> _told = new();
    private CancellationTokenRegistration _registration;
    private ITimer? _timer;
    private int _ends;
    private T _result = default!;
    private Exception? _error;
    private CancellationToken? _token;

    /// <summary>The outcome.</summary>
    public Task<T> Task => _told.Task;

    /// <summary>Whether there is an outcome, even if nobody was told yet.</summary>
    public bool HasEnded => Volatile.Read(ref _ends) > 0;

    /// <summary>Starts the clock and listens to the token, until there is an outcome; call it once.</summary>
    /// <returns>The outcome, whatever it is.</returns>
    public Task<T> WaitAsync(TimeProvider time, TimeSpan timeout, CancellationToken cancellationToken)
    {
        _registration = cancellationToken.UnsafeRegister(static (s, token) => ((PendingCall<T>)s!).Cancel(token), this);
        // A full fence: whoever completes it from now on sees the timer, or is seen below.
        Interlocked.Exchange(ref _timer, time.CreateTimer(static s => ((PendingCall<T>)s!).TimeIsUp(), this, timeout, Timeout.InfiniteTimeSpan));
        if (HasEnded)
        {
            Release();
        }

        return Task;
    }

    /// <summary>Ends it with a result; false if it has ended already.</summary>
    public bool TrySetResult(T result) => TryEnd(result, null, null);

    /// <summary>Ends it with an error; false if it has ended already.</summary>
    public bool TrySetException(Exception error) => TryEnd(default!, error, null);

    /// <summary>The error at the deadline.</summary>
    protected abstract Exception DeadlineError();

    /// <summary>Called once when nobody waits any more: the token was cancelled, or the time is up.</summary>
    protected abstract void OnAbandoned(bool cancelled);

    /// <summary>Called once when who waits has been told, and has done what it did about it before it waited again.</summary>
    protected virtual void OnTold()
    {
    }

    void IThreadPoolWorkItem.Execute()
    {
        try
        {
            if (_error is not null)
            {
                _told.SetException(_error);
            }
            else if (_token is { } token)
            {
                _told.SetCanceled(token);
            }
            else
            {
                _told.SetResult(_result);
            }
        }
        finally
        {
            OnTold();
        }
    }

    private void TimeIsUp()
    {
        if (TrySetException(DeadlineError()))
        {
            OnAbandoned(cancelled: false);
        }
    }

    private void Cancel(CancellationToken token)
    {
        if (TryEnd(default!, null, token))
        {
            OnAbandoned(cancelled: true);
        }
    }

    private bool TryEnd(T result, Exception? error, CancellationToken? token)
    {
        if (Interlocked.CompareExchange(ref _ends, 1, 0) > 0)
        {
            return false;
        }

        (_result, _error, _token) = (result, error, token);
        Release();
        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: true);
        return true;
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
