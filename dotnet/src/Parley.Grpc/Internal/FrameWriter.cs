using System.Threading.Channels;
using Grpc.Core;
using Parley.Wire.V1;

namespace Parley;

/// <summary>Writes what is ready into frames: one loop, one frame per round, cut at 64 KiB (MSG-8).</summary>
internal sealed class FrameWriter(IAsyncStreamWriter<Frame> stream, ReceiveWindow window)
{
    private const int CutBytes = 64 * 1024;

    private readonly Channel<Outgoing> _queue = Channel.CreateUnbounded<Outgoing>(new() { SingleReader = true });
    private ulong _lastSeq;

    /// <summary>Queues a message; dropped when the connection is over.</summary>
    public void Write(Outgoing message)
    {
        message.Answer?.MarkWritten();
        _queue.Writer.TryWrite(message);
    }

    /// <summary>Writes receipts and credit soon, even if there is nothing else to say.</summary>
    public void Flush() => _queue.Writer.TryWrite(default);

    /// <summary>Nothing more will be written; what is queued still is.</summary>
    public void Complete() => _queue.Writer.TryComplete();

    /// <summary>Runs until <see cref="Complete"/>; fails as the stream does.</summary>
    public async Task RunAsync()
    {
        var reader = _queue.Reader;
        Message? carried = null;
        while (carried is not null || await reader.WaitToReadAsync().ConfigureAwait(false))
        {
            var frame = new Frame();
            var bytes = 0;
            if (carried is not null)
            {
                bytes = carried.CalculateSize();
                Add(frame, carried);
                carried = null;
            }

            while (bytes < CutBytes && reader.TryRead(out var next))
            {
                if (next.Message is null)
                {
                    continue;
                }

                if (next.Deadline is { } deadline)
                {
                    next.Message.Request.TimeoutMs = (uint)Math.Ceiling(deadline.Remaining.TotalMilliseconds);
                }

                var size = next.Message.CalculateSize();
                if (frame.Messages.Count > 0 && bytes + size > CutBytes)
                {
                    carried = next.Message;
                    break;
                }

                bytes += size;
                Add(frame, next.Message);
            }

            window.Stamp(frame);
            await stream.WriteAsync(frame).ConfigureAwait(false);
        }
    }

    private void Add(Frame frame, Message message)
    {
        if (message.KindCase is not (Message.KindOneofCase.Hello or Message.KindOneofCase.Heartbeat))
        {
            _lastSeq++;
            if (frame.FirstSeq == 0)
            {
                frame.FirstSeq = _lastSeq;
            }
        }

        frame.Messages.Add(message);
    }
}
