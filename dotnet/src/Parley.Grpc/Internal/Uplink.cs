using Microsoft.Extensions.Logging;
using Parley.Wire.V1;

namespace Parley;

/// <summary>Keeps a runtime in a session with a broker, whatever becomes of connections, sessions and brokers.</summary>
/// <remarks>
/// <code>
///         connection broke              the same session       Welcome: resumed
/// Connected ──────────▶ Reconnecting ───────────────────────▶ Resumed
///     ▲                      │ grace over, Goodbye, or Welcome: not resumed
///     │ registered, claimed  ▼
///     └──────────────────── Lost
/// </code>
/// </remarks>
internal sealed class Uplink : ISessionOwner, ICommandSender, IDisposable
{
    private static readonly TimeSpan CloseTimeout = TimeSpan.FromSeconds(2);

    private readonly Connector _connector;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly ProducerNumbers _numbers = new();
    private readonly CancellationTokenSource _closing = new();
    private readonly Lock _gate = new();
    private readonly List<PendingAnswer> _parked = [];
    private readonly Connection _first;
    private IUplinkUser? _user;
    private Task _keeping = Task.CompletedTask;
    private long _lastOrder;
    private bool _isReady = true;
    private bool _isClosing;
    private bool _isDraining;
    private volatile string? _down;
    private string? _closed;
    private volatile Session _session;

    private Uplink(Connector connector, Connection first, TimeProvider time, ILogger logger)
    {
        (_connector, _first, _time, _logger) = (connector, first, time, logger);
        _session = new Session(first.Welcome, _numbers, time, logger, this);
    }

    /// <summary>The present session; it may be over already.</summary>
    public Session Session => _session;

    /// <summary>Whether commands may be sent now.</summary>
    public bool IsUp => _session.IsConnected && Volatile.Read(ref _isReady);

    /// <summary>Connects for the first time.</summary>
    /// <exception cref="UnavailableException">No address answered in time; the text says how each failed.</exception>
    public static async Task<Uplink> ConnectAsync(
        Connector connector, TimeSpan timeout, TimeProvider time, ILogger logger, CancellationToken cancellationToken) =>
        new(connector, await connector.ConnectAsync(timeout, cancellationToken).ConfigureAwait(false), time, logger);

    /// <summary>Begins to read and write.</summary>
    public void Serve(IUplinkUser user)
    {
        _user = user;
        _keeping = KeepAsync(user);
    }

    /// <summary>Sends a command, in this session or the next one, and waits for its answer.</summary>
    /// <exception cref="ParleyException">The broker's error; OUTCOME_UNKNOWN or UNAVAILABLE when there was none (SES-15, SES-17).</exception>
    public Task<Message> AskAsync(PendingAnswer answer, CancellationToken cancellationToken)
    {
        answer.Sender = this;
        lock (_gate)
        {
            if (_closed is { } closed)
            {
                throw new UnavailableException(closed);
            }

            answer.Order = ++_lastOrder;
            if (_isReady && !(_isDraining && answer.CoveredBytes is not null))
            {
                Send(answer);
            }
            else
            {
                _parked.Add(answer);
            }
        }

        return answer.WaitAsync(_time, answer.Budget.Deadline.Remaining, cancellationToken);
    }

    /// <summary>Says goodbye if it can, and ends for good.</summary>
    public async Task CloseAsync(string reason, string text)
    {
        lock (_gate)
        {
            // From here on no connection is taken up.
            _isClosing = true;
        }

        await _closing.CancelAsync().ConfigureAwait(false);
        if (_session.IsConnected)
        {
            _session.Close(reason);
            await Task.WhenAny(_keeping, Task.Delay(CloseTimeout, _time)).ConfigureAwait(false);
            // What the broker does not take by then is left unsaid.
            _session.Abort(text);
        }

        await _keeping.ConfigureAwait(false);
        IReadOnlyList<PendingAnswer> open;
        lock (_gate)
        {
            _closed = text;
            open = [.. _session.End(text), .. _parked];
            _parked.Clear();
        }

        foreach (var answer in open)
        {
            answer.Lose(text);
        }
    }

    /// <summary>Call it after <see cref="CloseAsync"/>.</summary>
    public void Dispose()
    {
        _session.Dispose();
        _closing.Dispose();
    }

    /// <inheritdoc />
    public void Take(Session session, Message message)
    {
        if (message.KindCase == Message.KindOneofCase.Drain)
        {
            lock (_gate)
            {
                _isDraining = true;
            }
        }

        _user!.Take(session, message);
    }

    /// <inheritdoc />
    public bool TakeBack(PendingAnswer refused)
    {
        if (refused.CoveredBytes is null || refused.Sender != this)
        {
            return false;
        }

        lock (_gate)
        {
            // Until the next session; this one takes no more.
            _isDraining = true;
            refused.Unsend();
            Park(refused);
        }

        return true;
    }

    /// <inheritdoc />
    public string? WhyUnreachable => _down ?? (Volatile.Read(ref _isDraining) ? "the broker is about to go and takes nothing new" : null);

    /// <inheritdoc />
    public void Abandon(PendingAnswer answer, bool cancelled)
    {
        Session? session;
        lock (_gate)
        {
            _parked.Remove(answer);
            session = answer.Session;
        }

        session?.Abandon(answer, cancelled);
    }

    private void Send(PendingAnswer answer)
    {
        if (_session.Understands(answer.Message.KindCase))
        {
            _session.Send(answer);
        }
        else
        {
            var welcome = _session.Welcome;
            answer.TrySetException(new UnavailableException(
                $"The broker {welcome.BrokerName} {welcome.BrokerVersion} does not understand {answer.Message.KindCase}."));
        }
    }

