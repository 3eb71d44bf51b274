namespace Parley;

/// <summary>How one call is made.</summary>
public sealed record SendOptions
{
    /// <summary>How long the call may take; null: the runtime's default. A nested call has no more than its outer call has left.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>Waits for a host of the agent type, until the deadline, instead of failing with NO_RESPONDERS (RPC-5).</summary>
    public bool WaitForReady { get; init; }

    /// <summary>
    /// Calls of one agent with equal keys run once: a second one joins the first, or gets its result again for 10 minutes. At most 255 bytes;
    /// the message must be the same. Such a call is sent again when a session is lost (RPC-8).
    /// </summary>
    public string? IdempotencyKey { get; init; }

    /// <summary>Names the message in logs and in <see cref="MessageContext.MessageId"/>; null: a new one.</summary>
    public string? MessageId { get; init; }

    /// <summary>The agent that calls; <see cref="RoutedAgent"/> sets it. It must be hosted by the runtime.</summary>
    public AgentId? Sender { get; init; }
}
