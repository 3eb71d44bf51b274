using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Reflection;

namespace Parley;

/// <summary>One agent type as this process hosts it: made by a factory, or pinned instances.</summary>
internal sealed class AgentRegistration
{
    private AgentRegistration(string type, RegisterOptions options, AgentMode mode, int concurrency, TimeSpan idleTimeout, Func<ValueTask<IAgent>>? factory)
    {
        (Type, AgentClass, Mode, Concurrency, IdleTimeout, Factory) = (Names.CheckAgentType(type), options.AgentClass, mode, concurrency, idleTimeout, factory);
        KeepsState = mode != AgentMode.Stateless && OverridesSaving(options.AgentClass);
    }

    public string Type { get; }

    /// <summary>The agents' class, as far as it is known before one is made.</summary>
    public Type? AgentClass { get; }

    public AgentMode Mode { get; }

    public int Concurrency { get; }

    /// <summary>Whether its agents have a state to save: their class has a <c>SaveStateAsync</c> of its own (STA-2).</summary>
    public bool KeepsState { get; }

    /// <summary>Whether its agents run one message at a time and commit it (STA-4).</summary>
    public bool IsEffectivelyOnce => Mode == AgentMode.EffectivelyOnce;

    /// <summary>After so long without a message an agent that keeps state leaves; zero: never (AGT-7).</summary>
    public TimeSpan IdleTimeout { get; }

    /// <summary>Makes agents; null when the type has pinned instances only.</summary>
    public Func<ValueTask<IAgent>>? Factory { get; }

    /// <summary>The pinned agents by key; empty when a factory makes them.</summary>
    public ConcurrentDictionary<string, IAgent> Pinned { get; } = new();

    /// <exception cref="InvalidArgumentException">A setting is not allowed.</exception>
    public static AgentRegistration Create(string type, RegisterOptions options, Func<ValueTask<IAgent>>? factory)
    {
        var attribute = options.AgentClass?.GetCustomAttribute<AgentAttribute>();
        var mode = options.Mode ?? attribute?.Mode ?? AgentMode.Standard;
        var concurrency = options.Concurrency ?? attribute?.Concurrency ?? 1;
        var idle = options.IdleTimeout ?? TimeSpan.FromSeconds(attribute?.IdleTimeoutSeconds ?? 0);
        return mode switch
        {
            AgentMode.EffectivelyOnce when concurrency != 1 => throw new InvalidArgumentException(
                $"The concurrency {concurrency} of '{type}' is not allowed; an effectively-once agent handles one message at a time."),
            _ when idle < TimeSpan.Zero || idle > CallBudget.Longest => throw new InvalidArgumentException(
                $"The idle timeout {idle} of '{type}' is not allowed; it is zero, for never, up to {CallBudget.Longest}."),
            AgentMode.Stateless when factory is null => throw new InvalidArgumentException(
                $"The agent type '{type}' cannot be stateless and pinned to an instance."),
            _ when concurrency < 1 => throw new InvalidArgumentException($"The concurrency {concurrency} of '{type}' is not allowed; it is 1 or more."),
            _ => new AgentRegistration(type, options, mode, concurrency, idle, factory),
        };
    }

    private static bool OverridesSaving([DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicMethods)] Type? agentClass) =>
        typeof(RoutedAgent).IsAssignableFrom(agentClass)
        && agentClass.GetMethod(nameof(IAgent.SaveStateAsync), System.Type.EmptyTypes) is { } save && save.DeclaringType != typeof(RoutedAgent);

    /// <summary>The subscriptions that come with the registration.</summary>
    public static IEnumerable<Subscription> SubscriptionsOf(string type, RegisterOptions options)
    {
        if (!options.SkipDirectMessageSubscription)
        {
            yield return new TypePrefixSubscription($"{type}:", type, IsDurable: false);
        }

        var attributes = options.SkipClassSubscriptions ? null : options.AgentClass?.GetCustomAttributes<TypeSubscriptionAttribute>();
        foreach (var attribute in attributes ?? [])
        {
            yield return attribute.IsPrefix
                ? new TypePrefixSubscription(attribute.TopicType, type)
                : new TypeSubscription(attribute.TopicType, type);
        }
    }
}
