using Parley.Wire.V1;

namespace Parley;

/// <summary>The one Ack or Nack that settles a delivery (DLV-2).</summary>
internal static class Settlement
{
    public static Message Ack(Delivery delivery, bool ignored, Commit? commit = null) => new()
    {
        Ack = new Ack
        {
            Recipient = delivery.Recipient,
            Epoch = delivery.Epoch,
            Position = delivery.Position,
            Round = delivery.Round,
            Ignored = ignored,
            Commit = commit,
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

    /// <summary>The result on its way to the broker.</summary>
    /// <param name="context">For its settings.</param>
    /// <param name="eventId">Of which event.</param>
    /// <param name="settlement">The result.</param>
    /// <param name="answered">Called on the reading loop when the broker has answered.</param>
    public static PendingAnswer Pending(DispatchContext context, string eventId, Message settlement, Action<Message>? answered = null)
    {
        var budget = CallBudget.Of(null, context.Options.DefaultTimeout, null, context.Options.TimeProvider);
        return new PendingSettlement(eventId, budget, settlement) { Answered = answered };
    }
}
