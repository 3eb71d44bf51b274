namespace Parley;

/// <summary>What a handler is told about the message that it handles.</summary>
/// <param name="Sender">The agent that sent it; null when no agent did.</param>
/// <param name="TopicId">The event's topic; null for a call.</param>
/// <param name="IsRpc">True for a call, false for an event.</param>
/// <param name="MessageId">Names the message; chosen by its sender.</param>
/// <param name="CancellationToken">Fires when the caller cancels, at the deadline, and when the runtime is torn down.</param>
public sealed record MessageContext(
    AgentId? Sender,
    TopicId? TopicId,
    bool IsRpc,
    string MessageId,
    CancellationToken CancellationToken)
{
    /// <summary>1 on the first dispatch of this message, then growing.</summary>
    public int Attempt { get; init; } = 1;

    /// <summary>What is left until the call's deadline now; null for an event.</summary>
    public TimeSpan? Remaining => Deadline?.Remaining;

    /// <summary>When the call's time is up; null for an event.</summary>
    internal Deadline? Deadline { get; init; }
}
