from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Drain(_message.Message):
    __slots__ = ["reason", "timeout_ms"]
    REASON_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_MS_FIELD_NUMBER: _ClassVar[int]
    reason: str
    timeout_ms: int
    def __init__(self, timeout_ms: _Optional[int] = ..., reason: _Optional[str] = ...) -> None: ...

class Goodbye(_message.Message):
    __slots__ = ["reason"]
    REASON_FIELD_NUMBER: _ClassVar[int]
    reason: str
    def __init__(self, reason: _Optional[str] = ...) -> None: ...

class Heartbeat(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class Hello(_message.Message):
    __slots__ = ["capabilities", "instance_id", "kinds", "max_version", "min_version", "producer_id", "resume", "sdk_language", "sdk_name", "sdk_version"]
    CAPABILITIES_FIELD_NUMBER: _ClassVar[int]
    INSTANCE_ID_FIELD_NUMBER: _ClassVar[int]
    KINDS_FIELD_NUMBER: _ClassVar[int]
    MAX_VERSION_FIELD_NUMBER: _ClassVar[int]
    MIN_VERSION_FIELD_NUMBER: _ClassVar[int]
    PRODUCER_ID_FIELD_NUMBER: _ClassVar[int]
    RESUME_FIELD_NUMBER: _ClassVar[int]
    SDK_LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    SDK_NAME_FIELD_NUMBER: _ClassVar[int]
    SDK_VERSION_FIELD_NUMBER: _ClassVar[int]
    capabilities: _containers.RepeatedScalarFieldContainer[str]
    instance_id: str
    kinds: _containers.RepeatedScalarFieldContainer[int]
    max_version: int
    min_version: int
    producer_id: str
    resume: Resume
    sdk_language: str
    sdk_name: str
    sdk_version: str
    def __init__(self, min_version: _Optional[int] = ..., max_version: _Optional[int] = ..., instance_id: _Optional[str] = ..., producer_id: _Optional[str] = ..., sdk_name: _Optional[str] = ..., sdk_language: _Optional[str] = ..., sdk_version: _Optional[str] = ..., kinds: _Optional[_Iterable[int]] = ..., capabilities: _Optional[_Iterable[str]] = ..., resume: _Optional[_Union[Resume, _Mapping]] = ...) -> None: ...

class Limits(_message.Message):
    __slots__ = ["max_agent_types", "max_call_timeout_ms", "max_envelope_bytes", "max_outstanding_calls", "max_subscriptions"]
    MAX_AGENT_TYPES_FIELD_NUMBER: _ClassVar[int]
    MAX_CALL_TIMEOUT_MS_FIELD_NUMBER: _ClassVar[int]
    MAX_ENVELOPE_BYTES_FIELD_NUMBER: _ClassVar[int]
    MAX_OUTSTANDING_CALLS_FIELD_NUMBER: _ClassVar[int]
    MAX_SUBSCRIPTIONS_FIELD_NUMBER: _ClassVar[int]
    max_agent_types: int
    max_call_timeout_ms: int
    max_envelope_bytes: int
    max_outstanding_calls: int
    max_subscriptions: int
    def __init__(self, max_envelope_bytes: _Optional[int] = ..., max_outstanding_calls: _Optional[int] = ..., max_subscriptions: _Optional[int] = ..., max_agent_types: _Optional[int] = ..., max_call_timeout_ms: _Optional[int] = ...) -> None: ...

class Resume(_message.Message):
    __slots__ = ["agents", "received", "resume_token", "session_id"]
    AGENTS_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_FIELD_NUMBER: _ClassVar[int]
    RESUME_TOKEN_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    agents: int
    received: int
    resume_token: bytes
    session_id: str
    def __init__(self, session_id: _Optional[str] = ..., resume_token: _Optional[bytes] = ..., received: _Optional[int] = ..., agents: _Optional[int] = ...) -> None: ...

class Welcome(_message.Message):
    __slots__ = ["broker_name", "broker_version", "capabilities", "heartbeat_interval_ms", "incarnation", "kinds", "limits", "received", "resume_token", "resumed", "session_grace_ms", "session_id", "suspect_limit_ms", "version"]
    BROKER_NAME_FIELD_NUMBER: _ClassVar[int]
    BROKER_VERSION_FIELD_NUMBER: _ClassVar[int]
    CAPABILITIES_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_INTERVAL_MS_FIELD_NUMBER: _ClassVar[int]
    INCARNATION_FIELD_NUMBER: _ClassVar[int]
    KINDS_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_FIELD_NUMBER: _ClassVar[int]
    RESUMED_FIELD_NUMBER: _ClassVar[int]
    RESUME_TOKEN_FIELD_NUMBER: _ClassVar[int]
    SESSION_GRACE_MS_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    SUSPECT_LIMIT_MS_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    broker_name: str
    broker_version: str
    capabilities: _containers.RepeatedScalarFieldContainer[str]
    heartbeat_interval_ms: int
    incarnation: str
    kinds: _containers.RepeatedScalarFieldContainer[int]
    limits: Limits
    received: int
    resume_token: bytes
    resumed: bool
    session_grace_ms: int
    session_id: str
    suspect_limit_ms: int
    version: int
    def __init__(self, version: _Optional[int] = ..., session_id: _Optional[str] = ..., resume_token: _Optional[bytes] = ..., incarnation: _Optional[str] = ..., heartbeat_interval_ms: _Optional[int] = ..., session_grace_ms: _Optional[int] = ..., suspect_limit_ms: _Optional[int] = ..., received: _Optional[int] = ..., resumed: bool = ..., limits: _Optional[_Union[Limits, _Mapping]] = ..., kinds: _Optional[_Iterable[int]] = ..., capabilities: _Optional[_Iterable[str]] = ..., broker_name: _Optional[str] = ..., broker_version: _Optional[str] = ...) -> None: ...
