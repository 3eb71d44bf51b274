namespace Parley;

/// <summary>The message could not be handed to anybody.</summary>
public abstract class UndeliverableException : ParleyException
{
    private protected UndeliverableException(ErrorReason reason, string message, Exception? innerException)
        : base(reason, message, innerException)
    {
    }
}

/// <summary>The message arrived, but the receiver cannot do anything with it.</summary>
public abstract class CantHandleException : ParleyException
{
    private protected CantHandleException(ErrorReason reason, string message, Exception? innerException)
        : base(reason, message, innerException)
    {
    }
}

/// <summary>A field is malformed or not allowed there.</summary>
/// <param name="message">For people: what was wrong and what was allowed.</param>
/// <param name="innerException">What caused it, or null.</param>
public sealed class InvalidArgumentException(string message, Exception? innerException = null)
    : ParleyException(ErrorReason.InvalidArgument, message, innerException);

/// <summary>No or wrong credentials.</summary>
/// <param name="message">For people: what was wrong and what was allowed.</param>
/// <param name="innerException">What caused it, or null.</param>
public sealed class UnauthenticatedException(string message, Exception? innerException = null)
    : ParleyException(ErrorReason.Unauthenticated, message, innerException);

/// <summary>The principal may not, or the sender is not hosted by the session.</summary>
/// <param name="message">For people: what was wrong and what was allowed.</param>
/// <param name="innerException">What caused it, or null.</param>
public sealed class PermissionDeniedException(string message, Exception? innerException = null)
    : ParleyException(ErrorReason.PermissionDenied, message, innerException);

/// <summary>Client and broker have no protocol version in common.</summary>
/// <param name="message">For people: what was wrong and what was allowed.</param>
/// <param name="innerException">What caused it, or null.</param>
public sealed class ProtocolVersionUnsupportedException(string message, Exception? innerException = null)
    : ParleyException(ErrorReason.ProtocolVersionUnsupported, message, innerException);

/// <summary>The session is over.</summary>
/// <param name="message">For people: what was wrong and what was allowed.</param>
/// <param name="innerException">What caused it, or null.</param>
public sealed class SessionExpiredException(string message, Exception? innerException = null)
    : ParleyException(ErrorReason.SessionExpired, message, innerException);

/// <summary>What the command names is not there.</summary>
/// <param name="message">For people: what was wrong and what was allowed.</param>
/// <param name="innerException">What caused it, or null.</param>
public sealed class NotFoundException(string message, Exception? innerException = null)
    : ParleyException(ErrorReason.NotFound, message, innerException);

/// <summary>What the command makes is there, by another.</summary>
/// <param name="message">For people: what was wrong and what was allowed.</param>
/// <param name="innerException">What caused it, or null.</param>
public sealed class AlreadyExistsException(string message, Exception? innerException = null)
    : ParleyException(ErrorReason.AlreadyExists, message, innerException);

/// <summary>No live session hosts the agent type.</summary>
/// <param name="message">For people: what was wrong and what was allowed.</param>
/// <param name="innerException">What caused it, or null.</param>
public sealed class NoRespondersException(string message, Exception? innerException = null)
    : UndeliverableException(ErrorReason.NoResponders, message, innerException);

/// <summary>The receiver has no serializer for the type name.</summary>
/// <param name="message">For people: what was wrong and what was allowed.</param>
/// <param name="innerException">What caused it, or null.</param>
public sealed class UnknownMessageTypeException(string message, Exception? innerException = null)
    : CantHandleException(ErrorReason.UnknownMessageType, message, innerException);

/// <summary>The agent has no handler for the message type.</summary>
/// <param name="message">For people: what was wrong and what was allowed.</param>
/// <param name="innerException">What caused it, or null.</param>
public sealed class UnhandledMessageException(string message, Exception? innerException = null)
    : CantHandleException(ErrorReason.UnhandledMessage, message, innerException)
{
    private object? _unhandled;

    /// <summary>What an agent raises for a message that it does not handle.</summary>
    /// <param name="unhandled">The message.</param>
    /// <param name="agent">The agent.</param>
    /// <param name="isRpc">Whether it came as a call.</param>
    /// <param name="understood">The wire names that the agent handles.</param>
    public static UnhandledMessageException For(object unhandled, AgentId agent, bool isRpc, IReadOnlyCollection<string> understood)
    {
        ArgumentNullException.ThrowIfNull(unhandled);
        ArgumentNullException.ThrowIfNull(understood);
        return For(unhandled, MessageNames.Of(unhandled.GetType()), agent, isRpc, understood);
    }

    /// <summary>As the other, for a class that is written under <paramref name="name"/>.</summary>
    internal static UnhandledMessageException For(object unhandled, string name, AgentId agent, bool isRpc, IReadOnlyCollection<string> understood)
    {
        var details = new Dictionary<string, string> { ["type_name"] = name, ["agent"] = agent.ToString() };
        var kind = isRpc ? "calls" : "events";
        var known = string.Join(", ", understood);
        if (known.Length > 0)
        {
            details["understood"] = known;
        }

        return new($"{agent} does not handle {kind} of the type '{name}'; " + (known.Length > 0 ? $"it handles {known}." : $"it handles no {kind}."))
        {
            Details = details,
            _unhandled = unhandled,
        };
    }

    /// <summary>Whether it is about that message, and not about one that the handler sent itself.</summary>
    internal bool IsAbout(object candidate) => ReferenceEquals(_unhandled, candidate);
}

