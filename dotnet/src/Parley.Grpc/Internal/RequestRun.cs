using Parley.Wire.V1;

namespace Parley;

/// <summary>A call on its way through its handler; ends with exactly one answer (RPC-1).</summary>
internal sealed class RequestRun : SlotRun
{
    private readonly DispatchContext _context;
    private readonly Dispatcher _dispatcher;
    private readonly Session _session;
    private readonly HostedAgent _hosted;
    private readonly ulong _id;
    private readonly Request _request;
    private readonly HandlerToken _told;
    private readonly Deadline? _deadline;
    private readonly ITimer? _timer;
    private volatile bool _abandoned;
    private volatile bool _isOver;
    private volatile bool _hasEnded;
    private bool _hasRun;

    public RequestRun(DispatchContext context, Dispatcher dispatcher, Session session, HostedAgent hosted, ulong id, Request request)
        : base(session)
    {
        (_context, _dispatcher, _session, _hosted, _id, _request) = (context, dispatcher, session, hosted, id, request);
        var time = context.Options.TimeProvider;
        // Counted from when it was read, not from when the handler starts (MSG-9).
        var timeout = request.HasTimeoutMs ? TimeSpan.FromMilliseconds(Math.Min(request.TimeoutMs, uint.MaxValue - 1)) : (TimeSpan?)null;
        _deadline = timeout is { } limit ? new Deadline(time, limit) : null;
        _told = new HandlerToken(hosted.Id, context.Logger);
        _timer = timeout is { Ticks: > 0 } left ? time.CreateTimer(static s => ((RequestRun)s!).End(), this, left, Timeout.InfiniteTimeSpan) : null;
        if (timeout == TimeSpan.Zero)
        {
            End();
        }
    }

    public HostedAgent Hosted => _hosted;

    /// <summary>The caller cancelled (RPC-9), or the session is over.</summary>
    public void Cancel()
    {
        _abandoned = true;
        End();
    }

    public override bool NeedsSlot => _request.CallChain.Count == 0;

    protected override async Task HandleAsync()
    {
        if (_isOver)
        {
            // It ended before it had the slot.
            ReleaseSlot();
        }

        var succeeded = false;
        try
        {
            if (NeedsSlot)
            {
                _session.GiveBack(_request.Envelope.Length);
            }

            succeeded = await AnswerAsync(_told.Token).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            var failure = Failure(e);
            DistributedLog.CallFailed(_context.Logger, _hosted.Id, failure.ReasonName, e);
            _session.Tell(new Message { Re = _id, Error = failure.ToWire() });
        }

        _dispatcher.Forget(_session, _id);
        ReleaseSlot();
        _hasEnded = true;
        _timer?.Dispose();
        if (_hosted.IsEffectivelyOnce)
        {
            await _dispatcher.EndTurnAsync(_hosted, isTouched: _hasRun && !succeeded).ConfigureAwait(false);
        }

        await _context.EndAsync(_hosted).ConfigureAwait(false);
    }

    /// <summary>The call has ended for its caller, whether the handler notices or not.</summary>
    private void End()
    {
        // Who keeps the token longer than the handler runs hears nothing more.
        if (!_hasEnded)
        {
            _isOver = true;
            ReleaseSlot();
            _told.Fire();
        }
    }

