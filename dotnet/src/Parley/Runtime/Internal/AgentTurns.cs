namespace Parley;

/// <summary>Runs what belongs to one agent one piece after the other, in order, on the thread pool.</summary>
/// <remarks>
/// A piece ends where the handler awaits; what follows the await is the next piece. So handlers of one agent overlap
/// without ever running in parallel.
/// </remarks>
internal sealed class AgentTurns : SynchronizationContext, IThreadPoolWorkItem
{
    // After this many pieces the thread is given back, so that one busy agent does not starve the others.
    private const int PiecesPerTurn = 64;

    private readonly Queue<(SendOrPostCallback Callback, object? State)> _pieces = new();
    private bool _scheduled;

    public override void Post(SendOrPostCallback d, object? state)
    {
        lock (_pieces)
        {
            _pieces.Enqueue((d, state));
            if (_scheduled)
            {
                return;
            }

            _scheduled = true;
        }

        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    public override void Send(SendOrPostCallback d, object? state) =>
        throw new NotSupportedException("An agent's turns cannot be entered synchronously.");

    public override SynchronizationContext CreateCopy() => this;

    void IThreadPoolWorkItem.Execute()
    {
        var outer = Current;
        SetSynchronizationContext(this);
        try
        {
            for (var i = 0; i < PiecesPerTurn; i++)
            {
                (SendOrPostCallback Callback, object? State) piece;
                lock (_pieces)
                {
                    if (!_pieces.TryDequeue(out piece))
                    {
                        _scheduled = false;
                        return;
                    }
                }

                piece.Callback(piece.State);
            }
        }
        finally
        {
            SetSynchronizationContext(outer);
        }

        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }
}
