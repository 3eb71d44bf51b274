namespace Parley;

/// <summary>Limits how many handlers of events and root calls run at once; what comes beyond waits, in order.</summary>
internal sealed class HandlerSlots(int count)
{
    private readonly Queue<(HostedAgent Hosted, HandlerRun Run)> _waiting = new();
    private int _free = count;

    /// <summary>Starts the handler now, or when a slot is free.</summary>
    public void Start(HostedAgent hosted, HandlerRun run)
    {
        lock (_waiting)
        {
            if (_free == 0)
            {
                _waiting.Enqueue((hosted, run));
                return;
            }

            _free--;
        }

        hosted.Start(run);
    }

    /// <summary>A handler has ended: its slot goes to the next.</summary>
    public void Release()
    {
        (HostedAgent Hosted, HandlerRun Run) next;
        lock (_waiting)
        {
            if (!_waiting.TryDequeue(out next))
            {
                _free++;
                return;
            }
        }

        next.Hosted.Start(next.Run);
    }
}
