namespace Parley;

/// <summary>Calls with an idempotency key, in one process: the same key is not run twice (RPC-8).</summary>
internal sealed class RememberedCalls(TimeProvider time)
{
    private const int MostResults = 100_000;
    private static readonly TimeSpan Window = TimeSpan.FromMinutes(10);

    private readonly Lock _lock = new();
    private readonly Dictionary<(AgentId Target, string Key), Entry> _entries = [];
    private readonly Queue<((AgentId Target, string Key) Name, Entry Entry)> _results = new();

    /// <summary>The result of the call with that key: begun now, joined while it runs, or known already.</summary>
    /// <param name="target">The agent.</param>
    /// <param name="key">The key.</param>
    /// <param name="message">What the agent is sent; another one under the same key is refused.</param>
    /// <param name="budget">The time that this caller has.</param>
    /// <param name="run">Makes the call; its token fires when nobody waits for it any more.</param>
    /// <param name="cancellationToken">Ends this caller's waiting.</param>
    /// <exception cref="InvalidArgumentException">The key was used with another message.</exception>
    public async Task<object?> RunAsync(
        AgentId target, string key, SerializedMessage message, CallBudget budget, Func<CancellationToken, Task<object?>> run, CancellationToken cancellationToken)
    {
        var entry = Join((target, key), message, out var isNew);
        if (isNew)
        {
            _ = RunAsync((target, key), entry, run);
        }

        try
        {
            return await entry.Outcome.Task.WaitAsync(budget.Deadline.Remaining, time, cancellationToken).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            throw budget.Exceeded($"{target} did not answer", mayHaveRun: true);
        }
        finally
        {
            Leave(entry);
        }
    }

    private Entry Join((AgentId Target, string Key) name, SerializedMessage message, out bool isNew)
    {
        lock (_lock)
        {
            while (_results.TryPeek(out var oldest) && (_results.Count > MostResults || time.GetElapsedTime(oldest.Entry.EndedAt) >= Window))
            {
                _entries.Remove(_results.Dequeue().Name);
            }

            isNew = !_entries.TryGetValue(name, out var entry);
            entry ??= _entries[name] = new Entry(message);
            if (entry.Message.TypeName != message.TypeName || !entry.Message.Data.Span.SequenceEqual(message.Data.Span))
            {
                throw new InvalidArgumentException($"The idempotency key '{name.Key}' was used with another message for {name.Target}.")
                {
                    Details = new Dictionary<string, string> { ["field"] = "idempotency_key" },
                };
            }

            entry.Waiters++;
            return entry;
        }
    }

    private async Task RunAsync((AgentId Target, string Key) name, Entry entry, Func<CancellationToken, Task<object?>> run)
    {
        using var abandoned = new CancellationTokenSource();
        lock (_lock)
        {
            // Not in this thread, which holds the lock: who is told may come back here.
            entry.Abandon = () => _ = abandoned.CancelAsync();
        }

        try
        {
            var result = await run(abandoned.Token).ConfigureAwait(false);
            lock (_lock)
            {
                entry.EndedAt = time.GetTimestamp();
                entry.Abandon = null;
                _results.Enqueue((name, entry));
            }

            entry.Outcome.TrySetResult(result);
        }
        catch (Exception e)
        {
            lock (_lock)
            {
                // What failed may be tried again.
                entry.Abandon = null;
                _entries.Remove(name);
            }

            entry.Outcome.TrySetException(e);
            // Who has left need not hear of it.
            _ = entry.Outcome.Task.Exception;
        }
    }

    private void Leave(Entry entry)
    {
        lock (_lock)
        {
            if (--entry.Waiters == 0 && entry.Abandon is { } abandon)
            {
                entry.Abandon = null;
                abandon();
            }
        }
    }

    private sealed class Entry(SerializedMessage message)
    {
        public SerializedMessage Message { get; } = message;

        public TaskCompletionSource<object?> Outcome { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Action? Abandon { get; set; }

        public int Waiters { get; set; }

        public long EndedAt { get; set; }
    }
}
