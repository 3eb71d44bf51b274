using Microsoft.Extensions.Logging;

namespace Parley;

/// <summary>What this package logs; never a payload.</summary>
internal static partial class Log
{
    [LoggerMessage(1, LogLevel.Error, "Event {MessageId} of {Topic} failed in {Agent}: {Reason}")]
    public static partial void EventFailed(ILogger logger, string messageId, TopicId topic, AgentId agent, string reason, Exception cause);

    [LoggerMessage(2, LogLevel.Debug, "Event {MessageId} of {Topic} ignored by {Agent}: {Text}")]
    public static partial void EventIgnored(ILogger logger, string messageId, TopicId topic, AgentId agent, string text);

    [LoggerMessage(3, LogLevel.Warning, "Nobody subscribes to {Topic}: the event reached no agent ({Suppressed} more such events since the last warning)")]
    public static partial void NoRecipients(ILogger logger, TopicId topic, long suppressed);

    [LoggerMessage(4, LogLevel.Warning, "Agent {Agent} failed when it was disposed")]
    public static partial void DisposeFailed(ILogger logger, AgentId agent, Exception cause);

    [LoggerMessage(5, LogLevel.Information, "{Signal} received: stopping")]
    public static partial void SignalReceived(ILogger logger, string signal);

    [LoggerMessage(6, LogLevel.Warning, "Stopped after {Timeout} with handlers still running; they were cancelled")]
    public static partial void DrainTimedOut(ILogger logger, TimeSpan timeout);

    [LoggerMessage(7, LogLevel.Warning, "A handler of {Agent} has been running for {Seconds} s and keeps the agent's other events waiting")]
    public static partial void AgentBlocked(ILogger logger, AgentId agent, long seconds);

    [LoggerMessage(8, LogLevel.Error, "A callback that a handler of {Agent} registered with its token raised when the token fired")]
    public static partial void CallbackFailed(ILogger logger, AgentId agent, Exception cause);

    [LoggerMessage(9, LogLevel.Error, "Stopping failed")]
    public static partial void StopFailed(ILogger logger, Exception cause);
}
