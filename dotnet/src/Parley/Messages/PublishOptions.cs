namespace Parley;

/// <summary>How one event is published.</summary>
public sealed record PublishOptions
{
    /// <summary>Publishes at once even in the handler of an effectively-once agent; no difference for others (STA-6).</summary>
    public bool Immediate { get; init; }

    /// <summary>Not stored: delivered at most once, to agents that are hosted now (PUB-7).</summary>
    public bool Ephemeral { get; init; }

    /// <summary>Names the message in logs and in <see cref="MessageContext.MessageId"/>; null: a new one.</summary>
    public string? MessageId { get; init; }

    /// <summary>The application's own id against duplicates, at most 255 bytes; null: none (PUB-5).</summary>
    public string? EventId { get; init; }

    /// <summary>The agent that publishes; <see cref="RoutedAgent"/> sets it. It must be hosted by the runtime.</summary>
    public AgentId? Sender { get; init; }
}
