using Microsoft.Extensions.Logging;

namespace Parley;

/// <summary>What this package logs; never a payload.</summary>
internal static partial class DistributedLog
{
    [LoggerMessage(101, LogLevel.Information, "Connected to {Address} as {InstanceId}: session {SessionId}, resumed {Resumed}, broker {Broker}")]
    public static partial void Connected(ILogger logger, string address, string instanceId, string sessionId, bool resumed, string broker);

    [LoggerMessage(102, LogLevel.Debug, "No connection to {Address}: {Why}")]
    public static partial void ConnectFailed(ILogger logger, string address, string why);

    [LoggerMessage(103, LogLevel.Warning, "The connection to the broker was lost: {Why}")]
    public static partial void ConnectionLost(ILogger logger, string why);

    [LoggerMessage(109, LogLevel.Error, "The session is over: {Why}")]
    public static partial void SessionLost(ILogger logger, string why);

    [LoggerMessage(104, LogLevel.Error, "The connection failed while {What}")]
    public static partial void LoopFailed(ILogger logger, string what, Exception cause);

    [LoggerMessage(105, LogLevel.Information, "Draining: {Why}")]
    public static partial void Draining(ILogger logger, string why);

    [LoggerMessage(106, LogLevel.Warning, "Stopped after {Timeout} with handlers still running; they were cancelled")]
    public static partial void DrainTimedOut(ILogger logger, TimeSpan timeout);

    [LoggerMessage(107, LogLevel.Information, "Stopped")]
    public static partial void Stopped(ILogger logger);

    [LoggerMessage(108, LogLevel.Error, "A handler of StateChanged raised when the state became {State}")]
    public static partial void StateHandlerFailed(ILogger logger, RuntimeState state, Exception cause);

    [LoggerMessage(110, LogLevel.Information, "Hosting agent type {AgentType}, mode {Mode}")]
    public static partial void Registered(ILogger logger, string agentType, AgentMode mode);

    [LoggerMessage(113, LogLevel.Error, "The broker refused '{What}' in a new session: {Reason} {Text}")]
    public static partial void RejoinRefused(ILogger logger, string what, string reason, string text);

    [LoggerMessage(114, LogLevel.Warning, "Agent {Agent} is no longer this process's: it was placed elsewhere since")]
    public static partial void ClaimRefused(ILogger logger, AgentId agent);

    [LoggerMessage(111, LogLevel.Error, "Agent {Agent} could not be activated")]
    public static partial void ActivationFailed(ILogger logger, AgentId agent, Exception cause);

    [LoggerMessage(112, LogLevel.Warning, "Agent {Agent} failed when it was disposed")]
    public static partial void DisposeFailed(ILogger logger, AgentId agent, Exception cause);

    [LoggerMessage(115, LogLevel.Warning, "The broker did not store the state of {Agent}: {Reason} {Text}")]
    public static partial void CommitRefused(ILogger logger, AgentId agent, string reason, string text);

    [LoggerMessage(116, LogLevel.Error, "The state of {Agent} could not be saved")]
    public static partial void SaveFailed(ILogger logger, AgentId agent, Exception cause);

    [LoggerMessage(120, LogLevel.Warning, "A call to {Agent} failed: {Reason}")]
    public static partial void CallFailed(ILogger logger, AgentId agent, string reason, Exception cause);

    [LoggerMessage(121, LogLevel.Error, "Event {EventId} of {Topic} failed in {Agent}, attempt {Attempt}: {Reason}")]
    public static partial void EventFailed(ILogger logger, string eventId, TopicId topic, AgentId agent, int attempt, string reason, Exception cause);

    [LoggerMessage(122, LogLevel.Debug, "Event {EventId} of {Topic} ignored by {Agent}: {Text}")]
    public static partial void EventIgnored(ILogger logger, string eventId, TopicId topic, AgentId agent, string text);

    [LoggerMessage(123, LogLevel.Warning, "The broker did not take the result of event {EventId} in {Agent}: {Reason} {Text}")]
    public static partial void SettlementRefused(ILogger logger, string eventId, AgentId agent, string reason, string text);

    [LoggerMessage(124, LogLevel.Warning, "A message of kind {Kind} from the broker was dropped: {Why}")]
    public static partial void MessageDropped(ILogger logger, string kind, string why);
}
