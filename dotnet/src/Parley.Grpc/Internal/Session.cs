using System.Collections.Concurrent;
using Grpc.Core;
using Microsoft.Extensions.Logging;
using Parley.Wire.V1;

namespace Parley;

/// <summary>A session with a broker on its one connection: commands and their answers, frames in and out, heartbeats.</summary>
internal sealed class Session : IAsyncDisposable
{
    private static readonly TimeSpan CloseTimeout = TimeSpan.FromSeconds(2);

    private readonly Connection _connection;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly ReceiveWindow _window;
    private readonly FrameWriter _writer;
    private readonly SendCredit _credit;
    private readonly Liveness _liveness;
    private readonly HashSet<uint> _brokerKinds;
    private readonly ConcurrentDictionary<ulong, PendingAnswer> _pending = new();
    private readonly TaskCompletionSource<string> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _lock = new();
    private ulong _lastId;
    private string? _farewell;
    private string? _lost;

    public Session(Connection connection, TimeProvider time, ILogger logger)
    {
        (_connection, _time, _logger) = (connection, time, logger);
        Welcome = connection.Welcome;
        _window = connection.Window;
        _writer = new FrameWriter(connection.Requests, _window);
        _credit = new SendCredit(_writer);
        _brokerKinds = [.. Welcome.Kinds];
        _liveness = new Liveness(this, TimeSpan.FromMilliseconds(Math.Max(Welcome.HeartbeatIntervalMs, 1)), time);
        _lastId = Connection.HelloId;
    }

    public Welcome Welcome { get; }

    /// <summary>The largest envelope, in bytes.</summary>
    public long MaxEnvelopeBytes => Welcome.Limits is { MaxEnvelopeBytes: > 0 } limits ? (long)limits.MaxEnvelopeBytes : long.MaxValue;

    /// <summary>The longest timeout of a call that the broker does not cut; null: any (RPC-4).</summary>
    public TimeSpan? LongestCall => Welcome.Limits is { MaxCallTimeoutMs: > 0 } limits ? TimeSpan.FromMilliseconds(limits.MaxCallTimeoutMs) : null;

    /// <summary>Ends with why the connection ended; never fails.</summary>
    public Task<string> Ended => _ended.Task;

    /// <summary>Starts reading, writing and heartbeats; commands of the broker go to the handler, in order, on the reading loop.</summary>
    public void Start(Action<Message> onCommand)
    {
        _credit.Grow(_connection.FirstFrame);
        _liveness.Start();
        var reading = RunAsync(ReadAsync(onCommand), "reading");
        _ = RunAsync(WriteAsync(reading), "writing");
    }

    /// <summary>Whether the broker understands messages of that kind (SES-4).</summary>
    public bool Understands(Message.KindOneofCase kind) => _brokerKinds.Contains((uint)kind);

    /// <summary>Sends a message that wants no answer; one of a kind that the broker does not understand is not sent.</summary>
    public void Tell(Message message)
    {
        if (Understands(message.KindCase))
        {
            _writer.Write(new Outgoing(message));
        }
    }

    /// <summary>Sends a command and waits for its answer.</summary>
    /// <param name="message">The command.</param>
    /// <param name="answer">Who waits.</param>
    /// <param name="coveredBytes">The envelope's bytes if credit covers the command, else null.</param>
    /// <param name="cancellationToken">Gives the command up.</param>
    /// <exception cref="ParleyException">The broker's error, or OUTCOME_UNKNOWN or UNAVAILABLE when the connection ends.</exception>
    public Task<Message> AskAsync(Message message, PendingAnswer answer, int? coveredBytes, CancellationToken cancellationToken)
    {
        if (!Understands(message.KindCase))
        {
            throw new UnavailableException($"The broker {Welcome.BrokerName} {Welcome.BrokerVersion} does not understand {message.KindCase}.");
        }

        message.Id = answer.Id = Interlocked.Increment(ref _lastId);
        answer.Abandoned = Abandon;
        _pending[answer.Id] = answer;
        if (Volatile.Read(ref _lost) is { } why)
        {
            _pending.TryRemove(answer.Id, out _);
            throw new UnavailableException($"There is no connection to the broker: {why}.");
        }

        var outgoing = new Outgoing(message, message.KindCase == Message.KindOneofCase.Request ? answer.Budget.Deadline : null, answer);
        if (coveredBytes is { } bytes)
        {
            _credit.Write(outgoing, bytes);
        }
        else
        {
            _writer.Write(outgoing);
        }

        return answer.WaitAsync(_time, answer.Budget.Deadline.Remaining, cancellationToken);
    }

    /// <summary>A covered message was taken up: its credit goes back (FLOW-3).</summary>
    public void GiveBack(int envelopeBytes)
    {
        if (_window.GiveBack(envelopeBytes))
        {
            _writer.Flush();
        }
    }

