from parley_wire.v1 import envelope_pb2 as _envelope_pb2
from parley_wire.v1 import state_pb2 as _state_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Cancel(_message.Message):
    __slots__ = ["request_id"]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    request_id: int
    def __init__(self, request_id: _Optional[int] = ...) -> None: ...

class Reply(_message.Message):
    __slots__ = ["commit", "envelope", "trace"]
    COMMIT_FIELD_NUMBER: _ClassVar[int]
    ENVELOPE_FIELD_NUMBER: _ClassVar[int]
    TRACE_FIELD_NUMBER: _ClassVar[int]
    commit: _state_pb2.Commit
    envelope: bytes
    trace: _envelope_pb2.TraceContext
    def __init__(self, envelope: _Optional[bytes] = ..., commit: _Optional[_Union[_state_pb2.Commit, _Mapping]] = ..., trace: _Optional[_Union[_envelope_pb2.TraceContext, _Mapping]] = ...) -> None: ...

class Request(_message.Message):
    __slots__ = ["attempt", "call_chain", "envelope", "epoch", "idempotency_key", "sender", "sender_epoch", "target", "timeout_ms", "trace", "wait_for_ready"]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    CALL_CHAIN_FIELD_NUMBER: _ClassVar[int]
    ENVELOPE_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    SENDER_EPOCH_FIELD_NUMBER: _ClassVar[int]
    SENDER_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_MS_FIELD_NUMBER: _ClassVar[int]
    TRACE_FIELD_NUMBER: _ClassVar[int]
    WAIT_FOR_READY_FIELD_NUMBER: _ClassVar[int]
    attempt: int
    call_chain: _containers.RepeatedCompositeFieldContainer[_envelope_pb2.AgentId]
    envelope: bytes
    epoch: int
    idempotency_key: str
    sender: _envelope_pb2.AgentId
    sender_epoch: int
    target: _envelope_pb2.AgentId
    timeout_ms: int
    trace: _envelope_pb2.TraceContext
    wait_for_ready: bool
    def __init__(self, target: _Optional[_Union[_envelope_pb2.AgentId, _Mapping]] = ..., sender: _Optional[_Union[_envelope_pb2.AgentId, _Mapping]] = ..., sender_epoch: _Optional[int] = ..., epoch: _Optional[int] = ..., timeout_ms: _Optional[int] = ..., wait_for_ready: bool = ..., idempotency_key: _Optional[str] = ..., call_chain: _Optional[_Iterable[_Union[_envelope_pb2.AgentId, _Mapping]]] = ..., attempt: _Optional[int] = ..., trace: _Optional[_Union[_envelope_pb2.TraceContext, _Mapping]] = ..., envelope: _Optional[bytes] = ...) -> None: ...
