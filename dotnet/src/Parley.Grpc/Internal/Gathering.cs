namespace Parley;

/// <summary>Messages that came together, and the work that they led to: until all of it has spoken, or waits, what it says gathers.</summary>
/// <remarks>A frame costs the broker as much as many messages: what comes together leaves together.</remarks>
/// <param name="outbox">Where it gathers.</param>
internal sealed class Gathering(Outbox outbox)
{
    private int _parts = 1;

    /// <summary>Some work begins; false if all has ended already. Else call <see cref="End"/> when it has spoken, or waits.</summary>
    public bool TryJoin()
    {
        for (var seen = Volatile.Read(ref _parts); seen > 0;)
        {
            var before = Interlocked.CompareExchange(ref _parts, seen + 1, seen);
            if (before == seen)
            {
                return true;
            }

            seen = before;
        }

        return false;
    }

    /// <summary>A part of it has spoken, or waits.</summary>
    public void End()
    {
        if (Interlocked.Decrement(ref _parts) == 0)
        {
            outbox.Over(this);
        }
    }
}
