using Parley.Wire.V1;

namespace Parley;

/// <summary>A message on its way out.</summary>
/// <param name="Message">The message; null: only write what there is to say about receipts and credit.</param>
/// <param name="Deadline">When the call's time is up; what remains is written with it (MSG-9).</param>
/// <param name="Answer">Who waits for the answer, if anybody does.</param>
internal readonly record struct Outgoing(Message? Message, Deadline? Deadline = null, PendingAnswer? Answer = null);
