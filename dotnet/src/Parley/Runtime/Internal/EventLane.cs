namespace Parley;

/// <summary>The events of one agent: they start in order, and at most so many run at once (DLV-3).</summary>
internal sealed class EventLane(int concurrency)
{
    private readonly Queue<HandlerRun> _waiting = new();
    private int _running;

    /// <summary>True when the event may start now; else it is kept until <see cref="Next"/> returns it.</summary>
    public bool TryStart(HandlerRun run)
    {
        lock (_waiting)
        {
            if (_running < concurrency)
            {
                _running++;
                return true;
            }

            _waiting.Enqueue(run);
            return false;
        }
    }

    /// <summary>One event has ended: the one that starts in its place, or null.</summary>
    public HandlerRun? Next()
    {
        lock (_waiting)
        {
            if (_waiting.TryDequeue(out var run))
            {
                return run;
            }

            _running--;
            return null;
        }
    }
}
