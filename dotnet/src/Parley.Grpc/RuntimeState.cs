namespace Parley;

/// <summary>How a <see cref="DistributedRuntime"/> stands with its broker.</summary>
public enum RuntimeState
{
    /// <summary>Connected, and the broker knows this process's agents.</summary>
    Connected,

    /// <summary>The connection broke, another one is sought. Within the session's grace nothing is lost: what runs goes on, what is sent waits.</summary>
    Reconnecting,

    /// <summary>Connected again, in the same session.</summary>
    Resumed,

    /// <summary>The session is over and a new one is sought: outstanding calls have ended, with OUTCOME_UNKNOWN unless they have an idempotency key.</summary>
    Lost,

    /// <summary>This process, or the broker, is about to go: what runs finishes, nothing new comes.</summary>
    Draining,

    /// <summary>The runtime was stopped.</summary>
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
