using Parley.Wire.V1;

namespace Parley;

/// <summary>Heartbeats on a timer of their own, and whether the broker was heard lately (SES-11, SES-16).</summary>
internal sealed class Liveness(Session session, TimeSpan interval, TimeProvider time) : IDisposable
{
    // After so many silent intervals a session may have been given up by the broker.
    private const int SilentIntervals = 3;

    private long _heard = time.GetTimestamp();
    private ITimer? _timer;

    /// <summary>Begins to send, twice per interval: a late timer still keeps the promise of one.</summary>
    public void Start() => _timer = time.CreateTimer(
        static s => ((Session)s!).Tell(new Message { Heartbeat = new Heartbeat() }), session, interval / 2, interval / 2);

    /// <summary>Something came from the broker.</summary>
    public void Heard() => Volatile.Write(ref _heard, time.GetTimestamp());

    /// <summary>Done at once while the broker was heard lately; else when it answers a heartbeat.</summary>
    /// <exception cref="ParleyException">It did not answer in time, or the connection ended.</exception>
    public ValueTask ConfirmAsync() =>
        time.GetElapsedTime(Volatile.Read(ref _heard)) < interval * SilentIntervals ? default : new ValueTask(AskAsync());

    public void Dispose() => _timer?.Dispose();

    private Task<Message> AskAsync()
    {
        var budget = CallBudget.Of(null, interval * SilentIntervals, null, time);
        return session.AskAsync(
            new Message { Heartbeat = new Heartbeat() }, new PendingAnswer("The confirmation of the session", budget), null, CancellationToken.None);
    }
}
