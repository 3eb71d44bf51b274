namespace Parley;

/// <summary>Events that a handler of an effectively-once agent published: they leave when its message commits (STA-6).</summary>
internal sealed class HeldPublishes
{
    private readonly Lock _lock = new();
    private readonly List<object> _held = [];
    private bool _isClosed;

    /// <summary>Holds an event; false when the handler has ended: nothing will commit it.</summary>
    public bool TryHold(object publish)
    {
        lock (_lock)
        {
            if (!_isClosed)
            {
                _held.Add(publish);
            }

            return !_isClosed;
        }
    }

    /// <summary>The handler has ended: what it published, in order.</summary>
    public IReadOnlyList<object> Close()
    {
        lock (_lock)
        {
            _isClosed = true;
            return _held;
        }
    }
}