/// <summary>The serializer refuses the version; a custom serializer raises this itself.</summary>
/// <param name="message">For people: what was wrong and what was allowed.</param>
/// <param name="innerException">What caused it, or null.</param>
public sealed class UnsupportedVersionException(string message, Exception? innerException = null)
    : ParleyException(ErrorReason.UnsupportedVersion, message, innerException);

/// <summary>The payload cannot be decoded.</summary>
/// <param name="message">For people: what was wrong and what was allowed.</param>
/// <param name="innerException">What caused it, or null.</param>
public sealed class MalformedPayloadException(string message, Exception? innerException = null)
    : ParleyException(ErrorReason.MalformedPayload, message, innerException);

/// <summary>The message exceeds the size limit.</summary>
/// <param name="message">For people: what was wrong and what was allowed.</param>
/// <param name="innerException">What caused it, or null.</param>
public sealed class PayloadTooLargeException(string message, Exception? innerException = null)
    : ParleyException(ErrorReason.PayloadTooLarge, message, innerException);

/// <summary>The agent cannot be made, or its state not loaded.</summary>
/// <param name="message">For people: what was wrong and what was allowed.</param>
/// <param name="innerException">What caused it, or null.</param>
public sealed class ActivationFailedException(string message, Exception? innerException = null)
    : ParleyException(ErrorReason.ActivationFailed, message, innerException);

/// <summary>The handler raised, or its result cannot be encoded; in-process the cause is the inner exception.</summary>
/// <param name="message">For people: what was wrong and what was allowed.</param>
/// <param name="innerException">What caused it, or null.</param>
public sealed class HandlerFailedException(string message, Exception? innerException = null)
    : ParleyException(ErrorReason.HandlerFailed, message, innerException);

/// <summary>The call would wait on itself.</summary>
/// <param name="message">For people: what was wrong and what was allowed.</param>
/// <param name="innerException">What caused it, or null.</param>
public sealed class CallCycleException(string message, Exception? innerException = null)
    : ParleyException(ErrorReason.CallCycle, message, innerException);

/// <summary>The time is up; the text says which timeout applied.</summary>
/// <param name="message">For people: what was wrong and what was allowed.</param>
/// <param name="innerException">What caused it, or null.</param>
public sealed class DeadlineExceededException(string message, Exception? innerException = null)
    : ParleyException(ErrorReason.DeadlineExceeded, message, innerException)
{
    /// <summary>The time that is up is that of the call which the calling handler was handling.</summary>
    internal bool IsOfOuterCall { get; set; }
}

/// <summary>The call was cancelled, but not by the token that was passed in.</summary>
/// <param name="message">For people: what was wrong and what was allowed.</param>
/// <param name="innerException">What caused it, or null.</param>
public sealed class CallCancelledException(string message, Exception? innerException = null)
    : ParleyException(ErrorReason.Cancelled, message, innerException);

/// <summary>Whoever knew the outcome is gone; the work may or may not have run.</summary>
/// <param name="message">For people: what was wrong and what was allowed.</param>
/// <param name="innerException">What caused it, or null.</param>
public sealed class OutcomeUnknownException(string message, Exception? innerException = null)
    : ParleyException(ErrorReason.OutcomeUnknown, message, innerException);

/// <summary>A limit, queue or credit is used up.</summary>
/// <param name="message">For people: what was wrong and what was allowed.</param>
/// <param name="innerException">What caused it, or null.</param>
public sealed class ResourceExhaustedException(string message, Exception? innerException = null)
    : ParleyException(ErrorReason.ResourceExhausted, message, innerException);

/// <summary>Another placement of the agent came later.</summary>
/// <param name="message">For people: what was wrong and what was allowed.</param>
/// <param name="innerException">What caused it, or null.</param>
public sealed class StaleEpochException(string message, Exception? innerException = null)
    : ParleyException(ErrorReason.StaleEpoch, message, innerException);

/// <summary>Another version of the state was committed.</summary>
/// <param name="message">For people: what was wrong and what was allowed.</param>
/// <param name="innerException">What caused it, or null.</param>
public sealed class StateConflictException(string message, Exception? innerException = null)
    : ParleyException(ErrorReason.StateConflict, message, innerException);

/// <summary>The party is about to go and takes nothing new.</summary>
/// <param name="message">For people: what was wrong and what was allowed.</param>
/// <param name="innerException">What caused it, or null.</param>
public sealed class DrainingException(string message, Exception? innerException = null)
    : ParleyException(ErrorReason.Draining, message, innerException);

/// <summary>The broker, its store or the connection is not there.</summary>
/// <param name="message">For people: what was wrong and what was allowed.</param>
/// <param name="innerException">What caused it, or null.</param>
public sealed class UnavailableException(string message, Exception? innerException = null)
    : ParleyException(ErrorReason.Unavailable, message, innerException);

/// <summary>A defect.</summary>
/// <param name="message">For people: what was wrong and what was allowed.</param>
/// <param name="innerException">What caused it, or null.</param>
public sealed class InternalErrorException(string message, Exception? innerException = null)
    : ParleyException(ErrorReason.Internal, message, innerException);
