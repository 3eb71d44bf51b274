from parley_wire.v1 import envelope_pb2 as _envelope_pb2
from parley_wire.v1 import publish_pb2 as _publish_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Commit(_message.Message):
    __slots__ = ["agent", "epoch", "expected_version", "publishes", "state"]
    AGENT_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_VERSION_FIELD_NUMBER: _ClassVar[int]
    PUBLISHES_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    agent: _envelope_pb2.AgentId
    epoch: int
    expected_version: int
    publishes: _containers.RepeatedCompositeFieldContainer[_publish_pb2.Publish]
    state: State
    def __init__(self, agent: _Optional[_Union[_envelope_pb2.AgentId, _Mapping]] = ..., epoch: _Optional[int] = ..., expected_version: _Optional[int] = ..., state: _Optional[_Union[State, _Mapping]] = ..., publishes: _Optional[_Iterable[_Union[_publish_pb2.Publish, _Mapping]]] = ...) -> None: ...

class Save(_message.Message):
    __slots__ = ["agent", "epoch", "expected_version", "state"]
    AGENT_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_VERSION_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    agent: _envelope_pb2.AgentId
    epoch: int
    expected_version: int
    state: State
    def __init__(self, agent: _Optional[_Union[_envelope_pb2.AgentId, _Mapping]] = ..., epoch: _Optional[int] = ..., expected_version: _Optional[int] = ..., state: _Optional[_Union[State, _Mapping]] = ...) -> None: ...

class SaveRequest(_message.Message):
    __slots__ = ["agent", "epoch"]
    AGENT_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    agent: _envelope_pb2.AgentId
    epoch: int
    def __init__(self, agent: _Optional[_Union[_envelope_pb2.AgentId, _Mapping]] = ..., epoch: _Optional[int] = ...) -> None: ...

class State(_message.Message):
    __slots__ = ["content_type", "data", "version"]
    CONTENT_TYPE_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    content_type: str
    data: bytes
    version: int
    def __init__(self, data: _Optional[bytes] = ..., content_type: _Optional[str] = ..., version: _Optional[int] = ...) -> None: ...
