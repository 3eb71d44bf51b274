using System.Collections.Concurrent;
using Xunit;

namespace Parley.RuntimeSuite;

/// <summary>What handlers saw, and gates that hold them up.</summary>
public sealed class Witness
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly ConcurrentDictionary<string, TaskCompletionSource> _gates = new();
    private readonly List<string> _seen = [];
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public IReadOnlyList<string> Seen
    {
        get
        {
            lock (_seen)
            {
                return [.. _seen];
            }
        }
    }

    public void Saw(string what)
    {
        lock (_seen)
        {
            _seen.Add(what);
            _changed.TrySetResult();
            _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }

    public Task Gate(string name) => Source(name).Task;

    public void Open(string name) => Source(name).TrySetResult();

    public Task WaitForAsync(string what) => WaitForAsync(seen => seen.Contains(what), what);

    public async Task WaitForAsync(Func<IReadOnlyList<string>, bool> condition, string what = "the condition")
    {
        var end = DateTime.UtcNow + Patience;
        while (true)
        {
            Task changed;
            lock (_seen)
            {
                if (condition(_seen))
                {
                    return;
                }

                changed = _changed.Task;
            }

            try
            {
                await changed.WaitAsync(end - DateTime.UtcNow is { Ticks: > 0 } left ? left : TimeSpan.Zero);
            }
            catch (TimeoutException)
            {
                Assert.Fail($"{what} was not seen within {Patience}; seen: {string.Join(", ", Seen)}");
            }
        }
    }

    private TaskCompletionSource Source(string name) =>
        _gates.GetOrAdd(name, _ => new(TaskCreationOptions.RunContinuationsAsynchronously));
}