    /// <summary>Done at once while the broker was heard lately; else when it has confirmed the session (SES-16).</summary>
    public ValueTask ConfirmAsync() => _liveness.ConfirmAsync();

    /// <summary>Says goodbye, writes what is queued, and closes the connection.</summary>
    public async Task CloseAsync(string reason)
    {
        Tell(new Message { Goodbye = new Goodbye { Reason = reason } });
        _writer.Complete();
        try
        {
            await _ended.Task.WaitAsync(CloseTimeout, _time).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            // The broker does not take what is left; the session ends without it.
        }

        Lose("the runtime was stopped");
    }

    public async ValueTask DisposeAsync()
    {
        _liveness.Dispose();
        await _connection.DisposeAsync().ConfigureAwait(false);
    }

    private void Abandon(PendingAnswer answer, bool cancelled)
    {
        if (_pending.TryRemove(answer.Id, out _) && cancelled && answer is PendingRequest && answer.IsWritten)
        {
            Tell(new Message { Cancel = new Cancel { RequestId = answer.Id } });
        }
    }

    private async Task WriteAsync(Task reading)
    {
        try
        {
            await _writer.RunAsync().ConfigureAwait(false);
            await _connection.Requests.CompleteAsync().ConfigureAwait(false);
        }
        catch (Exception e) when (e is RpcException or IOException)
        {
            // Reading ends as well, and knows better why: what the broker said last is still to be read.
            await Task.WhenAny(reading, Task.Delay(CloseTimeout, _time)).ConfigureAwait(false);
            throw;
        }
    }

    private async Task ReadAsync(Action<Message> onCommand)
    {
        Read(_connection.FirstFrame, skip: 1, onCommand);
        while (await _connection.Responses.MoveNext(CancellationToken.None).ConfigureAwait(false))
        {
            Read(_connection.Responses.Current, skip: 0, onCommand);
        }
    }

    private void Read(Frame frame, int skip, Action<Message> onCommand)
    {
        _liveness.Heard();
        _credit.Grow(frame);
        var seq = frame.FirstSeq;
        foreach (var message in frame.Messages.Skip(skip))
        {
            if (message.KindCase == Message.KindOneofCase.Heartbeat)
            {
                Answer(message);
            }
            else if (_window.Receive(seq++))
            {
                Dispatch(message, onCommand);
            }
        }
    }

    private void Answer(Message heartbeat)
    {
        if (heartbeat.Id > 0)
        {
            Tell(new Message { Re = heartbeat.Id, Heartbeat = new Heartbeat() });
        }

        Complete(heartbeat);
    }

    private void Dispatch(Message message, Action<Message> onCommand)
    {
        if (message.Re > 0)
        {
            Complete(message);
        }
        else
        {
            _farewell = message.Drain?.Reason ?? message.Goodbye?.Reason ?? _farewell;
            onCommand(message);
        }
    }

    private void Complete(Message answer)
    {
        // Nobody waits any more: cancelled, or too late.
        if (answer.Re == 0 || !_pending.TryRemove(answer.Re, out var pending))
        {
            return;
        }

        pending.Answered?.Invoke();
        if (answer.KindCase == Message.KindOneofCase.Error)
        {
            pending.Fail(answer.Error.FromWire());
        }
        else
        {
            pending.TrySetResult(answer);
        }
    }

    private async Task RunAsync(Task loop, string what)
    {
        var why = "the broker ended the connection";
        try
        {
            await loop.ConfigureAwait(false);
            if (what == "writing")
            {
                return;
            }
        }
        catch (Exception e) when (e is RpcException or IOException)
        {
            why = Why(e);
        }
        catch (Exception e)
        {
            why = e.Message;
            DistributedLog.LoopFailed(_logger, what, e);
        }

        Lose(why);
    }

    // A connection that breaks has no status of the broker's; what the broker announced says more than the transport's error.
    private string Why(Exception e) => e switch
    {
        RpcException { Status: { DebugException: null, Detail.Length: > 0 } own } => $"{own.StatusCode}: {own.Detail}",
        _ when _farewell is { Length: > 0 } farewell => $"{StatusCode.Unavailable}: {farewell}",
        RpcException { Status: { Detail.Length: > 0 } status } => $"{status.StatusCode}: {status.Detail}",
        RpcException rpc => rpc.StatusCode.ToString(),
        _ => e.Message,
    };

    private void Lose(string why)
    {
        lock (_lock)
        {
            if (_lost is not null)
            {
                return;
            }

            Volatile.Write(ref _lost, why);
        }

        _liveness.Dispose();
        _writer.Complete();
        foreach (var (id, answer) in _pending)
        {
            _pending.TryRemove(id, out _);
            answer.Lose(why);
        }

        _ended.TrySetResult(why);
        _connection.Abort();
    }
}
