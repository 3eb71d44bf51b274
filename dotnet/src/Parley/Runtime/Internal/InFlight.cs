namespace Parley;

/// <summary>Counts what runs; tells when nothing does.</summary>
internal sealed class InFlight
{
    private readonly Lock _lock = new();
    private int _count;
    private TaskCompletionSource? _idle;

    public void Add() => Interlocked.Increment(ref _count);

    public void Remove()
    {
        if (Interlocked.Decrement(ref _count) == 0)
        {
            lock (_lock)
            {
                _idle?.TrySetResult();
            }
        }
    }

    /// <summary>Done as soon as nothing runs.</summary>
    public Task WhenIdleAsync()
    {
        lock (_lock)
        {
            _idle = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            if (Volatile.Read(ref _count) == 0)
            {
                _idle.TrySetResult();
            }

            return _idle.Task;
        }
    }
}
