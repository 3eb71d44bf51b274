using Parley.Wire.V1;

namespace Parley;

/// <summary>The one Ack or Nack that settles a delivery (DLV-2).</summary>
internal static class Settlement
{
    public static Message Ack(Delivery delivery, bool ignored) => new()
    {
        Ack = new Ack
        {
            Recipient = delivery.Recipient,
            Epoch = delivery.Epoch,
            Position = delivery.Position,
            Round = delivery.Round,
            Ignored = ignored,
        },
    };

    public static Message Nack(Delivery delivery, ParleyException failure) => new()
    {
        Nack = new Nack
        {
            Recipient = delivery.Recipient,
            Epoch = delivery.Epoch,
            Position = delivery.Position,
            Round = delivery.Round,
            Error = failure.ToWire(),
        },
    };

    /// <summary>Sends it and waits for the answer; a refusal is logged.</summary>
    /// <param name="context">How.</param>
    /// <param name="session">To which the delivery belongs.</param>
    /// <param name="recipient">Whose result.</param>
    /// <param name="eventId">Of which event.</param>
    /// <param name="settlement">The result.</param>
    /// <param name="answered">Called on the reading loop when the broker has answered.</param>
    public static async Task SendAsync(
        DispatchContext context, Session session, AgentId recipient, string eventId, Message settlement, Action<Message>? answered = null)
    {
        var budget = CallBudget.Of(null, context.Options.DefaultTimeout, null, context.Options.TimeProvider);
        try
        {
            var answer = new PendingAnswer($"The result of event {eventId}", budget, settlement) { Answered = answered };
            await session.AskAsync(answer, CancellationToken.None).ConfigureAwait(false);
        }
        catch (ParleyException e)
        {
            DistributedLog.SettlementRefused(context.Logger, eventId, recipient, e.ReasonName, e.Message);
        }
    }
}
