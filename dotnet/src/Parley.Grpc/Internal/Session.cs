using System.Collections.Concurrent;
using Grpc.Core;
using Microsoft.Extensions.Logging;
using Parley.Wire.V1;

namespace Parley;

/// <summary>A session with a broker, over all its connections: commands and their answers, what waits, heartbeats.</summary>
internal sealed class Session : ICommandSender, IDisposable
{
    private static readonly TimeSpan CloseTimeout = TimeSpan.FromSeconds(2);

    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly ISessionOwner _owner;
    private readonly ReceiveWindow _window = new();
    private readonly Outbox _outbox;
    private readonly SendCredit _credit;
    private readonly Liveness _liveness;
    private readonly HashSet<uint> _brokerKinds;
    private readonly ConcurrentDictionary<ulong, PendingAnswer> _pending = new();
    private ulong _lastId = Connection.HelloId;
    private volatile Connection? _connection;
    private volatile string? _over;
    private volatile bool _isClosing;
    private string? _farewell;
    private bool _isOverByGoodbye;
    private volatile string? _aborted;

    /// <summary>A session that begins.</summary>
    /// <param name="welcome">What the broker said.</param>
    /// <param name="numbers">Of the runtime's publishes.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">For what goes wrong.</param>
    /// <param name="owner">Whose it is.</param>
    public Session(Welcome welcome, ProducerNumbers numbers, TimeProvider time, ILogger logger, ISessionOwner owner)
    {
        (Welcome, _time, _logger, _owner) = (welcome, time, logger, owner);
        _outbox = new Outbox(_window, time);
        _credit = new SendCredit(_outbox, numbers);
        _brokerKinds = [.. welcome.Kinds];
        _liveness = new Liveness(this, TimeSpan.FromMilliseconds(Math.Max(welcome.HeartbeatIntervalMs, 1)), time);
        _liveness.Start();
    }

    public Welcome Welcome { get; }

    /// <summary>What Hello says to get this session back (SES-9).</summary>
    public Resume Resume => new() { SessionId = Welcome.SessionId, ResumeToken = Welcome.ResumeToken, Received = _window.Received };

    /// <summary>How long it lives without a connection.</summary>
    public TimeSpan Grace => TimeSpan.FromMilliseconds(Welcome.SessionGraceMs);

    /// <summary>The largest envelope, in bytes.</summary>
    public long MaxEnvelopeBytes => Welcome.Limits is { MaxEnvelopeBytes: > 0 } limits ? (long)limits.MaxEnvelopeBytes : long.MaxValue;

    /// <summary>The longest timeout of a call that the broker does not cut; null: any (RPC-4).</summary>
    public TimeSpan? LongestCall => Welcome.Limits is { MaxCallTimeoutMs: > 0 } limits ? TimeSpan.FromMilliseconds(limits.MaxCallTimeoutMs) : null;

    /// <summary>Whether it has a connection now.</summary>
    public bool IsConnected => _connection is not null;

    /// <summary>Whether it is over, as far as this side knows: nothing that belongs to it counts any more.</summary>
    public bool IsOver => _over is not null;

    /// <summary>Whether the broker understands messages of that kind (SES-4).</summary>
    public bool Understands(Message.KindOneofCase kind) => _brokerKinds.Contains((uint)kind);

    /// <summary>A new id for a message that wants an answer (MSG-3).</summary>
    public ulong NewId() => Interlocked.Increment(ref _lastId);

    /// <summary>Sends a message that wants no answer; one of a kind that the broker does not understand is not sent.</summary>
    public void Tell(Message message)
    {
        // A heartbeat is of no use to a later connection.
        if (Understands(message.KindCase) && (IsConnected || message.KindCase != Message.KindOneofCase.Heartbeat))
        {
            _outbox.Write(new Outgoing(message));
        }
    }

    /// <summary>Sends a command; its answer goes to whoever waits.</summary>
    public void Send(PendingAnswer answer)
    {
        answer.Session = this;
        answer.Id = NewId();
        _pending[answer.Id] = answer;
        var outgoing = new Outgoing(answer.Message, answer);
        if (answer.CoveredBytes is { } bytes)
        {
            _credit.Write(outgoing, bytes);
        }
        else
        {
            _outbox.Write(outgoing);
        }
    }

