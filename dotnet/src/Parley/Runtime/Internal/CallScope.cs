namespace Parley;

/// <summary>The handler that the current flow of execution belongs to; calls made in it are nested ones.</summary>
/// <param name="Agent">Whose handler.</param>
/// <param name="Epoch">The epoch of its placement; 0 where there is none.</param>
/// <param name="Chain">The agents that would wait for a nested call, outermost first, this one last (RPC-10).</param>
/// <param name="Deadline">When the handler's own call ends; null for events.</param>
internal sealed record CallScope(AgentId Agent, ulong Epoch, IReadOnlyList<AgentId> Chain, Deadline? Deadline)
{
    /// <summary>Where publishes wait for the commit; null: they leave at once (STA-6).</summary>
    public HeldPublishes? Held { get; init; }

    /// <summary>Where a publish of that sender waits for the commit; null: it leaves at once.</summary>
    public HeldPublishes? HeldFor(AgentId? sender, bool immediate) => immediate || (sender is { } other && other != Agent) ? null : Held;

    /// <summary>The most agents that may wait in a chain, the called one included.</summary>
    public const int MaxDepth = 32;

    private static readonly AsyncLocal<CallScope?> Ambient = new();

    /// <summary>The scope of this flow, or null outside of handlers.</summary>
    public static CallScope? Current => Ambient.Value;

    /// <summary>Sets the scope for the rest of the calling async method.</summary>
    public static void Enter(CallScope? scope) => Ambient.Value = scope;

    /// <summary>The chain of a call made now; empty for a root one.</summary>
    /// <exception cref="ResourceExhaustedException">It would be too deep.</exception>
    public static IReadOnlyList<AgentId> ChainOfNewCall()
    {
        var chain = Ambient.Value?.Chain ?? [];
        return chain.Count < MaxDepth ? chain : throw new ResourceExhaustedException(
            $"The call would be {chain.Count + 1} deep; at most {MaxDepth} agents may wait for each other.")
        {
            IsRetryable = false,
            Details = new Dictionary<string, string> { ["depth"] = $"{chain.Count + 1}", ["limit"] = $"{MaxDepth}" },
        };
    }
}
