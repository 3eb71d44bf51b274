namespace Parley;

/// <summary>Lets one at a time through, in the order of coming.</summary>
internal sealed class AsyncGate
{
    private readonly Queue<TaskCompletionSource> _waiting = new();
    private bool _isTaken;

    /// <summary>Done when it is the caller's turn; who came through calls <see cref="Leave"/>.</summary>
    public Task EnterAsync()
    {
        lock (_waiting)
        {
            if (!_isTaken)
            {
                _isTaken = true;
                return Task.CompletedTask;
            }

            var turn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _waiting.Enqueue(turn);
            return turn.Task;
        }
    }

    /// <summary>Lets the next one through.</summary>
    public void Leave()
    {
        TaskCompletionSource? next;
        lock (_waiting)
        {
            _isTaken = _waiting.TryDequeue(out next);
        }

        next?.SetResult();
    }
}
