namespace Parley;

/// <summary>How one event is published.</summary>
public sealed record PublishOptions
{
    /// <summary>Publishes at once even in the handler of an effectively-once agent; no difference for others (STA-6).</summary>
    public bool Immediate { get; init; }

    /// <summary>Not stored: delivered at most once, to agents that are hosted now (PUB-7).</summary>
    public bool Ephemeral { get; init; }

    /// <summary>
    /// Names the message in logs and in <see cref="MessageContext.MessageId"/>, at most 255 bytes; null: a new one. Giving the same again within
    /// two minutes, on the same topic, means the same event: it is not stored twice (PUB-5).
    /// </summary>
    public string? MessageId { get; init; }

    /// <summary>The agent that publishes; <see cref="RoutedAgent"/> sets it. It must be hosted by the runtime.</summary>
    public AgentId? Sender { get; init; }
}
