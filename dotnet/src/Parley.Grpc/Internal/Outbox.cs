using System.Threading.Channels;
using Parley.Wire.V1;

namespace Parley;

/// <summary>What a session has to say: numbered messages are kept until the broker has received them (SES-8, SES-9).</summary>
/// <remarks>Outlives connections: what was not received is written again, under the same numbers.</remarks>
internal sealed class Outbox : IDisposable
{
    // One message may be larger; it travels alone (MSG-8).
    private const int CutBytes = 64 * 1024;

    // What gathers waits no longer than a tick or two for work that keeps its thread.
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(1);

    private readonly ReceiveWindow _window;
    private readonly ITimer _clock;
    private readonly Lock _lock = new();
    private readonly Channel<bool> _wake = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private Queue<(ulong Seq, Outgoing Message)> _waiting = new();
    private Queue<(ulong Seq, Outgoing Message)> _kept = new();
    private ulong _lastSeq;
    private bool _flush;
    private bool _closed;
    private volatile Gathering? _gathering;
    private int _gatheredBytes;
    private bool _isTicking;
    private bool _hasLeft;
    private bool _isHurried;

    /// <summary>Nothing is said yet.</summary>
    /// <param name="window">What each frame tells of what came.</param>
    /// <param name="time">The clock.</param>
    public Outbox(ReceiveWindow window, TimeProvider time)
    {
        _window = window;
        _clock = time.CreateTimer(static outbox => ((Outbox)outbox!).TimeIsUp(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Several messages have come together. End the gathering when all of them have been taken up.</summary>
    public Gathering Gather()
    {
        lock (_lock)
        {
            return Join() ?? (_gathering = new Gathering(this));
        }
    }

    /// <summary>Some work begins: the gathering that it is part of, or null. It ends its part when it has spoken, or waits.</summary>
    public Gathering? Join() => _gathering is { } present && present.TryJoin() ? present : null;

    /// <summary>All that came together has spoken, or waits.</summary>
    public void Over(Gathering gathering)
    {
        lock (_lock)
        {
            if (gathering == _gathering)
            {
                _gathering = null;
                Wake();
            }
        }
    }

    /// <summary>Queues a message; dropped when the session is over.</summary>
    public void Write(Outgoing message)
    {
        lock (_lock)
        {
            if (_closed)
            {
                return;
            }

            _waiting.Enqueue((0, message));
            _gatheredBytes += message.Message.EnvelopeBytes();
            // Behind others nobody need be told: the writer takes all that waits before it sleeps.
            if (_waiting.Count == 1 || (_gathering is not null && _gatheredBytes >= CutBytes))
            {
                Wake();
            }
        }
    }

    /// <summary>Writes receipts and credit soon, even if there is nothing else to say.</summary>
    public void Flush()
    {
        lock (_lock)
        {
            _flush = true;
            Wake();
        }
    }

    /// <summary>Nothing gathers any more: what waits, and what is still said, leaves at once.</summary>
    public void Hurry()
    {
        lock (_lock)
        {
            _isHurried = true;
            Wake();
        }
    }

    /// <summary>The broker has received everything up to this number.</summary>
    /// <exception cref="InvalidDataException">The broker says that it has more than was ever written.</exception>
    public void Received(ulong seq)
    {
        lock (_lock)
        {
            ThrowIfAbove(seq);
            while (_kept.TryPeek(out var oldest) && oldest.Seq <= seq)
            {
                _kept.Dequeue();
            }
        }
    }

    /// <summary>Goes on with a new connection: what the broker lacks comes first, under the numbers that it has.</summary>
    /// <exception cref="InvalidDataException">The broker says that it has more than was ever written.</exception>
    public void Resume(ulong received)
    {
        lock (_lock)
        {
            ThrowIfAbove(received);
            // Heartbeats belong to the connection that was to carry them.
            var again = _kept.Where(m => m.Seq > received).Concat(_waiting.Where(m => m.Message.IsNumbered));
            (_waiting, _kept, _flush) = (new(again), new(), true);
            _gathering = null;
            Wake();
        }
    }

    /// <summary>The session is over: nothing more is written.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            (_closed, _isHurried) = (true, true);
            _waiting.Clear();
            _kept.Clear();
        }

        _clock.Dispose();
    }

    /// <summary>Whether the broker may have the command.</summary>
    public bool WasWritten(PendingAnswer answer)
    {
        lock (_lock)
        {
            return answer.IsWritten;
        }
    }

    /// <summary>Done when there may be something to write; for one reader at a time.</summary>
    public ValueTask<bool> WaitAsync(CancellationToken cancellationToken) => _wake.Reader.ReadAsync(cancellationToken);

    /// <summary>What is ready, as one frame cut at 64 KiB; null when there is nothing to say, or more is about to be said.</summary>
    public Frame? NextFrame()
    {
        lock (_lock)
        {
            if (!MayLeave())
            {
                return null;
            }

            var frame = new Frame();
            for (var bytes = 0; bytes < CutBytes && _waiting.TryPeek(out var next);)
            {
                var (seq, outgoing) = next;
                // Nobody waits for it any more, and the broker has never heard of it.
                if (seq == 0 && outgoing.Answer?.HasEnded == true)
                {
                    _waiting.Dequeue();
                    continue;
                }

                outgoing.Answer?.StampTimeLeft();
                var size = outgoing.Message.CalculateSize();
                if (frame.Messages.Count > 0 && bytes + size > CutBytes)
                {
                    break;
                }

                _waiting.Dequeue();
                bytes += size;
                Add(frame, seq, outgoing);
            }

            if (frame.Messages.Count == 0 && !_flush)
            {
                return null;
            }

            _flush = false;
            // What is left over follows at once.
            _gatheredBytes = _waiting.Count > 0 ? CutBytes : 0;
            _hasLeft = true;
            _window.Stamp(frame);
            return frame;
        }
    }

    // What follows needs the lock.
    private void Wake()
    {
        if (MayLeave())
        {
            _wake.Writer.TryWrite(true);
        }
    }

    private bool MayLeave()
    {
        if (!_flush && _waiting.Count == 0)
        {
            return false;
        }

        if (_gathering is null || _isHurried || _gatheredBytes >= CutBytes)
        {
            return true;
        }

        if (!_isTicking)
        {
            (_isTicking, _hasLeft) = (_clock.Change(Tick, Timeout.InfiniteTimeSpan), false);
        }

        return false;
    }

    private void TimeIsUp()
    {
        lock (_lock)
        {
            _isTicking = false;
            // Unless what waits came only after a frame that has left since.
            if (!_hasLeft)
            {
                _gathering = null;
            }

            Wake();
        }
    }

    private void ThrowIfAbove(ulong received)
    {
        if (received > _lastSeq)
        {
            throw new InvalidDataException($"The broker says that it has received message {received}, but {_lastSeq} was the last one.");
        }
    }

    private void Add(Frame frame, ulong seq, Outgoing outgoing)
    {
        outgoing.Answer?.MarkWritten();
        frame.Messages.Add(outgoing.Message);
        if (outgoing.IsNumbered)
        {
            var number = seq > 0 ? seq : ++_lastSeq;
            frame.FirstSeq = frame.FirstSeq == 0 ? number : frame.FirstSeq;
            _kept.Enqueue((number, outgoing));
        }
    }
}
