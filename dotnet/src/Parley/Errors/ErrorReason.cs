namespace Parley;

/// <summary>Why a command or call failed; the numbers are those of the wire. Open: a newer broker may send others (ERR-3).</summary>
public enum ErrorReason
{
    /// <summary>No reason was given.</summary>
    Unspecified = 0,

    /// <summary>A field is malformed or not allowed there.</summary>
    InvalidArgument = 1,

    /// <summary>No or wrong credentials.</summary>
    Unauthenticated = 2,

    /// <summary>The principal may not, or the sender is not hosted by the session.</summary>
    PermissionDenied = 3,

    /// <summary>Client and broker have no protocol version in common.</summary>
    ProtocolVersionUnsupported = 4,

    /// <summary>The session is over.</summary>
    SessionExpired = 5,

    /// <summary>What the command names is not there.</summary>
    NotFound = 6,

    /// <summary>What the command makes is there, by another.</summary>
    AlreadyExists = 7,

    /// <summary>No live session hosts the agent type.</summary>
    NoResponders = 8,

    /// <summary>The receiver has no serializer for the type name.</summary>
    UnknownMessageType = 9,

    /// <summary>The agent has no handler for the type.</summary>
    UnhandledMessage = 10,

    /// <summary>The serializer refuses the version.</summary>
    UnsupportedVersion = 11,

    /// <summary>The payload cannot be decoded.</summary>
    MalformedPayload = 12,

    /// <summary>The message exceeds the size limit.</summary>
    PayloadTooLarge = 13,

    /// <summary>The agent cannot be made, or its state not loaded.</summary>
    ActivationFailed = 14,

    /// <summary>The handler raised, or its result cannot be encoded.</summary>
    HandlerFailed = 15,

    /// <summary>The call would wait on itself.</summary>
    CallCycle = 16,

    /// <summary>The time is up.</summary>
    DeadlineExceeded = 17,

    /// <summary>The call was cancelled.</summary>
    Cancelled = 18,

    /// <summary>Whoever knew the outcome is gone.</summary>
    OutcomeUnknown = 19,

    /// <summary>A limit, queue or credit is used up.</summary>
    ResourceExhausted = 20,

    /// <summary>Another placement of the agent came later.</summary>
    StaleEpoch = 21,

    /// <summary>Another version of the state was committed.</summary>
    StateConflict = 22,

    /// <summary>The party is about to go and takes nothing new.</summary>
    Draining = 23,

    /// <summary>The broker, its store or the connection is not there.</summary>
    Unavailable = 24,

    /// <summary>A defect.</summary>
    Internal = 25,
}
