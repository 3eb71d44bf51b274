using Parley.Wire.V1;

namespace Parley;

/// <summary>An event on its way through its handler; settled by one Ack or Nack, unless it is ephemeral (DLV-2).</summary>
internal sealed class DeliveryRun : SlotRun
{
    private readonly DispatchContext _context;
    private readonly DeliveryLedger _ledger;
    private readonly Dispatcher _dispatcher;
    private readonly HostedAgent _hosted;
    private readonly TopicId _topic;
    private readonly AgentId? _sender;
    private readonly Lock _lock = new();
    private Session _session;
    private Delivery _delivery;
    private Func<Delivery, Message>? _result;
    private bool _isFinished;
    private bool _hasFailed;
    private int _settlements;
    private Task _settling = Task.CompletedTask;
    private StateChange? _change;
    private TaskCompletionSource<Error?>? _committed;
    private bool _hasRun;

    public DeliveryRun(DispatchContext context, Dispatcher dispatcher, DeliveryLedger ledger, Session session, HostedAgent hosted, Delivery delivery)
        : base(session)
    {
        (_context, _dispatcher, _ledger, _session, _hosted, _delivery) = (context, dispatcher, ledger, session, hosted, delivery);
        // Here, so that a malformed delivery fails before it is taken up.
        (_topic, _sender) = (delivery.Topic.FromWire(), delivery.Sender?.FromWire());
    }

    public override bool NeedsSlot => true;

    public ulong Position => _delivery.Position;

    public ulong Round => Volatile.Read(ref _delivery).Round;

    public uint Attempt => Volatile.Read(ref _delivery).Attempt;

    public string Incarnation => Volatile.Read(ref _session).Welcome.Incarnation;

    /// <summary>Whether its handler runs or has run; set by the ledger.</summary>
    public bool IsStarted { get; set; }

    /// <summary>Whether its result is a failure.</summary>
    public bool HasFailed => Volatile.Read(ref _hasFailed);

    /// <summary>Whether there is a result.</summary>
    public bool IsFinished => Volatile.Read(ref _isFinished);

    private bool IsEphemeral => Position == 0;

    /// <summary>Whether the other one, at the same position, is of the same event: a broker that has lost its store counts from 1 again (DLV-4).</summary>
    public bool IsSameEvent(DeliveryRun other) => Incarnation == other.Incarnation || _delivery.Envelope.Equals(other._delivery.Envelope);

    /// <summary>Whether both were delivered in one session, the last time.</summary>
    public bool IsSameSession(DeliveryRun other) => IsOf(Volatile.Read(ref other._session));

    public bool IsOf(Session session) => ReferenceEquals(Volatile.Read(ref _session), session);

    /// <summary>The event was delivered again: it is settled under that epoch and round, at once if there is a result (DLV-4).</summary>
    public void Attach(DeliveryRun again)
    {
        lock (_lock)
        {
            var isKnown = _session == again._session && Round == again.Round;
            (_session, _delivery) = (again._session, again._delivery);
            // A result that is on its way under that round need not be said twice.
            if (_result is not null && !isKnown)
            {
                SendResult();
            }
        }
    }

    protected override async Task HandleAsync()
    {
        var options = _context.Options;
        using var limit = new CancellationTokenSource(options.EventTimeout, options.TimeProvider);
        using var told = new LinkedHandlerToken(_hosted.Id, _context.Logger, limit.Token, _context.TornDown, _hosted.Dropped);
        using var blocked = _hosted.IsStateless ? null : new BlockedAgentWarning(_hosted.Id, options.TimeProvider, _context.Logger);
        // Whether the handler has noticed or not (DLV-9); the agent's other events wait for it all the same.
        await using (limit.Token.UnsafeRegister(static s => ((DeliveryRun)s!).GiveUp(), this).ConfigureAwait(true))
        {
            await EndWithAsync(limit.Token, told.Token).ConfigureAwait(false);
        }

        ReleaseSlot();
        await _dispatcher.EndTurnAsync(_hosted, isTouched: _hasRun && !await HasCommittedAsync().ConfigureAwait(false)).ConfigureAwait(false);
        await _settling.ConfigureAwait(false);
        await _context.EndAsync(_hosted).ConfigureAwait(false);
    }

