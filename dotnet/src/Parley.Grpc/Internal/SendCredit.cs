using Parley.Wire.V1;

namespace Parley;

/// <summary>Holds covered messages back until the broker has given credit for them (FLOW-1), and numbers publishes (PUB-4).</summary>
internal sealed class SendCredit(FrameWriter writer)
{
    private readonly Lock _lock = new();
    private readonly Queue<(Outgoing Message, int Bytes)> _waiting = new();
    private ulong _creditMessages;
    private ulong _creditBytes;
    private ulong _sentMessages;
    private ulong _sentBytes;
    private ulong _producerSeq;

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

    private void WriteWhatMay()
    {
        while (_sentMessages < _creditMessages && _sentBytes < _creditBytes && _waiting.TryDequeue(out var next))
        {
            if (next.Message.Answer?.Task.IsCompleted == true)
            {
                continue;
            }

            if (next.Message.Message is { KindCase: Message.KindOneofCase.Publish } publish)
            {
                publish.Publish.ProducerSeq = ++_producerSeq;
            }

            _sentMessages++;
            _sentBytes += (ulong)next.Bytes;
            writer.Write(next.Message);
        }
    }
}
