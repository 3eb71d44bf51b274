from parley_wire.v1 import envelope_pb2 as _envelope_pb2
from parley_wire.v1 import errors_pb2 as _errors_pb2
from parley_wire.v1 import state_pb2 as _state_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Ack(_message.Message):
    __slots__ = ["commit", "epoch", "ignored", "position", "recipient", "round"]
    COMMIT_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    IGNORED_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    RECIPIENT_FIELD_NUMBER: _ClassVar[int]
    ROUND_FIELD_NUMBER: _ClassVar[int]
    commit: _state_pb2.Commit
    epoch: int
    ignored: bool
    position: int
    recipient: _envelope_pb2.AgentId
    round: int
    def __init__(self, recipient: _Optional[_Union[_envelope_pb2.AgentId, _Mapping]] = ..., epoch: _Optional[int] = ..., position: _Optional[int] = ..., round: _Optional[int] = ..., ignored: bool = ..., commit: _Optional[_Union[_state_pb2.Commit, _Mapping]] = ...) -> None: ...

class Delivery(_message.Message):
    __slots__ = ["attempt", "envelope", "epoch", "event_id", "position", "recipient", "round", "sender", "topic", "trace"]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    ENVELOPE_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    RECIPIENT_FIELD_NUMBER: _ClassVar[int]
    ROUND_FIELD_NUMBER: _ClassVar[int]
    SENDER_FIELD_NUMBER: _ClassVar[int]
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    TRACE_FIELD_NUMBER: _ClassVar[int]
    attempt: int
    envelope: bytes
    epoch: int
    event_id: str
    position: int
    recipient: _envelope_pb2.AgentId
    round: int
    sender: _envelope_pb2.AgentId
    topic: _envelope_pb2.TopicId
    trace: _envelope_pb2.TraceContext
    def __init__(self, recipient: _Optional[_Union[_envelope_pb2.AgentId, _Mapping]] = ..., epoch: _Optional[int] = ..., position: _Optional[int] = ..., round: _Optional[int] = ..., attempt: _Optional[int] = ..., topic: _Optional[_Union[_envelope_pb2.TopicId, _Mapping]] = ..., sender: _Optional[_Union[_envelope_pb2.AgentId, _Mapping]] = ..., event_id: _Optional[str] = ..., trace: _Optional[_Union[_envelope_pb2.TraceContext, _Mapping]] = ..., envelope: _Optional[bytes] = ...) -> None: ...

class Nack(_message.Message):
    __slots__ = ["delay_ms", "epoch", "error", "position", "recipient", "round"]
    DELAY_MS_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    RECIPIENT_FIELD_NUMBER: _ClassVar[int]
    ROUND_FIELD_NUMBER: _ClassVar[int]
    delay_ms: int
    epoch: int
    error: _errors_pb2.Error
    position: int
    recipient: _envelope_pb2.AgentId
    round: int
    def __init__(self, recipient: _Optional[_Union[_envelope_pb2.AgentId, _Mapping]] = ..., epoch: _Optional[int] = ..., position: _Optional[int] = ..., round: _Optional[int] = ..., error: _Optional[_Union[_errors_pb2.Error, _Mapping]] = ..., delay_ms: _Optional[int] = ...) -> None: ...
