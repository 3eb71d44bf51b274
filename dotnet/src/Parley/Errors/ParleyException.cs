using System.Collections.ObjectModel;

namespace Parley;

/// <summary>A failure with a name; each <see cref="ErrorReason"/> has its own subclass.</summary>
/// <remarks>
/// <code>
/// ParleyException
/// ├─ InvalidArgumentException             ├─ MalformedPayloadException
/// ├─ UnauthenticatedException             ├─ PayloadTooLargeException
/// ├─ PermissionDeniedException            ├─ ActivationFailedException
/// ├─ ProtocolVersionUnsupportedException  ├─ HandlerFailedException
/// ├─ SessionExpiredException              ├─ CallCycleException
/// ├─ NotFoundException                    ├─ DeadlineExceededException
/// ├─ AlreadyExistsException               ├─ CallCancelledException
/// ├─ UndeliverableException               ├─ OutcomeUnknownException
/// │  └─ NoRespondersException             ├─ ResourceExhaustedException
/// ├─ CantHandleException                  ├─ StaleEpochException
/// │  ├─ UnknownMessageTypeException       ├─ StateConflictException
/// │  └─ UnhandledMessageException         ├─ DrainingException
/// └─ UnsupportedVersionException          ├─ UnavailableException
///                                         └─ InternalErrorException
/// </code>
/// Cancelling your own token raises <see cref="OperationCanceledException"/>, not one of these.
/// </remarks>
public class ParleyException : Exception
{
    private bool _isRetryable;
    private bool _mayHaveRun;
    private TimeSpan? _retryAfter;
    private IReadOnlyDictionary<string, string> _details = ReadOnlyDictionary<string, string>.Empty;

    /// <summary>A failure with that reason; the flags are those of the table in SPEC.md.</summary>
    /// <param name="reason">Why.</param>
    /// <param name="message">For people: what was wrong and what was allowed.</param>
    /// <param name="innerException">What caused it, or null.</param>
    public ParleyException(ErrorReason reason, string message, Exception? innerException = null)
        : base(message, innerException)
    {
        Reason = reason;
        _isRetryable = ErrorCatalogue.IsRetryable(reason);
        _mayHaveRun = ErrorCatalogue.MayHaveRun(reason);
    }

    /// <summary>Why; may be a number that this enum does not name (ERR-3).</summary>
    public ErrorReason Reason { get; }

    /// <summary>The reason as the wire and the logs have it, e.g. <c>NO_RESPONDERS</c>.</summary>
    public string ReasonName => ErrorCatalogue.NameOf(Reason);

    /// <summary>The same command may succeed when it is sent again.</summary>
    public bool IsRetryable
    {
        get => _isRetryable;
        init => _isRetryable = value;
    }

    /// <summary>It is not certain that the work never started.</summary>
    public bool MayHaveRun
    {
        get => _mayHaveRun;
        init => _mayHaveRun = value;
    }

    /// <summary>How long to wait before a retry; null: no advice.</summary>
    public TimeSpan? RetryAfter
    {
        get => _retryAfter;
        init => _retryAfter = value;
    }

    /// <summary>Machine-readable particulars; SPEC.md names the keys.</summary>
    public IReadOnlyDictionary<string, string> Details
    {
        get => _details;
        init => _details = value;
    }

    /// <summary>This failure with what the wire says of it.</summary>
    internal ParleyException With(bool isRetryable, bool mayHaveRun, TimeSpan? retryAfter, IReadOnlyDictionary<string, string> details)
    {
        (_isRetryable, _mayHaveRun, _retryAfter, _details) = (isRetryable, mayHaveRun, retryAfter, details);
        return this;
    }

    /// <summary>This failure as one of a reply that came: its handler has run (ERR-2).</summary>
    internal ParleyException AsOfReply()
    {
        _mayHaveRun = true;
        return this;
    }
}