    private async Task EndWithAsync(CancellationToken limit, CancellationToken token)
    {
        try
        {
            _session.GiveBack(_delivery.Envelope.Length);
            var agent = await StartAsync().ConfigureAwait(true);
            if (agent is not null)
            {
                await RunAsync(agent, limit, token).ConfigureAwait(false);
            }
        }
        catch (Exception) when (limit.IsCancellationRequested)
        {
            GiveUp();
        }
        catch (Exception e) when (_context.TornDown.IsCancellationRequested || _hosted.Dropped.IsCancellationRequested)
        {
            // The event is the broker's again.
            LogFailure(nameof(ErrorReason.Cancelled), e);
            _ledger.Forget(_hosted, this);
        }
        catch (Exception e)
        {
            var failure = e as ParleyException ?? HandlerFailures.Of(e, _hosted.Id, null, token);
            LogFailure(failure.ReasonName, e);
            Finish(d => Settlement.Nack(d, failure), hasFailed: true, limit);
        }
    }

    private async Task RunAsync(IAgent agent, CancellationToken limit, CancellationToken token)
    {
        var held = _hosted.IsEffectivelyOnce ? new HeldPublishes() : null;
        IReadOnlyList<object> publishes;
        bool ignored;
        try
        {
            ignored = await HandleAsync(agent, held, token).ConfigureAwait(_hosted.State is not null);
        }
        finally
        {
            publishes = held?.Close() ?? [];
        }

        if (_hosted.IsEffectivelyOnce && !IsEphemeral)
        {
            var change = await _hosted.State!.TakeAsync(agent).ConfigureAwait(true);
            var commit = change.ToWire(_hosted, publishes);
            Finish(d => Settlement.Ack(d, ignored, commit), hasFailed: false, limit, change);
            return;
        }

        await StateSaver.SendWithStateAsync(_hosted, agent, change =>
        {
            var said = IsEphemeral ? null : change;
            return Finish(d => Settlement.Ack(d, ignored, said?.ToWire(_hosted)), hasFailed: false, limit, said) && said is not null;
        }).ConfigureAwait(false);
    }

