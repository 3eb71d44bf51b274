using Parley.Wire.V1;

namespace Parley;

/// <summary>An event on its way through its handler; settled by one Ack or Nack, unless it is ephemeral (DLV-2).</summary>
internal sealed class DeliveryRun(DispatchContext context, Dispatcher dispatcher, HostedAgent hosted, Delivery delivery) : SlotRun
{
    // Here, so that a malformed delivery fails before it is taken up.
    private readonly TopicId _topic = delivery.Topic.FromWire();
    private readonly AgentId? _sender = delivery.Sender?.FromWire();
    private int _isSettled;
    private int _isForgotten;
    private Task _settling = Task.CompletedTask;

    public override async Task RunAsync()
    {
        var options = context.Options;
        using var limit = new CancellationTokenSource(options.EventTimeout, options.TimeProvider);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, context.TornDown);
        using var blocked = hosted.IsStateless ? null : new BlockedAgentWarning(hosted.Id, options.TimeProvider, context.Logger);
        // Whether the handler has noticed or not (DLV-9); the agent's other events wait for it all the same.
        await using (limit.Token.UnsafeRegister(static s => ((DeliveryRun)s!).GiveUp(), this).ConfigureAwait(true))
        {
            await EndWithAsync(limit.Token, either.Token).ConfigureAwait(false);
        }

        ReleaseSlot();
        if (hosted.Events.Next() is { } next)
        {
            context.Slots.Start(hosted, (SlotRun)next);
        }

        await _settling.ConfigureAwait(false);
        await context.EndAsync(hosted).ConfigureAwait(false);
    }

    private async Task EndWithAsync(CancellationToken limit, CancellationToken token)
    {
        try
        {
            context.Session.GiveBack(delivery.Envelope.Length);
            var settlement = await HandleAsync(token).ConfigureAwait(false);
            if (limit.IsCancellationRequested)
            {
                GiveUp();
            }

            Settle(settlement);
        }
        catch when (limit.IsCancellationRequested)
        {
            GiveUp();
        }
        catch (Exception e) when (!context.TornDown.IsCancellationRequested)
        {
            var failure = e as ParleyException ?? HandlerFailures.Of(e, hosted.Id, null, token);
            if (Settle(Settlement.Nack(delivery, failure)))
            {
                LogFailure(failure.ReasonName, e);
            }
        }
        catch (Exception e)
        {
            // The session is over: the event is the broker's again.
            LogFailure(nameof(ErrorReason.Cancelled), e);
            Settle(null);
        }
    }

    private void GiveUp()
    {
        var limit = context.Options.EventTimeout;
        var failure = new DeadlineExceededException($"The handler of {hosted.Id} ran for more than {limit}, the limit for events.");
        if (Settle(Settlement.Nack(delivery, failure)))
        {
            LogFailure(failure.ReasonName, failure);
            ReleaseSlot();
        }
    }

    /// <summary>Sends the result of this attempt, or, null, drops it; false if it has one already.</summary>
    private bool Settle(Message? settlement)
    {
        if (Interlocked.Exchange(ref _isSettled, 1) == 1)
        {
            return false;
        }

        _settling = SettleAsync(settlement);
        return true;
    }

    private async Task SettleAsync(Message? settlement)
    {
        if (settlement is not null && delivery.Position > 0)
        {
            await Settlement.SendAsync(context, hosted.Id, delivery.EventId, settlement, Forget).ConfigureAwait(false);
        }
        Forget();
    }

    // Once: the position may have been delivered anew by the time that the second word comes.
    private void Forget()
    {
        if (Interlocked.Exchange(ref _isForgotten, 1) == 0)
        {
            dispatcher.Forget(hosted.Id, delivery.Position);
        }
    }

    private async Task<Message?> HandleAsync(CancellationToken token)
    {
        // In the agent's turn, as the handler itself.
        var agent = await hosted.Ready.ConfigureAwait(true);
        await context.Session.ConfirmAsync().ConfigureAwait(true);
        if (delivery.Position > 0 && !hosted.Enters(delivery.Round))
        {
            // A newer round began while it waited.
            return null;
        }

        var envelope = WireTypes.ParseEnvelope(delivery.Envelope);
        object message;
        try
        {
            message = context.Messages.Decode(envelope.Content() ?? throw new MalformedPayloadException("The event has no payload."));
        }
        catch (UnknownMessageTypeException e)
        {
            return Ignored(e);
        }

        try
        {
            await InvokeAsync(agent, message, envelope.MessageId, token).ConfigureAwait(false);
            return Settlement.Ack(delivery, ignored: false);
        }
        catch (UnhandledMessageException e) when (e.IsAbout(message))
        {
            return Ignored(e);
        }
        catch (Exception e)
        {
            throw HandlerFailures.Of(e, hosted.Id, message, token);
        }
    }

    private async ValueTask InvokeAsync(IAgent agent, object message, string messageId, CancellationToken token)
    {
        CallScope.Enter(new CallScope(hosted.Id, hosted.Epoch, [hosted.Id], null));
        var told = new MessageContext(_sender, _topic, IsRpc: false, messageId, token)
        {
            Attempt = (int)Math.Max(delivery.Attempt, 1),
        };
        await agent.OnMessageAsync(message, told).ConfigureAwait(false);
    }

    private Message Ignored(ParleyException why)
    {
        DistributedLog.EventIgnored(context.Logger, delivery.EventId, _topic, hosted.Id, why.Message);
        return Settlement.Ack(delivery, ignored: true);
    }

    private void LogFailure(string reason, Exception cause) =>
        DistributedLog.EventFailed(context.Logger, delivery.EventId, _topic, hosted.Id, (int)delivery.Attempt, reason, cause);
}
