from parley_wire.v1 import envelope_pb2 as _envelope_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Publish(_message.Message):
    __slots__ = ["envelope", "ephemeral", "event_id", "producer_seq", "sender", "sender_epoch", "topic", "trace"]
    ENVELOPE_FIELD_NUMBER: _ClassVar[int]
    EPHEMERAL_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    PRODUCER_SEQ_FIELD_NUMBER: _ClassVar[int]
    SENDER_EPOCH_FIELD_NUMBER: _ClassVar[int]
    SENDER_FIELD_NUMBER: _ClassVar[int]
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    TRACE_FIELD_NUMBER: _ClassVar[int]
    envelope: bytes
    ephemeral: bool
    event_id: str
    producer_seq: int
    sender: _envelope_pb2.AgentId
    sender_epoch: int
    topic: _envelope_pb2.TopicId
    trace: _envelope_pb2.TraceContext
    def __init__(self, topic: _Optional[_Union[_envelope_pb2.TopicId, _Mapping]] = ..., sender: _Optional[_Union[_envelope_pb2.AgentId, _Mapping]] = ..., sender_epoch: _Optional[int] = ..., producer_seq: _Optional[int] = ..., event_id: _Optional[str] = ..., ephemeral: bool = ..., trace: _Optional[_Union[_envelope_pb2.TraceContext, _Mapping]] = ..., envelope: _Optional[bytes] = ...) -> None: ...

class Published(_message.Message):
    __slots__ = ["duplicate", "recipients"]
    DUPLICATE_FIELD_NUMBER: _ClassVar[int]
    RECIPIENTS_FIELD_NUMBER: _ClassVar[int]
    duplicate: bool
    recipients: int
    def __init__(self, recipients: _Optional[int] = ..., duplicate: bool = ...) -> None: ...
