using FsCheck;
using FsCheck.Fluent;
using Parley.Wire.V1;

namespace Parley.Grpc.Tests;

/// <summary>What one side keeps and the other takes note of, over any number of cuts (SES-8, SES-9).</summary>
public sealed class OutboxTests
{
    [Fact]
    public void Whatever_is_cut_each_message_comes_once_and_in_order() => Prop.ForAll(
        ArbMap.Default.ArbFor<byte[]>(),
        steps =>
        {
            var outbox = new Outbox(new ReceiveWindow());
            var (window, got, said) = (new ReceiveWindow(), new List<ulong>(), 0ul);
            foreach (var step in steps)
            {
                switch (step % 8)
                {
                    case 0:
                        // The connection breaks; what was written on it may be lost, and so may the receipts.
                        outbox.Resume(window.Received);
                        break;
                    case 1:
                        // A frame that never arrives.
                        outbox.NextFrame();
                        outbox.Resume(window.Received);
                        break;
                    case 2 or 3:
                        Take(outbox.NextFrame(), window, got);
                        break;
                    case 4:
                        outbox.Received(window.Received);
                        break;
                    case 5:
                        outbox.Write(new Outgoing(new Message { Heartbeat = new Heartbeat() }));
                        break;
                    default:
                        outbox.Write(new Outgoing(new Message { Cancel = new Cancel { RequestId = ++said } }));
                        break;
                }
            }

            outbox.Resume(window.Received);
            while (outbox.NextFrame() is { } frame)
            {
                Take(frame, window, got);
            }

            return got.SequenceEqual(Enumerable.Range(1, (int)said).Select(i => (ulong)i));
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void A_broker_that_has_more_than_was_said_is_another_one()
    {
        var outbox = new Outbox(new ReceiveWindow());
        outbox.Write(new Outgoing(new Message { Cancel = new Cancel() }));
        outbox.NextFrame();
        Assert.Throws<InvalidDataException>(() => outbox.Resume(2));
        outbox.Resume(1);
    }

    [Fact]
    public void A_receipt_for_what_was_never_said_is_none()
    {
        var outbox = new Outbox(new ReceiveWindow());
        outbox.Write(new Outgoing(new Message { Cancel = new Cancel() }));
        outbox.NextFrame();
        Assert.Throws<InvalidDataException>(() => outbox.Received(2));
        outbox.Resume(0);
        Assert.Equal(1ul, outbox.NextFrame()?.FirstSeq);
    }

    [Fact]
    public void A_message_without_its_number_is_no_old_one()
    {
        var window = new ReceiveWindow();
        Assert.True(window.Receive(1));
        Assert.False(window.Receive(1));
        Assert.Throws<InvalidDataException>(() => window.Receive(0));
        Assert.Throws<InvalidDataException>(() => window.Receive(3));
    }

    [Fact]
    public void It_is_busy_while_messages_come_in_numbers()
    {
        var outbox = new Outbox(new ReceiveWindow());
        List<(int Count, bool IsBusy)> seen = [];
        void Step(int said)
        {
            for (; said > 0; said--)
            {
                outbox.Write(new Outgoing(new Message { Cancel = new Cancel() }));
            }

            seen.Add((outbox.Count, outbox.IsBusy));
            outbox.NextFrame();
        }

        foreach (var said in (int[])[0, 1, 1, 2, 1, 1])
        {
            Step(said);
        }

        // One that comes alone waits for nobody, unless the frame before had several.
        Assert.Equal([(0, false), (1, false), (1, false), (2, true), (1, true), (1, false)], seen);
    }

    private static void Take(Frame? frame, ReceiveWindow window, List<ulong> got)
    {
        var seq = frame?.FirstSeq ?? 0;
        foreach (var message in frame?.Messages.Where(m => m.KindCase != Message.KindOneofCase.Heartbeat) ?? [])
        {
            if (window.Receive(seq++))
            {
                got.Add(message.Cancel.RequestId);
            }
        }
    }
}

public sealed class BackoffTests
{
    [Theory]
    [InlineData(0.0, 1.0)]
    [InlineData(1.0, 0.5)]
    public void Pauses_double_up_to_five_seconds_less_a_random_part(double chance, double rest)
    {
        var backoff = new Backoff(TimeSpan.FromSeconds(5), () => chance);
        var pauses = Enumerable.Range(0, 9).Select(_ => backoff.Next().TotalMilliseconds);
        Assert.Equal(new[] { 50, 100, 200, 400, 800, 1600, 3200, 5000, 5000.0 }.Select(p => p * rest), pauses);
    }
}
