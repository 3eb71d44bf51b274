using Parley.Wire.V1;

namespace Parley;

/// <summary>Holds covered messages back until the broker has given credit for them (FLOW-1), and numbers publishes (PUB-4).</summary>
internal sealed class SendCredit(Outbox outbox, ProducerNumbers numbers)
{
    private readonly Lock _lock = new();
    private readonly Queue<(Outgoing Message, int Bytes)> _waiting = new();
    private ulong _creditMessages;
    private ulong _creditBytes;
    private ulong _sentMessages;
    private ulong _sentBytes;
    private bool _closed;

    /// <summary>Writes a covered message as soon as there is credit; what was given up by then is not written.</summary>
    public void Write(Outgoing message, int envelopeBytes)
    {
        lock (_lock)
        {
            _waiting.Enqueue((message, envelopeBytes));
            WriteWhatMay();
        }
    }

    /// <summary>Takes credit from a frame; it only grows.</summary>
    public void Grow(Frame frame)
    {
        if (frame.CreditMessages == 0 && frame.CreditBytes == 0)
        {
            return;
        }

        lock (_lock)
        {
            _creditMessages = Math.Max(_creditMessages, frame.CreditMessages);
            _creditBytes = Math.Max(_creditBytes, frame.CreditBytes);
            WriteWhatMay();
        }
    }

    /// <summary>The session is over: what waits here waits for the next one.</summary>
    public void Close()
    {
        lock (_lock)
        {
            _closed = true;
            _waiting.Clear();
        }
    }

    private void WriteWhatMay()
    {
        while (!_closed && _sentMessages < _creditMessages && _sentBytes < _creditBytes && _waiting.TryDequeue(out var next))
        {
            if (next.Message.Answer?.HasEnded == true)
            {
                continue;
            }

            // One that had a number in the last session keeps it.
            if (next.Message.Message is { Publish: { Ephemeral: false, ProducerSeq: 0 } publish })
            {
                publish.ProducerSeq = numbers.Next();
            }

            _sentMessages++;
            _sentBytes += (ulong)next.Bytes;
            outbox.Write(next.Message);
        }
    }
}

/// <summary>The numbers of a producer's stored publishes, over all its sessions; one session's credit takes them at a time.</summary>
internal sealed class ProducerNumbers
{
    private ulong _last;

    public ulong Next() => ++_last;
}
