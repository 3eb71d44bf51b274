using System.Diagnostics.CodeAnalysis;

namespace Parley;

/// <summary>How an agent type is registered.</summary>
public sealed record RegisterOptions
{
    /// <summary>The agents' class: its attributes and handlers are read; <see cref="RoutedAgent"/> sets it. Null: nothing is known of it.</summary>
    [DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.AllMethods)]
    public Type? AgentClass { get; init; }

    /// <summary>The mode; null: as <see cref="AgentAttribute"/> says, else <see cref="AgentMode.Standard"/>.</summary>
    public AgentMode? Mode { get; init; }

    /// <summary>Events that one agent may handle at once; null: as <see cref="AgentAttribute"/> says, else 1.</summary>
    public int? Concurrency { get; init; }

    /// <summary>
    /// After so long without a message an agent that keeps state is saved and leaves memory; the next message makes it anew. Null: as
    /// <see cref="AgentAttribute"/> says, else never (AGT-7).
    /// </summary>
    public TimeSpan? IdleTimeout { get; init; }

    /// <summary>Leaves out the subscriptions of the class's <see cref="TypeSubscriptionAttribute"/>s.</summary>
    public bool SkipClassSubscriptions { get; init; }

    /// <summary>Leaves out the subscription of the agent type to topic types that begin with its own name and ':'.</summary>
    public bool SkipDirectMessageSubscription { get; init; }
}