    /// <summary>Waits for the broker's word on what an effectively-once agent committed; true if nothing of it has to be undone.</summary>
    private async Task<bool> HasCommittedAsync()
    {
        if (!_hosted.IsEffectivelyOnce || _committed is not { } committed)
        {
            return !_hosted.IsEffectivelyOnce;
        }

        try
        {
            var refusal = await committed.Task.WaitAsync(_hosted.Dropped).ConfigureAwait(false);
            if (refusal is not null and not { Reason: Wire.V1.ErrorReason.NotFound })
            {
                // Counts as a Nack: what was delivered after it comes again, after it.
                Volatile.Write(ref _hasFailed, true);
                _ledger.Fail(_hosted, this);
            }

            return _dispatcher.Saver.Confirm(_hosted, _change!, refusal?.FromWire());
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    /// <summary>The agent, if its handler should start.</summary>
    private async Task<IAgent?> StartAsync()
    {
        // In the agent's turn, as the handler itself.
        var agent = await _context.Host.ReadyAsync(_hosted).ConfigureAwait(true);
        await _session.ConfirmAsync().ConfigureAwait(true);
        if (IsEphemeral)
        {
            return agent;
        }

        // Of a session that is over, or of an older round: it comes again.
        if (!_session.IsOver && !_hosted.Dropped.IsCancellationRequested && _ledger.Start(_hosted, this))
        {
            _hasRun = true;
            return agent;
        }

        _ledger.Forget(_hosted, this);
        return null;
    }

    /// <summary>Gives the handler's result, with what it commits, unless its time is up; true if that is what the broker is told.</summary>
    private bool Finish(Func<Delivery, Message> result, bool hasFailed, CancellationToken limit, StateChange? change = null)
    {
        if (!limit.IsCancellationRequested)
        {
            return TryFinish(result, hasFailed, change);
        }

        GiveUp();
        return false;
    }

    private void GiveUp()
    {
        var limit = _context.Options.EventTimeout;
        var failure = new DeadlineExceededException($"The handler of {_hosted.Id} ran for more than {limit}, the limit for events.");
        if (TryFinish(d => Settlement.Nack(d, failure), hasFailed: true))
        {
            LogFailure(failure.ReasonName, failure);
            ReleaseSlot();
        }
    }

    /// <summary>Sets the result of this attempt and sends it; false if there is one already.</summary>
    private bool TryFinish(Func<Delivery, Message> result, bool hasFailed, StateChange? change = null)
    {
        lock (_lock)
        {
            if (_result is not null)
            {
                return false;
            }

            // Here, so that nothing waits for a commit that is not said, and no other answer is taken for its.
            (_result, _change) = (result, change);
            _committed = _hosted.IsEffectivelyOnce && change is not null ? new(TaskCreationOptions.RunContinuationsAsynchronously) : null;
            Volatile.Write(ref _hasFailed, hasFailed);
            Volatile.Write(ref _isFinished, true);
            if (!IsEphemeral)
            {
                if (hasFailed)
                {
                    _ledger.Fail(_hosted, this);
                }

                SendResult();
            }

            return true;
        }
    }

    private void SendResult()
    {
        var settlement = ++_settlements;
        _settling = SendAsync(settlement, _session, Settlement.Pending(_context, _delivery.EventId, _result!(_delivery), answer => Settled(settlement, answer)));
    }

    private async Task SendAsync(int settlement, Session session, PendingAnswer result)
    {
        try
        {
            await session.AskAsync(result, CancellationToken.None).ConfigureAwait(false);
            _committed?.TrySetResult(null);
        }
        catch (ParleyException e)
        {
            DistributedLog.SettlementRefused(_context.Logger, _delivery.EventId, _hosted.Id, e.ReasonName, e.Message);
            lock (_lock)
            {
                // What was said again has its own answer.
                if (settlement != _settlements || _committed is null)
                {
                    return;
                }
            }

            // The agent is made anew without it: the event has to be handled again.
            _ledger.Forget(_hosted, this);
            _committed.TrySetResult(e.ToWire());
        }
    }

    // On the reading loop, before a further delivery of the event can be read.
    private void Settled(int settlement, Message answer)
    {
        StateChange? change = null;
        lock (_lock)
        {
            if (settlement != _settlements)
            {
                return;
            }

            if (_committed is null)
            {
                (change, _change) = (_change, null);
            }
        }

        if (change is not null)
        {
            _dispatcher.Saver.Answered(_session, _hosted, change, answer);
        }

        // What the broker did not look for, or did not take with its state, is asked for again; what is undone is handled again.
        if (_committed is null && answer.Error is { Reason: Wire.V1.ErrorReason.NotFound or Wire.V1.ErrorReason.StateConflict })
        {
            return;
        }

        _ledger.Forget(_hosted, this);
    }

    /// <summary>Runs the handler; true if the agent does not know the event's type, or does not handle it (DLV-8).</summary>
    private async Task<bool> HandleAsync(IAgent agent, HeldPublishes? held, CancellationToken token)
    {
        var envelope = WireTypes.ParseEnvelope(_delivery.Envelope);
        object message;
        try
        {
            message = _context.Messages.Decode(envelope.Content() ?? throw new MalformedPayloadException("The event has no payload."));
        }
        catch (UnknownMessageTypeException e)
        {
            return Ignored(e);
        }

        try
        {
            await InvokeAsync(agent, message, envelope.MessageId, held, token).ConfigureAwait(_hosted.State is not null);
            return false;
        }
        catch (UnhandledMessageException e) when (e.IsAbout(message))
        {
            return Ignored(e);
        }
        catch (Exception e)
        {
            throw HandlerFailures.Of(e, _hosted.Id, message, token);
        }
    }

    private async ValueTask InvokeAsync(IAgent agent, object message, string messageId, HeldPublishes? held, CancellationToken token)
    {
        CallScope.Enter(new CallScope(_hosted.Id, _hosted.Epoch, _hosted.Alone, null) { Held = held });
        var told = new MessageContext(_sender, _topic, IsRpc: false, messageId, token)
        {
            Attempt = (int)Math.Max(_delivery.Attempt, 1),
        };
        await agent.OnMessageAsync(message, told).ConfigureAwait(_hosted.State is not null);
    }

    private bool Ignored(ParleyException why)
    {
        DistributedLog.EventIgnored(_context.Logger, _delivery.EventId, _topic, _hosted.Id, why.Message);
        return true;
    }

    private void LogFailure(string reason, Exception cause) =>
        DistributedLog.EventFailed(_context.Logger, _delivery.EventId, _topic, _hosted.Id, (int)_delivery.Attempt, reason, cause);
}