    private void Park(PendingAnswer answer)
    {
        answer.Session = null;
        _parked.Add(answer);
    }

    private async Task KeepAsync(IUplinkUser user)
    {
        var connection = _first;
        try
        {
            while (TryAttach(connection))
            {
                var (why, isOver) = await _session.RunAsync(connection).ConfigureAwait(false);
                await connection.DisposeAsync().ConfigureAwait(false);
                _closing.Token.ThrowIfCancellationRequested();
                _down = $"the connection to the broker was lost: {why}";
                DistributedLog.ConnectionLost(_logger, why);
                if (isOver)
                {
                    _connector.Avoid();
                }

                if (isOver || _session.Grace <= TimeSpan.Zero)
                {
                    Lose(user, _session, why);
                }
                else
                {
                    user.Changed(RuntimeState.Reconnecting, why);
                }

                connection = await FindAsync(user, isOver, why).ConfigureAwait(false);
            }

            await LeaveAsync(connection, "stop").ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (_closing.IsCancellationRequested)
        {
            // Closed.
        }
        catch (Exception e)
        {
            DistributedLog.LoopFailed(_logger, "it was kept up", e);
            Lose(user, _session, e.Message);
        }
    }

    private bool TryAttach(Connection connection)
    {
        lock (_gate)
        {
            if (!_isClosing)
            {
                _session.Attach(connection);
            }

            return !_isClosing;
        }
    }

    /// <summary>Ends the session on a connection that nothing was said on; what the broker does not take in time is left unsaid.</summary>
    private async Task LeaveAsync(Connection connection, string reason)
    {
        using var late = new CancellationTokenSource(CloseTimeout, _time);
        await using (late.Token.UnsafeRegister(static c => ((Connection)c!).Abort(), connection).ConfigureAwait(false))
        {
            await connection.SayGoodbyeAsync(reason).ConfigureAwait(false);
        }

        await connection.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>The next connection, with this session resumed on it or a new one begun.</summary>
    private async Task<Connection> FindAsync(IUplinkUser user, bool isOver, string why)
    {
        var session = _session;
        using var grace = _time.CreateTimer(
            _ => Lose(user, session, $"{why}; the session's grace is over"), null, isOver ? Timeout.InfiniteTimeSpan : session.Grace, Timeout.InfiniteTimeSpan);
        while (true)
        {
            var wanted = isOver ? null : session.Resume;
            if (user.Held is var held and > 0)
            {
                wanted ??= new Resume();
                wanted.Agents = (uint)held;
            }

            var connection = await _connector.ReconnectAsync(() => wanted, _closing.Token).ConfigureAwait(false);
            var welcome = connection.Welcome;
            if (!welcome.Resumed || welcome.SessionId != session.Welcome.SessionId)
            {
                Lose(user, session, $"{why}; the broker does not know the session any more");
                Begin(user, welcome);
                return connection;
            }

            if (TryGoOn(session, welcome))
            {
                user.Changed(RuntimeState.Resumed, string.Empty);
                return connection;
            }

            // It was given up here: what belonged to it has ended, so it must end there as well.
            Lose(user, session, $"{why}; the broker knows another session than this side");
            isOver = true;
            await LeaveAsync(connection, "the session was given up").ConfigureAwait(false);
        }
    }

    private bool TryGoOn(Session session, Welcome welcome)
    {
        lock (_gate)
        {
            try
            {
                if (!session.IsOver)
                {
                    session.GoOn(welcome);
                    _down = _isReady ? null : _down;
                    return true;
                }
            }
            catch (InvalidDataException e)
            {
                DistributedLog.LoopFailed(_logger, "a session was resumed", e);
            }

            return false;
        }
    }

    private void Begin(IUplinkUser user, Welcome welcome)
    {
        var session = new Session(welcome, _numbers, _time, _logger, this);
        lock (_gate)
        {
            _session = session;
            _isDraining = false;
        }

        _ = RejoinAsync(user, session);
    }

    private async Task RejoinAsync(IUplinkUser user, Session session)
    {
        try
        {
            await user.RejoinAsync(session).ConfigureAwait(false);
        }
        catch (Exception e) when (!session.IsOver)
        {
            DistributedLog.LoopFailed(_logger, "a session was joined", e);
        }
        catch (Exception)
        {
            // The next session is joined anew.
        }

        lock (_gate)
        {
            if (session.IsOver)
            {
                return;
            }

            (_isReady, _down) = (true, null);
            // First what was sent before, in its order; then what was not.
            foreach (var answer in _parked.OrderBy(a => a.WasOrdered ? 0 : 1).ThenBy(a => a.Order).Where(a => !a.HasEnded).ToArray())
            {
                Send(answer);
            }

            _parked.Clear();
        }

        user.Changed(RuntimeState.Connected, string.Empty);
    }

    private void Lose(IUplinkUser user, Session session, string why)
    {
        PendingAnswer[] ended;
        lock (_gate)
        {
            if (session.IsOver || _closed is not null)
            {
                return;
            }

            _isReady = false;
            _down = $"the session with the broker was lost: {why}";
            var open = session.End(why);
            ended = [.. open.Where(a => a.EndsWithSession || a.Sender != this)];
            foreach (var answer in open.Except(ended))
            {
                Park(answer);
            }
        }

        foreach (var answer in ended)
        {
            answer.Lose(why);
        }

        DistributedLog.SessionLost(_logger, why);
        user.SessionLost(session);
        user.Changed(RuntimeState.Lost, why);
    }
}
