using System.Text.Json;

namespace Parley;

/// <summary>The table of reasons: name on the wire, flags, exception class (ERR-2, ERR-5).</summary>
internal static class ErrorCatalogue
{
    private static readonly Dictionary<ErrorReason, Entry> Entries = new()
    {
        [ErrorReason.InvalidArgument] = new(false, false, (m, e) => new InvalidArgumentException(m, e)),
        [ErrorReason.Unauthenticated] = new(false, false, (m, e) => new UnauthenticatedException(m, e)),
        [ErrorReason.PermissionDenied] = new(false, false, (m, e) => new PermissionDeniedException(m, e)),
        [ErrorReason.ProtocolVersionUnsupported] = new(false, false, (m, e) => new ProtocolVersionUnsupportedException(m, e)),
        [ErrorReason.SessionExpired] = new(true, false, (m, e) => new SessionExpiredException(m, e)),
        [ErrorReason.NotFound] = new(false, false, (m, e) => new NotFoundException(m, e)),
        [ErrorReason.AlreadyExists] = new(false, false, (m, e) => new AlreadyExistsException(m, e)),
        [ErrorReason.NoResponders] = new(true, false, (m, e) => new NoRespondersException(m, e)),
        [ErrorReason.UnknownMessageType] = new(false, false, (m, e) => new UnknownMessageTypeException(m, e)),
        [ErrorReason.UnhandledMessage] = new(false, false, (m, e) => new UnhandledMessageException(m, e)),
        [ErrorReason.UnsupportedVersion] = new(false, false, (m, e) => new UnsupportedVersionException(m, e)),
        [ErrorReason.MalformedPayload] = new(false, false, (m, e) => new MalformedPayloadException(m, e)),
        [ErrorReason.PayloadTooLarge] = new(false, false, (m, e) => new PayloadTooLargeException(m, e)),
        [ErrorReason.ActivationFailed] = new(true, false, (m, e) => new ActivationFailedException(m, e)),
        [ErrorReason.HandlerFailed] = new(false, true, (m, e) => new HandlerFailedException(m, e)),
        [ErrorReason.CallCycle] = new(false, false, (m, e) => new CallCycleException(m, e)),
        [ErrorReason.DeadlineExceeded] = new(true, true, (m, e) => new DeadlineExceededException(m, e)),
        [ErrorReason.Cancelled] = new(false, true, (m, e) => new CallCancelledException(m, e)),
        [ErrorReason.OutcomeUnknown] = new(true, true, (m, e) => new OutcomeUnknownException(m, e)),
        [ErrorReason.ResourceExhausted] = new(true, false, (m, e) => new ResourceExhaustedException(m, e)),
        [ErrorReason.StaleEpoch] = new(false, false, (m, e) => new StaleEpochException(m, e)),
        [ErrorReason.StateConflict] = new(false, false, (m, e) => new StateConflictException(m, e)),
        [ErrorReason.Draining] = new(true, false, (m, e) => new DrainingException(m, e)),
        [ErrorReason.Unavailable] = new(true, false, (m, e) => new UnavailableException(m, e)),
        [ErrorReason.Internal] = new(false, true, (m, e) => new InternalErrorException(m, e)),
    };

    /// <summary>Whether the same command may succeed when it is sent again; unknown reasons: no.</summary>
    public static bool IsRetryable(ErrorReason reason) => Entries.TryGetValue(reason, out var entry) && entry.Retryable;

    /// <summary>Whether the work may have started; unknown reasons: yes.</summary>
    public static bool MayHaveRun(ErrorReason reason) => !Entries.TryGetValue(reason, out var entry) || entry.MayHaveRun;

    /// <summary>The name without the prefix ERROR_REASON_, e.g. NO_RESPONDERS; an unknown one is its number.</summary>
    public static string NameOf(ErrorReason reason) =>
        Enum.IsDefined(reason) ? JsonNamingPolicy.SnakeCaseUpper.ConvertName(reason.ToString()) : $"REASON_{(int)reason}";

    /// <summary>The exception of that reason, with the flags of the table.</summary>
    public static ParleyException Create(ErrorReason reason, string message, Exception? inner = null) =>
        Entries.TryGetValue(reason, out var entry) ? entry.Make(message, inner) : new ParleyException(reason, message, inner);

    private readonly record struct Entry(bool Retryable, bool MayHaveRun, Func<string, Exception?, ParleyException> Make);
}
