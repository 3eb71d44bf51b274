using System.Threading.Channels;
using Parley.Wire.V1;

namespace Parley;

/// <summary>What a session has to say: numbered messages are kept until the broker has received them (SES-8, SES-9).</summary>
/// <remarks>Outlives connections: what was not received is written again, under the same numbers.</remarks>
internal sealed class Outbox(ReceiveWindow window)
{
    // One message may be larger; it travels alone (MSG-8).
    private const int CutBytes = 64 * 1024;

    private readonly Lock _lock = new();
    private readonly Channel<bool> _wake = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private Queue<(ulong Seq, Outgoing Message)> _waiting = new();
    private Queue<(ulong Seq, Outgoing Message)> _kept = new();
    private ulong _lastSeq;
    private int _inLastFrame;
    private bool _flush;
    private bool _closed;

    /// <summary>Queues a message; dropped when the session is over.</summary>
    public void Write(Outgoing message)
    {
        bool isFirst;
        lock (_lock)
        {
            if (_closed)
            {
                return;
            }

            isFirst = _waiting.Count == 0;
            _waiting.Enqueue((0, message));
        }

        // Behind others nobody need be told: the writer takes all that waits before it sleeps.
        if (isFirst)
        {
            _wake.Writer.TryWrite(true);
        }
    }

    /// <summary>Writes receipts and credit soon, even if there is nothing else to say.</summary>
    public void Flush()
    {
        lock (_lock)
        {
            _flush = true;
        }

        _wake.Writer.TryWrite(true);
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
        }

        _wake.Writer.TryWrite(true);
    }

    /// <summary>The session is over: nothing more is written.</summary>
    public void Close()
    {
        lock (_lock)
        {
            _closed = true;
            _waiting.Clear();
            _kept.Clear();
        }
    }

    /// <summary>Whether the broker may have the command.</summary>
    public bool WasWritten(PendingAnswer answer)
    {
        lock (_lock)
        {
            return answer.IsWritten;
        }
    }

    /// <summary>Messages that are to be written.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _waiting.Count;
            }
        }
    }

    /// <summary>Whether messages come in numbers: several wait, or some do and the last frame had several.</summary>
    public bool IsBusy
    {
        get
        {
            lock (_lock)
            {
                return _waiting.Count > 1 || (_waiting.Count == 1 && _inLastFrame > 1);
            }
        }
    }

    /// <summary>Done when there may be something to write; for one reader at a time.</summary>
    public ValueTask<bool> WaitAsync(CancellationToken cancellationToken) => _wake.Reader.ReadAsync(cancellationToken);

    /// <summary>What is ready, as one frame cut at 64 KiB; null when there is nothing to say.</summary>
    public Frame? NextFrame()
    {
        lock (_lock)
        {
            var frame = new Frame();
            for (var bytes = 0; bytes < CutBytes && _waiting.TryPeek(out var next);)
            {
                var (seq, outgoing) = next;
                // Nobody waits for it any more, and the broker has never heard of it.
                if (seq == 0 && outgoing.Answer?.Task.IsCompleted == true)
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
            _inLastFrame = frame.Messages.Count;
            window.Stamp(frame);
            return frame;
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
