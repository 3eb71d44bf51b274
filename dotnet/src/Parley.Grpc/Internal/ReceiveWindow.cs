using Parley.Wire.V1;

namespace Parley;

/// <summary>What this side tells the broker about what it received: receipts (SES-8) and credit (FLOW-1).</summary>
internal sealed class ReceiveWindow
{
    private const ulong WindowMessages = 100;
    private const ulong WindowBytes = 16 * 1024 * 1024;

    // Credit that was not told yet goes out on its own when it reaches a quarter of the window.
    private const ulong TellMessages = WindowMessages / 4;
    private const ulong TellBytes = WindowBytes / 4;

    private readonly Lock _lock = new();
    private ulong _received;
    private ulong _messages = WindowMessages;
    private ulong _bytes = WindowBytes;
    private ulong _toldMessages;
    private ulong _toldBytes;

    /// <summary>Takes note of a numbered message; false when it came before.</summary>
    /// <exception cref="InvalidDataException">Messages are missing between.</exception>
    public bool Receive(ulong seq)
    {
        lock (_lock)
        {
            if (seq > _received + 1)
            {
                throw new InvalidDataException($"Message {seq} came, but {_received + 1} was expected.");
            }

            var isNew = seq == _received + 1;
            _received = isNew ? seq : _received;
            return isNew;
        }
    }

    /// <summary>Gives credit back for a covered message; true when the broker should be told soon.</summary>
    public bool GiveBack(int envelopeBytes)
    {
        lock (_lock)
        {
            _messages++;
            _bytes += (ulong)envelopeBytes;
            return _messages - _toldMessages >= TellMessages || _bytes - _toldBytes >= TellBytes;
        }
    }

    /// <summary>Puts receipt and credit into a frame that is about to be written.</summary>
    public void Stamp(Frame frame)
    {
        lock (_lock)
        {
            frame.Received = _received;
            if (_messages != _toldMessages)
            {
                (frame.CreditMessages, frame.CreditBytes) = (_messages, _bytes);
                (_toldMessages, _toldBytes) = (_messages, _bytes);
            }
        }
    }
}
