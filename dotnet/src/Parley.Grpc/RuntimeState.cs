namespace Parley;

/// <summary>How a <see cref="DistributedRuntime"/> stands with its broker.</summary>
public enum RuntimeState
{
    /// <summary>Connected.</summary>
    Connected,

    /// <summary>This process, or the broker, is about to go: what runs finishes, nothing new comes.</summary>
    Draining,

    /// <summary>The connection was lost; the runtime has ended.</summary>
    Lost,

    /// <summary>The runtime was stopped in order.</summary>
    Closed,
}

/// <summary>Says that the state of a runtime changed.</summary>
/// <param name="state">The new state.</param>
/// <param name="reason">For people; may be empty.</param>
public sealed class RuntimeStateChangedEventArgs(RuntimeState state, string reason) : EventArgs
{
    /// <summary>The new state.</summary>
    public RuntimeState State { get; } = state;

    /// <summary>For people; may be empty.</summary>
    public string Reason { get; } = reason;
}