    /// <summary>Sends a command of this session only and waits for its answer.</summary>
    /// <exception cref="ParleyException">The broker's error, or OUTCOME_UNKNOWN or UNAVAILABLE when the session ends.</exception>
    public Task<Message> AskAsync(PendingAnswer answer, CancellationToken cancellationToken)
    {
        answer.Sender = this;
        Send(answer);
        if (_over is { } why && _pending.TryRemove(answer.Id, out _))
        {
            answer.Lose(why);
        }

        return answer.WaitAsync(_time, answer.Budget.Deadline.Remaining, cancellationToken);
    }

    /// <inheritdoc />
    public string? WhyUnreachable => null;

    /// <inheritdoc />
    public void Abandon(PendingAnswer answer, bool cancelled)
    {
        if (_pending.TryRemove(answer.Id, out _) && cancelled && answer is PendingRequest && _outbox.WasWritten(answer))
        {
            Tell(new Message { Cancel = new Cancel { RequestId = answer.Id } });
        }
    }

    /// <summary>A covered message was taken up: its credit goes back (FLOW-3).</summary>
    public void GiveBack(int envelopeBytes)
    {
        if (_window.GiveBack(envelopeBytes))
        {
            _outbox.Flush();
        }
    }

    /// <inheritdoc cref="Outbox.Join" />
    public Gathering? Join() => _outbox.Join();

    /// <summary>Done at once while the broker was heard lately; else when it has confirmed the session, or that is over (SES-16).</summary>
    public ValueTask ConfirmAsync() => _liveness.ConfirmAsync();

    /// <summary>Ends the present connection; the session goes on if it can.</summary>
    public void Abort(string why)
    {
        if (_connection is { } connection)
        {
            _aborted = why;
            connection.Abort();
        }
    }

    /// <summary>Goes on with a connection on which the session was resumed (SES-9).</summary>
    /// <exception cref="InvalidDataException">The broker has more of it than was ever said.</exception>
    public void GoOn(Welcome welcome)
    {
        _window.Repeat();
        _outbox.Resume(welcome.Received);
    }

    /// <summary>Has a connection from now on, the one that is then run.</summary>
    public void Attach(Connection connection)
    {
        (_farewell, _aborted, _isOverByGoodbye) = (null, null, false);
        _liveness.Confirm();
        _connection = connection;
    }

    /// <summary>Reads and writes a connection until it ends; says how, and whether the session ended with it.</summary>
    public async Task<(string Why, bool IsOver)> RunAsync(Connection connection)
    {
        using var ended = new CancellationTokenSource();
        var reading = ReadAsync(connection);
        var writing = WriteAsync(connection, ended.Token);
        if (await Task.WhenAny(reading, writing).ConfigureAwait(false) == writing && !await writing.ConfigureAwait(false))
        {
            // Reading ends as well, and knows better why: what the broker said last is still to be read.
            await Task.WhenAny(reading, Task.Delay(CloseTimeout, _time)).ConfigureAwait(false);
            connection.Abort();
        }

        var why = await reading.ConfigureAwait(false);
        _connection = null;
        connection.Abort();
        await ended.CancelAsync().ConfigureAwait(false);
        await writing.ConfigureAwait(false);
        return (_aborted ?? why, _isOverByGoodbye);
    }

    /// <summary>Says goodbye after what is queued, and that nothing will follow.</summary>
    public void Close(string reason)
    {
        Tell(new Message { Goodbye = new Goodbye { Reason = reason } });
        // First this, so that the writer does not take what gathers for nothing.
        _outbox.Hurry();
        _isClosing = true;
        _outbox.Flush();
    }

    /// <summary>The session is over for this side. Returns what was asked and has no answer, in the order asked.</summary>
    public IReadOnlyList<PendingAnswer> End(string why)
    {
        _over = why;
        _credit.Close();
        Dispose();
        return [.. _pending.Values.Where(a => _pending.TryRemove(a.Id, out _)).OrderBy(a => a.Order)];
    }

    /// <inheritdoc />
    public void Dispose()
    {
        _liveness.Dispose();
        _outbox.Dispose();
    }

