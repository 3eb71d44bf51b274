using Parley.Wire.V1;

namespace Parley;

/// <summary>A message on its way out.</summary>
/// <param name="Message">The message.</param>
/// <param name="Answer">Who waits for the answer, if anybody does.</param>
internal readonly record struct Outgoing(Message Message, PendingAnswer? Answer = null)
{
    /// <summary>Whether the message has a number of its own in its session (SES-7).</summary>
    public bool IsNumbered => Message.KindCase is not (Message.KindOneofCase.Hello or Message.KindOneofCase.Heartbeat);
}
