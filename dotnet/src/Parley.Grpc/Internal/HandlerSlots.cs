namespace Parley;

/// <summary>Limits how many handlers of events and root calls run at once; what comes beyond waits, in order.</summary>
internal sealed class HandlerSlots(int count)
{
    private readonly Queue<(HostedAgent Hosted, SlotRun Run)> _waiting = new();
    private int _free = count;

    /// <summary>Starts the handler now, or when a slot is free; the run gives the slot back.</summary>
    public void Start(HostedAgent hosted, SlotRun run)
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

        run.Take(this);
        run.StartOn(hosted);
    }

    /// <summary>A slot is free: it goes to the next.</summary>
    public void Release()
    {
        (HostedAgent Hosted, SlotRun Run) next;
        lock (_waiting)
        {
            if (!_waiting.TryDequeue(out next))
            {
                _free++;
                return;
            }
        }

        next.Run.Take(this);
        next.Run.StartOn(next.Hosted);
    }
}

/// <summary>A run that may hold a slot; it gives it back once, when it has ended for whoever waits for it.</summary>
/// <param name="session">In which its message came.</param>
internal abstract class SlotRun(Session session) : HandlerRun
{
    private HandlerSlots? _slots;
    private Gathering? _gathering;

    /// <summary>Whether it may start only when there is a slot; nested calls need none (RPC-15).</summary>
    public abstract bool NeedsSlot { get; }

    /// <summary>Starts the handler; what it says before it waits for anything leaves with what others say that came with it.</summary>
    public void StartOn(HostedAgent hosted)
    {
        _gathering = session.Join();
        hosted.Start(this);
    }

    /// <inheritdoc />
    public sealed override Task RunAsync()
    {
        var running = HandleAsync();
        _gathering?.End();
        return running;
    }

    /// <summary>The run holds a slot from now on.</summary>
    public void Take(HandlerSlots slots) => Interlocked.Exchange(ref _slots, slots);

    /// <summary>Runs the handler and says what came of it; never throws.</summary>
    protected abstract Task HandleAsync();

    /// <summary>Gives the slot back, if there is one still.</summary>
    protected void ReleaseSlot() => Interlocked.Exchange(ref _slots, null)?.Release();
}
