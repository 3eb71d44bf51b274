using System.Diagnostics.CodeAnalysis;

namespace Parley;

public abstract partial class RoutedAgent
{
    /// <summary>Registers an agent class under a type name, with the subscriptions of its attributes.</summary>
    /// <typeparam name="TAgent">The agent class; taken from the factory.</typeparam>
    /// <param name="runtime">Where its agents are to live.</param>
    /// <param name="type">The agent type; rules as for <see cref="AgentId.Type"/>.</param>
    /// <param name="factory">Makes one agent; runs once for each agent that is placed here.</param>
    /// <param name="options">What differs from the attributes; null: nothing.</param>
    public static Task<AgentType> RegisterAsync<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.AllMethods)] TAgent>(
        IAgentRuntime runtime, string type, Func<TAgent> factory, RegisterOptions? options = null)
        where TAgent : RoutedAgent
    {
        ArgumentNullException.ThrowIfNull(factory);
        return RegisterCoreAsync<TAgent>(runtime, type, () => new ValueTask<IAgent>(factory()), options);
    }

    /// <summary>Registers an agent class whose agents are made asynchronously.</summary>
    /// <typeparam name="TAgent">The agent class; taken from the factory.</typeparam>
    /// <param name="runtime">Where its agents are to live.</param>
    /// <param name="type">The agent type; rules as for <see cref="AgentId.Type"/>.</param>
    /// <param name="factory">Makes one agent; runs once for each agent that is placed here.</param>
    /// <param name="options">What differs from the attributes; null: nothing.</param>
    public static Task<AgentType> RegisterAsync<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.AllMethods)] TAgent>(
        IAgentRuntime runtime, string type, Func<Task<TAgent>> factory, RegisterOptions? options = null)
        where TAgent : RoutedAgent
    {
        ArgumentNullException.ThrowIfNull(factory);
        return RegisterCoreAsync<TAgent>(runtime, type, async () => await factory().ConfigureAwait(false), options);
    }

    private static Task<AgentType> RegisterCoreAsync<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.AllMethods)] TAgent>(
        IAgentRuntime runtime, string type, Func<ValueTask<IAgent>> factory, RegisterOptions? options)
    {
        ArgumentNullException.ThrowIfNull(runtime);
        return runtime.RegisterAgentFactoryAsync(type, factory, (options ?? new RegisterOptions()) with { AgentClass = typeof(TAgent) });
    }
}
