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
                _idle = null;
            }
        }
    }

    /// <summary>Done as soon as nothing runs.</summary>
    public Task WhenIdleAsync()
    {
        lock (_lock)
        {
            if (Volatile.Read(ref _count) == 0)
            {
                return Task.CompletedTask;
            }

            _idle ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            var idle = _idle.Task;
            if (Volatile.Read(ref _count) == 0)
            {
                // It became idle before it could know that somebody waits.
                _idle.TrySetResult();
                _idle = null;
            }

            return idle;
        }
    }
}
