using Parley.Wire.V1;

namespace Parley;

/// <summary>An event on its way through its handler; settled by one Ack or Nack, unless it is ephemeral (DLV-2).</summary>
internal sealed class DeliveryRun(DispatchContext context, Dispatcher dispatcher, HostedAgent hosted, Delivery delivery) : HandlerRun
{
    // Here, so that a malformed delivery fails before it is taken up.
    private readonly TopicId _topic = delivery.Topic.FromWire();
    private readonly AgentId? _sender = delivery.Sender?.FromWire();

    public override async Task RunAsync()
    {
        var options = context.Options;
        using var limit = new CancellationTokenSource(options.EventTimeout, options.TimeProvider);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, context.TornDown);
        using var blocked = hosted.IsStateless ? null : new BlockedAgentWarning(hosted.Id, options.TimeProvider, context.Logger);
        Message? settlement = null;
        try
        {
            context.Session.GiveBack(delivery.Envelope.Length);
            settlement = await HandleAsync(either.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (!context.TornDown.IsCancellationRequested)
        {
            var failure = limit.IsCancellationRequested ? TooLong(options.EventTimeout, e)
                : e as ParleyException ?? HandlerFailures.Of(e, hosted.Id, null, either.Token);
            DistributedLog.EventFailed(
                context.Logger, delivery.EventId, _topic, hosted.Id, (int)delivery.Attempt, failure.ReasonName, e);
            settlement = new Message { Nack = Nack(failure) };
        }
        catch (Exception e)
        {
            // The session is over: the event is the broker's again.
            DistributedLog.EventFailed(
                context.Logger, delivery.EventId, _topic, hosted.Id, (int)delivery.Attempt, nameof(ErrorReason.Cancelled), e);
        }

        context.Slots.Release();
        if (hosted.Events.Next() is { } next)
        {
            context.Slots.Start(hosted, next);
        }

        if (settlement is not null && delivery.Position > 0)
        {
            await SettleAsync(settlement).ConfigureAwait(false);
        }

        dispatcher.Forget(hosted.Id, delivery.Position);
        await context.EndAsync(hosted).ConfigureAwait(false);
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
            return new Message { Ack = Ack(ignored: false) };
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
        return new Message { Ack = Ack(ignored: true) };
    }

    private Ack Ack(bool ignored) => new()
    {
        Recipient = delivery.Recipient,
        Epoch = delivery.Epoch,
        Position = delivery.Position,
        Round = delivery.Round,
        Ignored = ignored,
    };

    private Nack Nack(ParleyException failure) => new()
    {
        Recipient = delivery.Recipient,
        Epoch = delivery.Epoch,
        Position = delivery.Position,
        Round = delivery.Round,
        Error = failure.ToWire(),
    };

    private async Task SettleAsync(Message settlement)
    {
        var budget = CallBudget.Of(null, context.Options.DefaultTimeout, null, context.Options.TimeProvider);
        try
        {
            var answer = new PendingAnswer($"The result of event {delivery.EventId}", budget);
            await context.Session.AskAsync(settlement, answer, null, CancellationToken.None).ConfigureAwait(false);
        }
        catch (ParleyException e)
        {
            DistributedLog.SettlementRefused(context.Logger, delivery.EventId, hosted.Id, e.ReasonName, e.Message);
        }
    }

    private DeadlineExceededException TooLong(TimeSpan limit, Exception cause) =>
        new($"The handler of {hosted.Id} ran for more than {limit}, the limit for events.", cause);
}
