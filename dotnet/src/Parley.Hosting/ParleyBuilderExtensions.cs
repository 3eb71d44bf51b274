using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.DependencyInjection;

namespace Parley;

/// <summary>What a hosted runtime hosts.</summary>
public static class ParleyBuilderExtensions
{
    /// <summary>Hosts agents of a class; each is made with services of a scope of its own, which ends with the agent.</summary>
    /// <typeparam name="TAgent">The agent class.</typeparam>
    /// <param name="builder">The runtime.</param>
    /// <param name="type">The agent type; rules as for <see cref="AgentId.Type"/>.</param>
    /// <param name="options">What differs from the attributes; null: nothing.</param>
    public static IParleyBuilder AddAgent<
        [DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.AllMethods | DynamicallyAccessedMemberTypes.PublicConstructors)] TAgent>(
        this IParleyBuilder builder, string type, RegisterOptions? options = null)
        where TAgent : RoutedAgent => builder.AddAgent(type, static provider => ActivatorUtilities.CreateInstance<TAgent>(provider), options);

    /// <summary>Hosts agents that a factory makes with services of a scope of its own, which ends with the agent.</summary>
    /// <typeparam name="TAgent">The agent class.</typeparam>
    /// <param name="builder">The runtime.</param>
    /// <param name="type">The agent type; rules as for <see cref="AgentId.Type"/>.</param>
    /// <param name="factory">Makes one agent.</param>
    /// <param name="options">What differs from the attributes; null: nothing.</param>
    public static IParleyBuilder AddAgent<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.AllMethods)] TAgent>(
        this IParleyBuilder builder, string type, Func<IServiceProvider, TAgent> factory, RegisterOptions? options = null)
        where TAgent : RoutedAgent
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(factory);
        return builder.Configure((provider, runtime) => RoutedAgent.RegisterAsync(runtime, type, () => Make(provider, factory), options));
    }

    /// <summary>Adds a subscription beside those of the agents' attributes.</summary>
    /// <param name="builder">The runtime.</param>
    /// <param name="subscription">The subscription.</param>
    public static IParleyBuilder AddSubscription(this IParleyBuilder builder, Subscription subscription)
    {
        ArgumentNullException.ThrowIfNull(builder);
        return builder.Configure((_, runtime) => runtime.AddSubscriptionAsync(subscription));
    }

    /// <summary>Does something with the runtime after it has connected and before it starts, e.g. adds a serializer.</summary>
    /// <param name="builder">The runtime.</param>
    /// <param name="configure">What to do.</param>
    public static IParleyBuilder Configure(this IParleyBuilder builder, Func<IServiceProvider, IAgentRuntime, Task> configure)
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.Services.AddSingleton(new RuntimeSetup(configure));
        return builder;
    }

    private static TAgent Make<TAgent>(IServiceProvider provider, Func<IServiceProvider, TAgent> factory)
    {
        var scope = provider.CreateAsyncScope();
        AgentInstantiationContext.DisposeWithAgent(scope);
        return factory(scope.ServiceProvider);
    }
}

/// <summary>A step between connecting and starting.</summary>
internal sealed record RuntimeSetup(Func<IServiceProvider, IAgentRuntime, Task> RunAsync);
