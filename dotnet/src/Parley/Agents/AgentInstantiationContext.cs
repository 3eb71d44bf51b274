using Microsoft.Extensions.Logging;

namespace Parley;

/// <summary>What a factory, and the constructor that it runs, may know of the agent being made.</summary>
public static class AgentInstantiationContext
{
    private static readonly AsyncLocal<Scope?> Ambient = new();

    /// <summary>True while a runtime's factory runs.</summary>
    public static bool IsActive => Ambient.Value is not null;

    /// <summary>The id of the agent being made.</summary>
    /// <exception cref="InvalidOperationException">No factory of a runtime is running.</exception>
    public static AgentId AgentId => Current.Id;

    /// <summary>The runtime that makes it.</summary>
    /// <exception cref="InvalidOperationException">No factory of a runtime is running.</exception>
    public static IAgentRuntime Runtime => Current.Runtime;

    /// <summary>Disposes something of the agent's own, e.g. a scope of dependency injection, after the agent itself.</summary>
    /// <param name="resource">What to dispose.</param>
    /// <exception cref="InvalidOperationException">No factory of a runtime is running.</exception>
    public static void DisposeWithAgent(IAsyncDisposable resource) => Current.Resources.Add(resource);

    internal static Scope? CurrentOrNull => Ambient.Value;

    private static Scope Current =>
        Ambient.Value ?? throw new InvalidOperationException("No agent is being made: this is known only inside a factory that a runtime runs.");

    /// <summary>Sets the scope for the rest of the calling async method.</summary>
    internal static void Enter(Scope scope) => Ambient.Value = scope;

    internal sealed record Scope(AgentId Id, IAgentRuntime Runtime, ILogger Logger, SerializationRegistry Messages)
    {
        public List<IAsyncDisposable> Resources { get; } = [];
    }
}
