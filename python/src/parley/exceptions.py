"""What can go wrong, one class per reason of the contract (SPEC ERR-5).

ParleyError                          Exception
├── InvalidArgumentError             also ValueError
├── UnauthenticatedError
├── PermissionDeniedError
├── ProtocolVersionUnsupportedError
├── SessionExpiredError
├── NotFoundError                    also LookupError
├── AlreadyExistsError
├── NoRespondersError                also UndeliverableException
├── UnknownMessageTypeError          also CantHandleException
├── UnhandledMessageError            also CantHandleException
├── UnsupportedVersionError          a serializer raises it to refuse a version
├── MalformedPayloadError            also ValueError
├── PayloadTooLargeError
├── ActivationFailedError
├── HandlerFailedError
├── CallCycleError
├── DeadlineExceededError            also TimeoutError
├── OutcomeUnknownError
├── ResourceExhaustedError
├── StaleEpochError
├── StateConflictError
├── DrainingError
├── UnavailableError
└── InternalError
CallCancelledError                   asyncio.CancelledError, and no Exception
CantHandleException, UndeliverableException, MessageDroppedException, NotAccessibleError
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

__all__ = [
    "ActivationFailedError",
    "AlreadyExistsError",
    "CallCancelledError",
    "CallCycleError",
    "CantHandleException",
    "DeadlineExceededError",
    "DrainingError",
    "HandlerFailedError",
    "InternalError",
    "InvalidArgumentError",
    "MalformedPayloadError",
    "MessageDroppedException",
    "NoRespondersError",
    "NotAccessibleError",
    "NotFoundError",
    "OutcomeUnknownError",
    "ParleyError",
    "PayloadTooLargeError",
    "PermissionDeniedError",
    "ProtocolVersionUnsupportedError",
    "ResourceExhaustedError",
    "SessionExpiredError",
    "StaleEpochError",
    "StateConflictError",
    "UnauthenticatedError",
    "UnavailableError",
    "UndeliverableException",
    "UnhandledMessageError",
    "UnknownMessageTypeError",
    "UnsupportedVersionError",
]


class CantHandleException(Exception):
    """The agent cannot handle the message. An agent without handlers may raise it to say so."""


class UndeliverableException(Exception):
    """There is nobody whom the message could be given to."""


class MessageDroppedException(Exception):
    """An intervention handler dropped the message."""


class NotAccessibleError(Exception):
    """What was asked for is not in this process."""


class _Failure(BaseException):
    """What every failure carries. The class gives the defaults of the table in SPEC.md, the instance what was said.

    Args:
        message: For people: what was wrong and what is allowed.
        reason: Name of the reason, without its prefix; only for reasons that have no class.
        retryable: The same command may succeed when it is sent again.
        may_have_run: It is not certain that the work never started.
        retry_after: Seconds to wait before a retry; 0: no advice.
        details: Machine-readable particulars (SPEC ERR-4).
    """

    reason: str = "INTERNAL"
    retryable: bool = False
    may_have_run: bool = False
    message: str
    retry_after: float
    details: Mapping[str, str]

    def __init__(
        self,
        message: str = "",
        *,
        reason: str | None = None,
        retryable: bool | None = None,
        may_have_run: bool | None = None,
        retry_after: float = 0.0,
        details: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        if reason is not None:
            self.reason = reason
        if retryable is not None:
            self.retryable = retryable
        if may_have_run is not None:
            self.may_have_run = may_have_run
        self.message = message
        self.retry_after = retry_after
        self.details = dict(details or {})

    def __str__(self) -> str:
        return f"{self.reason}: {self.message}" if self.message else self.reason


class ParleyError(_Failure, Exception):
    """A command or call failed; `reason` says why. Raised as such for reasons that this version does not know."""


class InvalidArgumentError(ParleyError, ValueError):
    """INVALID_ARGUMENT: a value is malformed or not allowed there."""

    reason = "INVALID_ARGUMENT"


class UnauthenticatedError(ParleyError):
    """UNAUTHENTICATED: no or wrong credentials."""

    reason = "UNAUTHENTICATED"


class PermissionDeniedError(ParleyError):
    """PERMISSION_DENIED: not allowed, or the sender is not hosted by this session."""

    reason = "PERMISSION_DENIED"


class ProtocolVersionUnsupportedError(ParleyError):
    """PROTOCOL_VERSION_UNSUPPORTED: client and broker have no version in common."""

    reason = "PROTOCOL_VERSION_UNSUPPORTED"


class SessionExpiredError(ParleyError):
    """SESSION_EXPIRED: the session is over."""

    reason = "SESSION_EXPIRED"
    retryable = True


class NotFoundError(ParleyError, LookupError):
    """NOT_FOUND: what the command names is not there."""

    reason = "NOT_FOUND"


class AlreadyExistsError(ParleyError):
    """ALREADY_EXISTS: what the command makes is there already."""

    reason = "ALREADY_EXISTS"


class NoRespondersError(ParleyError, UndeliverableException):
    """NO_RESPONDERS: nobody hosts the agent type."""

    reason = "NO_RESPONDERS"
    retryable = True


class UnknownMessageTypeError(ParleyError, CantHandleException):
    """UNKNOWN_MESSAGE_TYPE: the receiver has no serializer for the type name."""

    reason = "UNKNOWN_MESSAGE_TYPE"


class UnhandledMessageError(ParleyError, CantHandleException):
    """UNHANDLED_MESSAGE: the agent has no handler for the message."""

    reason = "UNHANDLED_MESSAGE"


class UnsupportedVersionError(ParleyError):
    """UNSUPPORTED_VERSION: the serializer refuses this version of the message. Raise it in `deserialize`."""

    reason = "UNSUPPORTED_VERSION"


class MalformedPayloadError(ParleyError, ValueError):
    """MALFORMED_PAYLOAD: the payload cannot be decoded."""

    reason = "MALFORMED_PAYLOAD"


class PayloadTooLargeError(ParleyError):
    """PAYLOAD_TOO_LARGE: the message exceeds the broker's limit; details `size` and `limit`, in bytes."""

    reason = "PAYLOAD_TOO_LARGE"