    /// <summary>True if it ended because there was nothing more to say; false if the connection broke.</summary>
    private async Task<bool> WriteAsync(Connection connection, CancellationToken ended)
    {
        try
        {
            while (true)
            {
                while (_outbox.NextFrame() is { } frame)
                {
                    await connection.Requests.WriteAsync(frame, ended).ConfigureAwait(false);
                }

                if (_isClosing)
                {
                    await connection.Requests.CompleteAsync().ConfigureAwait(false);
                    return true;
                }

                await _outbox.WaitAsync(ended).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (e is RpcException or IOException or InvalidOperationException or OperationCanceledException)
        {
            return false;
        }
        catch (Exception e)
        {
            DistributedLog.LoopFailed(_logger, "writing", e);
            _aborted = e.Message;
            return false;
        }
    }

    private async Task<string> ReadAsync(Connection connection)
    {
        try
        {
            Read(connection.FirstFrame, skip: 1);
            while (!_isOverByGoodbye && await connection.Responses.MoveNext(CancellationToken.None).ConfigureAwait(false))
            {
                var frame = connection.Responses.Current;
                // Who is alone with what it says waits for nobody.
                if (frame.Messages.Count == 1)
                {
                    Read(frame, skip: 0);
                    continue;
                }

                var gathering = _outbox.Gather();
                try
                {
                    Read(frame, skip: 0);
                }
                finally
                {
                    gathering.End();
                }
            }

            return _farewell is { Length: > 0 } farewell ? $"{StatusCode.Unavailable}: {farewell}" : "the broker ended the connection";
        }
        catch (Exception e) when (e is RpcException or IOException or InvalidDataException)
        {
            return Why(e);
        }
        catch (Exception e)
        {
            DistributedLog.LoopFailed(_logger, "reading", e);
            return e.Message;
        }
    }

    private void Read(Frame frame, int skip)
    {
        _liveness.Heard();
        _outbox.Received(frame.Received);
        _credit.Grow(frame);
        var seq = frame.FirstSeq;
        for (var i = skip; i < frame.Messages.Count; i++)
        {
            var message = frame.Messages[i];
            if (message.KindCase == Message.KindOneofCase.Heartbeat)
            {
                Answer(message);
            }
            else if (_window.Receive(seq++))
            {
                Dispatch(message);
            }
        }

        if (_window.Took(frame.CalculateSize()))
        {
            _outbox.Flush();
        }
    }

    private void Answer(Message heartbeat)
    {
        if (heartbeat.Id > 0)
        {
            Tell(new Message { Re = heartbeat.Id, Heartbeat = new Heartbeat() });
        }

        if (heartbeat.Re > 0)
        {
            _liveness.Answered(heartbeat.Re);
        }
    }

    private void Dispatch(Message message)
    {
        if (message.Re > 0)
        {
            Complete(message);
            return;
        }

        _farewell = message.Drain?.Reason ?? message.Goodbye?.Reason ?? _farewell;
        _isOverByGoodbye |= message.KindCase == Message.KindOneofCase.Goodbye;
        _owner.Take(this, message);
    }

    private void Complete(Message answer)
    {
        // Nobody waits any more: cancelled, or too late.
        if (!_pending.TryRemove(answer.Re, out var pending))
        {
            return;
        }

        pending.Answered?.Invoke(answer);
        pending.Join(Join());
        if (!(answer.KindCase == Message.KindOneofCase.Error ? Refuse(pending, answer.Error.FromWire()) : pending.TrySetResult(answer)))
        {
            pending.Leave();
        }
    }

    private bool Refuse(PendingAnswer pending, ParleyException error) => !(error is DrainingException && _owner.TakeBack(pending)) && pending.Fail(error);

    // A connection that breaks has no status of the broker's; what the broker announced says more than the transport's error.
    private string Why(Exception e) => e switch
    {
        RpcException { Status: { DebugException: null, Detail.Length: > 0 } own } => $"{own.StatusCode}: {own.Detail}",
        _ when _farewell is { Length: > 0 } farewell => $"{StatusCode.Unavailable}: {farewell}",
        RpcException { Status: { Detail.Length: > 0 } status } => $"{status.StatusCode}: {status.Detail}",
        RpcException rpc => rpc.StatusCode.ToString(),
        _ => e.Message,
    };
}

/// <summary>Whose sessions they are.</summary>
internal interface ISessionOwner
{
    /// <summary>Takes what the broker says of its own accord, in order, on the reading loop.</summary>
    void Take(Session session, Message message);

    /// <summary>Takes a command back that a broker refused because it is about to go; false if it cannot be said elsewhere (DRN-1).</summary>
    bool TakeBack(PendingAnswer refused);
}
