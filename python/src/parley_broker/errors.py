"""What can go wrong, each with the reason that the wire gives it (SPEC.md, section ERR).

BrokerError
├── CommandError        one command fails; its sender gets an Error (MSG-5)
├── ProtocolViolation   one connection ends with a gRPC status (MSG-7, SES-1, SES-7)
│   └── SequenceGap         a message is missing; the session can be resumed
├── StoreError          the store could not do what it was asked
│   ├── StaleTermError      another broker has taken the store since
│   └── StoreUnusableError  the store cannot be opened; nothing was changed
├── StartupError        the broker cannot start: one line for the operator
└── AdminError          a running broker did not do what the operator asked
"""

from __future__ import annotations

from enum import Enum, IntEnum


class Reason(IntEnum):
    """Why a command or call failed; the numbers are those of `ErrorReason` on the wire."""

    UNSPECIFIED = 0
    INVALID_ARGUMENT = 1
    UNAUTHENTICATED = 2
    PERMISSION_DENIED = 3
    PROTOCOL_VERSION_UNSUPPORTED = 4
    SESSION_EXPIRED = 5
    NOT_FOUND = 6
    ALREADY_EXISTS = 7
    NO_RESPONDERS = 8
    UNKNOWN_MESSAGE_TYPE = 9
    UNHANDLED_MESSAGE = 10
    UNSUPPORTED_VERSION = 11
    MALFORMED_PAYLOAD = 12
    PAYLOAD_TOO_LARGE = 13
    ACTIVATION_FAILED = 14
    HANDLER_FAILED = 15
    CALL_CYCLE = 16
    DEADLINE_EXCEEDED = 17
    CANCELLED = 18
    OUTCOME_UNKNOWN = 19
    RESOURCE_EXHAUSTED = 20
    STALE_EPOCH = 21
    STATE_CONFLICT = 22
    DRAINING = 23
    UNAVAILABLE = 24
    INTERNAL = 25


RETRYABLE = frozenset(
    {
        Reason.SESSION_EXPIRED,
        Reason.NO_RESPONDERS,
        Reason.ACTIVATION_FAILED,
        Reason.DEADLINE_EXCEEDED,
        Reason.OUTCOME_UNKNOWN,
        Reason.RESOURCE_EXHAUSTED,
        Reason.DRAINING,
        Reason.UNAVAILABLE,
    }
)
"""Reasons after which the same command may succeed when it is sent again (ERR-2)."""

MAY_HAVE_RUN = frozenset(
    {
        Reason.HANDLER_FAILED,
        Reason.DEADLINE_EXCEEDED,
        Reason.CANCELLED,
        Reason.OUTCOME_UNKNOWN,
        Reason.INTERNAL,
    }
)
"""Reasons after which the work may have been started (ERR-2)."""


DEFECT = "a defect in the broker; its log says more"
"""What a client is told whose connection ends for no fault of its own."""


class EndCode(Enum):
    """The gRPC status with which the broker ends a connection; the names are gRPC's."""

    OK = "OK"
    INVALID_ARGUMENT = "INVALID_ARGUMENT"
    FAILED_PRECONDITION = "FAILED_PRECONDITION"
    DEADLINE_EXCEEDED = "DEADLINE_EXCEEDED"
    RESOURCE_EXHAUSTED = "RESOURCE_EXHAUSTED"
    ABORTED = "ABORTED"
    UNAVAILABLE = "UNAVAILABLE"
    INTERNAL = "INTERNAL"


class BrokerError(Exception):
    """Root of this package's errors."""


class CommandError(BrokerError):
    """One command fails, and nothing else does.

    Args:
        reason: What the sender is told.
        message: For people: what was wrong and what was allowed; never payload data (ERR-1).
        retryable: None: as the table in SPEC.md says.
        may_have_run: Likewise.
        details: Machine-readable particulars under the keys that SPEC.md names.
    """

    def __init__(
        self,
        reason: Reason,
        message: str,
        *,
        retryable: bool | None = None,
        may_have_run: bool | None = None,
        **details: object,
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.retryable = retryable
        self.may_have_run = may_have_run
        self.details = {key: str(value) for key, value in details.items()}


def draining() -> CommandError:
    """What a broker that is about to go refuses new work with (DRN-1)."""
    return CommandError(Reason.DRAINING, "this broker is about to go and takes nothing new; connect again")


class ProtocolViolation(BrokerError):
    """One connection cannot go on, and its session is lost (SES-13).

    Args:
        code: The gRPC status that ends the stream.
        message: Its text.
    """

    def __init__(self, code: EndCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class SequenceGap(ProtocolViolation):
    """A message is missing: the connection ends, and its session can be resumed, which heals it (SES-7)."""

    def __init__(self, message: str) -> None:
        super().__init__(EndCode.INVALID_ARGUMENT, message)


class StoreError(BrokerError):
    """The store could not do what it was asked; what was asked did not happen."""


class StaleTermError(StoreError):
    """Another broker has begun a later term in this store."""


class StoreUnusableError(StoreError):
    """The store cannot be opened; nothing in it was changed."""


class StartupError(BrokerError):
    """The broker cannot start; the text is one line for the operator."""


class AdminError(BrokerError):
    """A running broker did not do what the operator asked; the text is one line for the operator."""
