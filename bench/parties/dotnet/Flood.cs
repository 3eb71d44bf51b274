using System.Diagnostics;

namespace Parley.Bench;

/// <summary>What one round measured, as the bench's runner reads it.</summary>
internal sealed record Answer(int Count, double Seconds, double P50Us, double P99Us);

/// <summary>Keeps so many messages in flight for so long, and remembers how long each took to be answered.</summary>
internal sealed class Flood
{
    private readonly long _started = Stopwatch.GetTimestamp();
    private readonly List<double> _microseconds = [];

    /// <summary>How many were answered.</summary>
    public int Count => _microseconds.Count;

    /// <summary>Sends until the time is up, and returns when the last message is answered.</summary>
    /// <param name="send">Sends one message and waits for its answer.</param>
    /// <param name="inFlight">How many messages are unanswered at any time.</param>
    /// <param name="time">How long.</param>
    public async Task RunAsync(Func<Task> send, int inFlight, TimeSpan time)
    {
        // Threads from the pool, as in a server; each lane keeps its own times, so that lanes share nothing.
        var lanes = await Task.WhenAll(Enumerable.Range(0, inFlight).Select(_ => Task.Run(() => LaneAsync(send, time)))).ConfigureAwait(false);
        foreach (var lane in lanes)
        {
            _microseconds.AddRange(lane);
        }

        _microseconds.Sort();
    }

    /// <summary>What was measured from the start until now.</summary>
    public Answer ToAnswer() => new(
        Count,
        Stopwatch.GetElapsedTime(_started).TotalSeconds,
        _microseconds[Count / 2],
        _microseconds[Count * 99 / 100]);

    private async Task<List<double>> LaneAsync(Func<Task> send, TimeSpan time)
    {
        List<double> microseconds = [];
        while (Stopwatch.GetElapsedTime(_started) < time)
        {
            var sent = Stopwatch.GetTimestamp();
            await send().ConfigureAwait(false);
            microseconds.Add(Stopwatch.GetElapsedTime(sent).TotalMicroseconds);
        }

        return microseconds;
    }
}
