using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Threading.Channels;

namespace Parley.Bench;

/// <summary>Sends for so long, and remembers how long each message took to be answered.</summary>
internal sealed class Flood
{
    private readonly long _started = Stopwatch.GetTimestamp();
    private readonly TimeSpan _processor = ProcessorTime;
    private readonly List<double> _microseconds = [];

    /// <summary>How many were answered.</summary>
    public int Count => _microseconds.Count;

    private static TimeSpan ProcessorTime => Environment.CpuUsage.TotalTime;

    /// <summary>Keeps so many messages in flight until the time is up, and returns when the last one is answered.</summary>
    /// <param name="send">Sends one message and waits for its answer.</param>
    /// <param name="inFlight">How many messages are unanswered at any time.</param>
    /// <param name="time">How long.</param>
    public Task RunAsync(Func<Task> send, int inFlight, TimeSpan time) => RunLanesAsync(inFlight, async () =>
    {
        List<double> microseconds = [];
        while (Stopwatch.GetElapsedTime(_started) < time)
        {
            var sent = Stopwatch.GetTimestamp();
            await send().ConfigureAwait(false);
            microseconds.Add(Stopwatch.GetElapsedTime(sent).TotalMicroseconds);
        }

        return microseconds;
    });

    /// <summary>Sends what is due at a constant rate; a message's time counts from when it was due (no coordinated omission).</summary>
    /// <param name="send">Sends one message and waits for its answer.</param>
    /// <param name="inFlight">How many messages are unanswered at most.</param>
    /// <param name="time">How long.</param>
    /// <param name="rate">Messages per second.</param>
    public Task RunAtRateAsync(Func<Task> send, int inFlight, TimeSpan time, double rate)
    {
        var due = Channel.CreateUnbounded<long>(new UnboundedChannelOptions { SingleWriter = true });
        new Thread(() => Tell(due.Writer, Math.Max(1, (int)Math.Round(rate * time.TotalSeconds)), rate)) { IsBackground = true }.Start();
        return RunLanesAsync(inFlight, async () =>
        {
            List<double> microseconds = [];
            await foreach (var moment in due.Reader.ReadAllAsync().ConfigureAwait(false))
            {
                await send().ConfigureAwait(false);
                microseconds.Add(Stopwatch.GetElapsedTime(moment).TotalMicroseconds);
            }

            return microseconds;
        });
    }

    /// <summary>What was measured from the start until now.</summary>
    public Answer ToAnswer() => new(
        Count,
        Stopwatch.GetElapsedTime(_started).TotalSeconds,
        Percentile(500),
        Percentile(990),
        Percentile(999),
        (ProcessorTime - _processor).TotalSeconds);

    // The pool's timers are exact to 1 ms only, so a thread of its own tells the moments.
    private void Tell(ChannelWriter<long> due, int total, double rate)
    {
        for (var number = 0; number < total; number++)
        {
            var moment = _started + (long)(number / rate * Stopwatch.Frequency);
            var wait = Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp(), moment).TotalMicroseconds;
            if (wait >= 1)
            {
                _ = Native.Sleep((uint)wait);
            }

            due.TryWrite(moment);
        }

        due.Complete();
    }

    private async Task RunLanesAsync(int inFlight, Func<Task<List<double>>> lane)
    {
        // Threads from the pool, as in a server; each lane keeps its own times, so that lanes share nothing.
        var lanes = await Task.WhenAll(Enumerable.Range(0, inFlight).Select(_ => Task.Run(lane))).ConfigureAwait(false);
        foreach (var microseconds in lanes)
        {
            _microseconds.AddRange(microseconds);
        }

        _microseconds.Sort();
    }

    // The nearest rank: a value that was measured.
    private double Percentile(int perMille) => _microseconds[Math.Max(0, ((Count * perMille) + 999) / 1000 - 1)];

    private static class Native
    {
        [DllImport("libc", EntryPoint = "usleep")]
        [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
        public static extern int Sleep(uint microseconds);
    }
}
