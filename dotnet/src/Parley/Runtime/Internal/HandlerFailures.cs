namespace Parley;

/// <summary>What the outside is told when a handler or a factory fails.</summary>
internal static class HandlerFailures
{
    /// <summary>The outcome of a message whose handler raised (RPC-6).</summary>
    /// <param name="cause">What it raised.</param>
    /// <param name="agent">Whose handler.</param>
    /// <param name="message">The message.</param>
    /// <param name="token">The handler's token.</param>
    public static ParleyException Of(Exception cause, AgentId agent, object? message, CancellationToken token) => cause switch
    {
        UnhandledMessageException unhandled when message is not null && unhandled.IsAbout(message) => unhandled,
        OperationCanceledException when token.IsCancellationRequested =>
            new CallCancelledException($"The handler of {agent} was cancelled."),
        // The handler waited with all the time that it had.
        DeadlineExceededException { IsOfOuterCall: true } => new DeadlineExceededException($"The time of the call to {agent} is up.", cause),
        _ => Failed(cause, agent),
    };

    /// <summary>The outcome of messages to an agent that could not be made (AGT-6).</summary>
    public static ActivationFailedException NotActivated(Exception cause, AgentId agent) =>
        new($"The agent {agent} could not be made: {cause.GetType().FullName}: {cause.Message}", cause)
        {
            Details = new Dictionary<string, string> { ["agent"] = agent.ToString() },
        };

    private static HandlerFailedException Failed(Exception cause, AgentId agent)
    {
        var type = cause.GetType().FullName ?? cause.GetType().Name;
        return new HandlerFailedException($"The handler of {agent} raised {type}: {cause.Message}", cause)
        {
            Details = new Dictionary<string, string>
            {
                ["agent"] = agent.ToString(),
                ["exception_type"] = type,
                ["exception_message"] = cause.Message,
            },
        };
    }
}
