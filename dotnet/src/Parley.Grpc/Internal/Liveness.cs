using System.Globalization;
using Parley.Wire.V1;

namespace Parley;

/// <summary>Heartbeats on a timer of their own, and whether the broker was heard lately (SES-11, SES-16).</summary>
internal sealed class Liveness(Session session, TimeSpan interval, TimeProvider time) : IDisposable
{
    // After so many silent intervals a session may have been given up by the broker.
    private const int SilentIntervals = 3;

    // After so many a connection is no use any more, whatever the transport thinks of it; but not before this long, however short they are.
    private const int DeadIntervals = 6;
    private static readonly TimeSpan ShortestSilence = TimeSpan.FromSeconds(5);

    private readonly Lock _lock = new();
    private long _heard = time.GetTimestamp();
    private bool _isDoubtful;
    private ulong _lastQuestion;
    private ulong _oldQuestion;
    private TaskCompletionSource? _confirmed;
    private ITimer? _timer;

    private bool IsSilent => time.GetElapsedTime(_heard) >= interval * SilentIntervals;

    /// <summary>Begins to send, twice per interval: a late timer still keeps the promise of one.</summary>
    public void Start() => _timer = time.CreateTimer(static s => ((Liveness)s!).Beat(), this, interval / 2, interval / 2);

    /// <summary>Something came from the broker. After a long silence it may have been said long ago: then a new word is asked for.</summary>
    public void Heard()
    {
        lock (_lock)
        {
            var wasSilent = IsSilent;
            if (!wasSilent || _isDoubtful)
            {
                _heard = time.GetTimestamp();
                return;
            }
        }

        Ask();
        lock (_lock)
        {
            _heard = time.GetTimestamp();
        }
    }

    /// <summary>The broker has answered a heartbeat.</summary>
    public void Answered(ulong question)
    {
        lock (_lock)
        {
            if (question <= _oldQuestion)
            {
                return;
            }
        }

        Confirm();
    }

    /// <summary>The broker knows the session now.</summary>
    public void Confirm()
    {
        TaskCompletionSource? waiting;
        lock (_lock)
        {
            _isDoubtful = false;
            _heard = time.GetTimestamp();
            (waiting, _confirmed) = (_confirmed, null);
        }

        waiting?.TrySetResult();
    }

    /// <summary>Done at once while the broker was heard lately; else when it has confirmed the session, or that is over.</summary>
    public ValueTask ConfirmAsync()
    {
        TaskCompletionSource confirmed;
        lock (_lock)
        {
            if (!_isDoubtful && !IsSilent)
            {
                return default;
            }

            if (_confirmed is { } asked)
            {
                return new ValueTask(asked.Task);
            }

            confirmed = _confirmed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        Ask();
        return new ValueTask(confirmed.Task);
    }

    /// <summary>The session is over: nobody waits any more.</summary>
    public void Dispose()
    {
        _timer?.Dispose();
        Confirm();
    }

    private void Ask()
    {
        var question = session.NewId();
        lock (_lock)
        {
            if (IsSilent && !_isDoubtful)
            {
                // Answers to what was asked before the silence say nothing of now.
                (_isDoubtful, _oldQuestion) = (true, _lastQuestion);
            }

            _lastQuestion = Math.Max(_lastQuestion, question);
        }

        session.Tell(new Message { Id = question, Heartbeat = new Heartbeat() });
    }

    private void Beat()
    {
        TimeSpan silence;
        lock (_lock)
        {
            silence = time.GetElapsedTime(_heard);
        }

        if (silence >= interval * DeadIntervals && silence >= ShortestSilence)
        {
            session.Abort(string.Create(CultureInfo.InvariantCulture, $"the broker has said nothing for {silence.TotalSeconds:0.#} s"));
        }
        else if (silence >= interval * SilentIntervals)
        {
            Ask();
        }
        else
        {
            session.Tell(new Message { Heartbeat = new Heartbeat() });
        }
    }
}
