using FsCheck;
using FsCheck.Fluent;
using Microsoft.Extensions.Time.Testing;
using Parley.RuntimeSuite;
using Parley.Wire.V1;

namespace Parley.Grpc.Tests;

/// <summary>What one side keeps and the other takes note of, over any number of cuts (SES-8, SES-9).</summary>
public sealed class OutboxTests : IDisposable
{
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(1);
    private readonly FakeTimeProvider _time = new();
    private readonly Outbox _outbox;

    public OutboxTests() => _outbox = new Outbox(new ReceiveWindow(), _time);

    public void Dispose() => _outbox.Dispose();

    [Fact]
    public void Whatever_is_cut_each_message_comes_once_and_in_order() => Prop.ForAll(
        ArbMap.Default.ArbFor<byte[]>(),
        steps =>
        {
            var time = new FakeTimeProvider();
            using var outbox = new Outbox(new ReceiveWindow(), time);
            var gathering = new Queue<Gathering>();
            var (window, got, said) = (new ReceiveWindow(), new List<ulong>(), 0ul);
            foreach (var step in steps)
            {
                switch (step % 11)
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
                    case 6:
                        gathering.Enqueue(outbox.Gather());
                        break;
                    case 7 when gathering.TryDequeue(out var part):
                        part.End();
                        break;
                    case 8:
                        time.Advance(Tick);
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
        Write();
        _outbox.NextFrame();
        Assert.Throws<InvalidDataException>(() => _outbox.Resume(2));
        _outbox.Resume(1);
    }

    [Fact]
    public void A_receipt_for_what_was_never_said_is_none()
    {
        Write();
        _outbox.NextFrame();
        Assert.Throws<InvalidDataException>(() => _outbox.Received(2));
        _outbox.Resume(0);
        Assert.Equal(1ul, _outbox.NextFrame()?.FirstSeq);
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
    public void Who_is_alone_waits_for_nobody()
    {
        Write();
        Assert.Equal(1, Next());
        Assert.Null(_outbox.Join());
    }

    [Fact]
    public async Task What_comes_together_leaves_together()
    {
        var gathering = _outbox.Gather();
        var part = _outbox.Join();
        Write();
        Assert.Null(Next());
        gathering.End();
        Write();
        var leaving = _outbox.WaitAsync(TestContext.Current.CancellationToken).AsTask();
        Assert.Null(Next());
        Assert.False(leaving.IsCompleted);
        part!.End();
        Assert.True(await leaving.Within());
        Assert.Equal(2, Next());
        Assert.Null(_outbox.Join());
    }

    [Fact]
    public void What_comes_while_something_gathers_joins_it()
    {
        var first = _outbox.Gather();
        var second = _outbox.Gather();
        Write();
        first.End();
        Assert.Null(Next());
        second.End();
        Assert.Equal(1, Next());
    }

    [Fact]
    public async Task Work_that_does_not_end_is_waited_for_a_tick_only()
    {
        var kept = _outbox.Gather();
        Write();
        Assert.Null(Next());
        _time.Advance(Tick);
        Assert.True(await _outbox.WaitAsync(TestContext.Current.CancellationToken).AsTask().Within());
        Assert.Equal(1, Next());
        // From then on it is waited for no more, and its end tells nothing.
        Write();
        Assert.Equal(1, Next());
        var other = _outbox.Gather();
        Write();
        kept.End();
        Assert.Null(Next());
        other.End();
        Assert.Equal(1, Next());
    }

    [Fact]
    public void A_tick_counts_for_what_waited_since_it_began()
    {
        var first = _outbox.Gather();
        Write();
        first.End();
        Assert.Equal(1, Next());
        var second = _outbox.Gather();
        Write();
        _time.Advance(Tick);
        Assert.Null(Next());
        _time.Advance(Tick);
        Assert.Equal(1, Next());
        second.End();
    }

    [Fact]
    public void A_full_frame_waits_for_nobody_and_neither_does_its_rest()
    {
        _outbox.Gather();
        var message = new Message { Reply = new Reply { Envelope = Google.Protobuf.ByteString.CopyFrom(new byte[25_000]) } };
        foreach (var frame in (int?[])[null, null, 2])
        {
            _outbox.Write(new Outgoing(message));
            Assert.Equal(frame, Next());
        }

        Assert.Equal(1, Next());
        Write();
        Assert.Null(Next());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Receipts_gather_as_well(bool hurried)
    {
        var gathering = _outbox.Gather();
        _outbox.Flush();
        Assert.Null(Next());
        if (hurried)
        {
            _outbox.Hurry();
            Assert.Equal(0, Next());
        }

        gathering.End();
        Assert.Equal(hurried ? null : 0, Next());
    }

    [Fact]
    public void On_a_new_connection_nothing_gathers_that_came_on_the_old_one()
    {
        var gathering = _outbox.Gather();
        Write();
        _outbox.Resume(0);
        Assert.Equal(1, Next());
        gathering.End();
    }

    private void Write() => _outbox.Write(new Outgoing(new Message { Cancel = new Cancel() }));

    private int? Next() => _outbox.NextFrame()?.Messages.Count;

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
