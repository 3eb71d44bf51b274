namespace Parley;

/// <summary>How the agents of a class are run.</summary>
[AttributeUsage(AttributeTargets.Class)]
public sealed class AgentAttribute : Attribute
{
    /// <summary>The mode; <see cref="AgentMode.Standard"/> if not set.</summary>
    public AgentMode Mode { get; init; }

    /// <summary>Events that one agent may handle at once, at their awaits; 1 if not set: in order.</summary>
    public int Concurrency { get; init; } = 1;

    /// <summary>
    /// After so many seconds without a message an agent that keeps state is saved and leaves memory; the next message makes it anew.
    /// 0 if not set: never (AGT-7).
    /// </summary>
    public double IdleTimeoutSeconds { get; init; }
}
