using Parley.Wire.V1;

namespace Parley;

/// <summary>What this side tells the broker about what it received: receipts (SES-8) and credit (FLOW-1).</summary>
internal sealed class ReceiveWindow
{
    /// <summary>The credit that comes with Hello: covered messages whose handlers have not started, several large frames.</summary>
    public const ulong FirstMessages = 256;

    /// <summary>The credit that comes with Hello, in bytes of envelopes.</summary>
    public const ulong FirstBytes = 16 * 1024 * 1024;

    // Credit that was not told yet goes out on its own when it reaches a quarter of the window.
    private const ulong TellMessages = FirstMessages / 4;
    private const ulong TellBytes = FirstBytes / 4;

    // So much is kept by the broker until it is told that it came.
    private const ulong ReceiptMessages = 1_000;
    private const int ReceiptBytes = 1024 * 1024;

    private readonly Lock _lock = new();
    private ulong _received;
    private ulong _toldReceived;
    private int _untoldBytes;
    private ulong _messages = FirstMessages;
    private ulong _bytes = FirstBytes;
    private ulong _toldMessages = FirstMessages;
    private ulong _toldBytes = FirstBytes;

    /// <summary>The highest number that came without a gap.</summary>
    public ulong Received
    {
        get
        {
            lock (_lock)
            {
                return _received;
            }
        }
    }

    /// <summary>Takes note of a numbered message; false when it came before.</summary>
    /// <exception cref="InvalidDataException">Messages are missing between, or it has no number.</exception>
    public bool Receive(ulong seq)
    {
        lock (_lock)
        {
            if (seq == 0 || seq > _received + 1)
            {
                throw new InvalidDataException($"Message {seq} came, but {_received + 1} was expected.");
            }

            var isNew = seq == _received + 1;
            _received = isNew ? seq : _received;
            return isNew;
        }
    }

    /// <summary>Takes note of a frame's size; true when the broker should be told soon what has come.</summary>
    public bool Took(int frameBytes)
    {
        lock (_lock)
        {
            _untoldBytes = Math.Min(_untoldBytes + frameBytes, ReceiptBytes);
            return _received > _toldReceived && (_received - _toldReceived >= ReceiptMessages || _untoldBytes >= ReceiptBytes);
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

    /// <summary>A new connection: what was told on the last one may not have come, so all totals are said again.</summary>
    public void Repeat()
    {
        lock (_lock)
        {
            (_toldMessages, _toldBytes) = (0, 0);
        }
    }

    /// <summary>Puts receipt and credit into a frame that is about to be written.</summary>
    public void Stamp(Frame frame)
    {
        lock (_lock)
        {
            frame.Received = _toldReceived = _received;
            _untoldBytes = 0;
            if (_messages != _toldMessages)
            {
                (frame.CreditMessages, frame.CreditBytes) = (_messages, _bytes);
                (_toldMessages, _toldBytes) = (_messages, _bytes);
            }
        }
    }
}