    /// <summary>Runs the handler and sends its result; false if what it commits was refused.</summary>
    private async Task<bool> AnswerAsync(CancellationToken token)
    {
        // In the agent's turn, as the handler itself.
        var agent = await _context.Host.ReadyAsync(_hosted).ConfigureAwait(true);
        await _session.ConfirmAsync().ConfigureAwait(true);
        // When the session is over its caller knows already that nobody will answer.
        if (_isOver || _session.IsOver || _hosted.Dropped.IsCancellationRequested)
        {
            throw new CallCancelledException($"The call to {_hosted.Id} was cancelled before it started.") { MayHaveRun = false };
        }

        var envelope = WireTypes.ParseEnvelope(_request.Envelope);
        var message = _context.Messages.Decode(envelope.Content() ?? throw new MalformedPayloadException("The request has no payload."));
        var held = _hosted.IsEffectivelyOnce ? new HeldPublishes() : null;
        _hasRun = true;
        object? result;
        IReadOnlyList<object> publishes;
        try
        {
            // Back in the turn if there is a state to save.
            result = await InvokeAsync(agent, message, envelope.MessageId, held, token).ConfigureAwait(_hosted.State is not null);
        }
        finally
        {
            publishes = held?.Close() ?? [];
        }

        var reply = new Message { Re = _id, Reply = new Reply { Envelope = Encode(result) } };
        if (_hosted.IsEffectivelyOnce)
        {
            var change = await _hosted.State!.TakeAsync(agent).ConfigureAwait(true);
            reply.Reply.Commit = change.ToWire(_hosted, publishes);
            return await _dispatcher.Saver.ConfirmAsync(_hosted, change, AskAsync(reply)).ConfigureAwait(false);
        }

        if (_hosted.State is null)
        {
            _session.Tell(reply);
            return true;
        }

        await SendWithStateAsync(agent, reply).ConfigureAwait(false);
        return true;
    }

    private Task SendWithStateAsync(IAgent agent, Message reply) => StateSaver.SendWithStateAsync(_hosted, agent, change => Send(reply, change));

    private bool Send(Message reply, StateChange? change)
    {
        if (change is null)
        {
            _session.Tell(reply);
            return true;
        }

        reply.Reply.Commit = change.ToWire(_hosted);
        _ = IgnoreAsync(AskAsync(reply, answer => _dispatcher.Saver.Answered(_session, _hosted, change, answer)));
        return true;
    }

    private Task<Message> AskAsync(Message reply, Action<Message>? answered = null)
    {
        var budget = CallBudget.Of(null, _context.Options.DefaultTimeout, null, _context.Options.TimeProvider);
        return _session.AskAsync(new PendingCommand($"The result of a call to {_hosted.Id}", budget, reply) { Answered = answered }, CancellationToken.None);
    }

    private static async Task IgnoreAsync(Task answer)
    {
        try
        {
            await answer.ConfigureAwait(false);
        }
        catch (ParleyException)
        {
            // Whoever had to know was told when the answer came.
        }
    }

    private async ValueTask<object?> InvokeAsync(IAgent agent, object message, string messageId, HeldPublishes? held, CancellationToken token)
    {
        var sender = _request.Sender?.FromWire();
        var context = new MessageContext(sender, null, IsRpc: true, messageId, token)
        {
            Attempt = (int)Math.Max(_request.Attempt, 1),
            Deadline = _deadline,
        };
        var chain = _request.CallChain.Count == 0 ? _hosted.Alone : [.. _request.CallChain.Select(a => a.FromWire()), _hosted.Id];
        CallScope.Enter(new CallScope(_hosted.Id, _hosted.Epoch, chain, _deadline) { Held = held });
        try
        {
            return await agent.OnMessageAsync(message, context).ConfigureAwait(_hosted.State is not null);
        }
        catch (Exception e)
        {
            throw HandlerFailures.Of(e, _hosted.Id, message, token);
        }
    }

    private Google.Protobuf.ByteString Encode(object? result)
    {
        try
        {
            SerializedMessage? payload = result is null ? null : _context.Messages.Encode(result);
            var envelope = WireTypes.ToEnvelope(payload, _context.MessageIds.Next());
            return envelope.Length <= _session.MaxEnvelopeBytes ? envelope
                : throw Limits.TooLarge("The result", envelope.Length, _session.MaxEnvelopeBytes).AsOfReply();
        }
        catch (InvalidArgumentException e)
        {
            // The handler ran, but nobody can read what it returned (RPC-6).
            throw HandlerFailures.Of(e, _hosted.Id, null, CancellationToken.None);
        }
    }

    // The same token fires for both, but the caller's timer may be later than this one.
    private ParleyException Failure(Exception cause) => cause switch
    {
        CallCancelledException { MayHaveRun: var ran } when !_abandoned =>
            new DeadlineExceededException($"The time of the call to {_hosted.Id} is up.", cause) { MayHaveRun = ran },
        ParleyException known => known,
        _ => HandlerFailures.Of(cause, _hosted.Id, null, _told.Token),
    };
}
