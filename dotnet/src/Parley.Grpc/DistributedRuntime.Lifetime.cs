using Parley.Wire.V1;

namespace Parley;

public sealed partial class DistributedRuntime
{
    private readonly CancellationTokenSource _tornDown = new();
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private const string Stopped = "The runtime has been stopped.";

    private static readonly TimeSpan SaveInterval = TimeSpan.FromSeconds(30);

    private readonly ITimer _saving;
    private readonly Lock _lock = new();
    private Task? _starting;
    private Task? _stopping;

    /// <summary>Raised after each change of <see cref="State"/>, on a thread of the runtime's own: handlers must not block.</summary>
    public event EventHandler<RuntimeStateChangedEventArgs>? StateChanged;

    /// <summary>How this runtime stands with its broker.</summary>
    public RuntimeState State { get; private set; }

    /// <summary>Ends when the runtime has ended; as <see cref="WaitUntilStoppedAsync"/>, but signals are left to others.</summary>
    public Task Completion => _ended.Task;

    /// <inheritdoc />
    public Task StartAsync(CancellationToken cancellationToken = default)
    {
        ThrowIfEnded();
        lock (_lock)
        {
            // A start that failed may be tried again; what the broker has of it by then is only said once more.
            return _starting is null or { IsFaulted: true } or { IsCanceled: true } ? _starting = AnnounceAllAsync(cancellationToken) : _starting;
        }
    }

    /// <inheritdoc />
    public Task StopAsync(CancellationToken cancellationToken = default)
    {
        lock (_lock)
        {
            return _stopping ??= Task.Run(() => DrainAsync(cancellationToken), CancellationToken.None);
        }
    }

    /// <inheritdoc />
    public async Task WaitUntilStoppedAsync(CancellationToken cancellationToken = default)
    {
        using var signals = new StopSignals(this, _logger);
        await _ended.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>As <see cref="StopAsync"/>.</summary>
    public async ValueTask DisposeAsync()
    {
        await StopAsync().ConfigureAwait(false);
        _uplink.Dispose();
        _tornDown.Dispose();
    }

    void IUplinkUser.Take(Session session, Message message)
    {
        switch (message.KindCase)
        {
            case Message.KindOneofCase.Drain:
                Change(RuntimeState.Draining, message.Drain.Reason);
                DistributedLog.Draining(_logger, $"the broker is about to go: {message.Drain.Reason}");
                break;
            case Message.KindOneofCase.Goodbye:
                DistributedLog.Draining(_logger, $"the broker said goodbye: {message.Goodbye.Reason}");
                break;
            default:
                _dispatcher.Handle(session, message);
                break;
        }
    }

    int IUplinkUser.Held => _dispatcher.Held().Count;

    private void SavePeriodically()
    {
        if (_uplink.IsUp)
        {
            _dispatcher.SaveAll(_uplink.Session, uncertainOnly: false);
        }
    }

    Task IUplinkUser.RejoinAsync(Session session) =>
        Volatile.Read(ref _starting) is null ? Task.CompletedTask : Rejoining.RunAsync(_context, _dispatcher, session, Subscriptions());

    void IUplinkUser.SessionLost(Session session) => _dispatcher.SessionLost(session);

    void IUplinkUser.Changed(RuntimeState state, string reason) => Change(state, reason);

    private async Task DrainAsync(CancellationToken cancellationToken)
    {
        try
        {
            Change(RuntimeState.Draining, "stop");
            DistributedLog.Draining(_logger, "the runtime is being stopped");
            await HandOverAsync(cancellationToken).ConfigureAwait(false);
            await _uplink.CloseAsync("stop", Stopped).ConfigureAwait(false);
            await TearDownAsync().ConfigureAwait(false);
            await _host.DisposeAgentsAsync(_logger).ConfigureAwait(false);
            Change(RuntimeState.Closed, string.Empty);
            DistributedLog.Stopped(_logger);
        }
        finally
        {
            _ended.TrySetResult();
        }
    }

    /// <summary>Lets what was dispatched here finish, within the drain timeout (DRN-2).</summary>
    private async Task HandOverAsync(CancellationToken cancellationToken)
    {
        // Without a connection nothing of what runs could be told to anybody.
        if (!_uplink.IsUp)
        {
            return;
        }

        var budget = CallBudget.Of(null, _options.DrainTimeout, null, _options.TimeProvider);
        var session = _uplink.Session;
        try
        {
            if (_starting is not null && session.Understands(Message.KindOneofCase.Drain))
            {
                var drain = new Message { Drain = new Drain { TimeoutMs = (uint)_options.DrainTimeout.TotalMilliseconds, Reason = "stop" } };
                await session.AskAsync(new PendingCommand("Draining", budget, drain), cancellationToken).ConfigureAwait(false);
            }

            await _context.InFlight.WhenIdleAsync().WaitAsync(budget.Deadline.Remaining, _options.TimeProvider, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is ParleyException or TimeoutException or OperationCanceledException)
        {
            DistributedLog.DrainTimedOut(_logger, _options.DrainTimeout);
        }
    }

    private Task TearDownAsync()
    {
        _saving.Dispose();
        _dispatcher.CancelAll();
        return _tornDown.CancelAsync();
    }

    private void Change(RuntimeState state, string reason)
    {
        lock (_lock)
        {
            // Stopped is stopped, whatever the connection does.
            if (State == state || State == RuntimeState.Closed)
            {
                return;
            }

            State = state;
        }

        var change = new RuntimeStateChangedEventArgs(state, reason);
        foreach (var handler in Delegate.EnumerateInvocationList(StateChanged))
        {
            try
            {
                handler(this, change);
            }
            catch (Exception e)
            {
                // What a user's handler raises is no failure of the runtime's.
                DistributedLog.StateHandlerFailed(_logger, state, e);
            }
        }
    }

    private void ThrowIfNotRunning()
    {
        // A handler that finishes while the runtime drains may still call and publish.
        if (CallScope.Current is null)
        {
            ThrowIfEnded();
        }

        if (_starting is null)
        {
            throw new InvalidOperationException("The runtime has not been started: call StartAsync first.");
        }
    }

    private void ThrowIfEnded()
    {
        if (_stopping is not null)
        {
            throw new UnavailableException(Stopped);
        }
    }
}