class ActivationFailedError(ParleyError):
    """ACTIVATION_FAILED: the agent's factory raised, or its state could not be loaded."""

    reason = "ACTIVATION_FAILED"
    retryable = True


class HandlerFailedError(ParleyError):
    """HANDLER_FAILED: the handler raised; details `agent`, `exception_type`, `exception_message`."""

    reason = "HANDLER_FAILED"
    may_have_run = True


class CallCycleError(ParleyError):
    """CALL_CYCLE: the call would wait on itself."""

    reason = "CALL_CYCLE"


class DeadlineExceededError(ParleyError, TimeoutError):
    """DEADLINE_EXCEEDED: the time of the call is up; the text says which timeout applied."""

    reason = "DEADLINE_EXCEEDED"
    retryable = True
    may_have_run = True


class OutcomeUnknownError(ParleyError):
    """OUTCOME_UNKNOWN: whoever knew the outcome is gone."""

    reason = "OUTCOME_UNKNOWN"
    retryable = True
    may_have_run = True


class ResourceExhaustedError(ParleyError):
    """RESOURCE_EXHAUSTED: a limit, a queue or the credit is used up."""

    reason = "RESOURCE_EXHAUSTED"
    retryable = True


class StaleEpochError(ParleyError):
    """STALE_EPOCH: the agent has been placed elsewhere since."""

    reason = "STALE_EPOCH"


class StateConflictError(ParleyError):
    """STATE_CONFLICT: another version of the state was committed."""

    reason = "STATE_CONFLICT"


class DrainingError(ParleyError):
    """DRAINING: the party is about to go and takes nothing new."""

    reason = "DRAINING"
    retryable = True


class UnavailableError(ParleyError):
    """UNAVAILABLE: the broker, its store or the connection is not there."""

    reason = "UNAVAILABLE"
    retryable = True


class InternalError(ParleyError):
    """INTERNAL: a defect."""

    reason = "INTERNAL"
    may_have_run = True


class CallCancelledError(_Failure, asyncio.CancelledError):
    """CANCELLED: the call was cancelled by its token. No `Exception`, so that `except Exception` lets it pass."""

    reason = "CANCELLED"
    may_have_run = True


BY_REASON: Mapping[str, type[ParleyError] | type[CallCancelledError]] = {
    **{cls.reason: cls for cls in ParleyError.__subclasses__()},
    CallCancelledError.reason: CallCancelledError,
}
