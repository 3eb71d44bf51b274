using System.Collections.Concurrent;
using System.Reflection;

namespace Parley;

/// <summary>One agent type as this process hosts it: made by a factory, or pinned instances.</summary>
internal sealed class AgentRegistration
{
    private AgentRegistration(string type, Type? agentClass, AgentMode mode, int concurrency, Func<ValueTask<IAgent>>? factory) =>
        (Type, AgentClass, Mode, Concurrency, Factory) = (Names.CheckAgentType(type), agentClass, mode, concurrency, factory);

    public string Type { get; }

    /// <summary>The agents' class, as far as it is known before one is made.</summary>
    public Type? AgentClass { get; }

    public AgentMode Mode { get; }

    public int Concurrency { get; }

    /// <summary>Makes agents; null when the type has pinned instances only.</summary>
    public Func<ValueTask<IAgent>>? Factory { get; }

    /// <summary>The pinned agents by key; empty when a factory makes them.</summary>
    public ConcurrentDictionary<string, IAgent> Pinned { get; } = new();

    /// <exception cref="InvalidArgumentException">A setting is not allowed.</exception>
    /// <exception cref="NotSupportedException">The mode is not available.</exception>
    public static AgentRegistration Create(string type, RegisterOptions options, Func<ValueTask<IAgent>>? factory)
    {
        var attribute = options.AgentClass?.GetCustomAttribute<AgentAttribute>();
        var mode = options.Mode ?? attribute?.Mode ?? AgentMode.Standard;
        var concurrency = options.Concurrency ?? attribute?.Concurrency ?? 1;
        return mode switch
        {
            AgentMode.EffectivelyOnce => throw new NotSupportedException(
                $"The agent type '{type}' asks for the mode effectively-once, which this version does not have; use standard or stateless."),
            AgentMode.Stateless when factory is null => throw new InvalidArgumentException(
                $"The agent type '{type}' cannot be stateless and pinned to an instance."),
            _ when concurrency < 1 => throw new InvalidArgumentException($"The concurrency {concurrency} of '{type}' is not allowed; it is 1 or more."),
            _ => new AgentRegistration(type, options.AgentClass, mode, concurrency, factory),
        };
    }

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
