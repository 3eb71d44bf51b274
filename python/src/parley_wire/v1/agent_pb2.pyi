from parley_wire.v1 import envelope_pb2 as _envelope_pb2
from parley_wire.v1 import state_pb2 as _state_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

AGENT_MODE_EFFECTIVELY_ONCE: AgentMode
AGENT_MODE_STANDARD: AgentMode
AGENT_MODE_STATELESS: AgentMode
AGENT_MODE_UNSPECIFIED: AgentMode
DESCRIPTOR: _descriptor.FileDescriptor

class Activate(_message.Message):
    __slots__ = ["agent", "epoch", "state"]
    AGENT_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    agent: _envelope_pb2.AgentId
    epoch: int
    state: _state_pb2.State
    def __init__(self, agent: _Optional[_Union[_envelope_pb2.AgentId, _Mapping]] = ..., epoch: _Optional[int] = ..., state: _Optional[_Union[_state_pb2.State, _Mapping]] = ...) -> None: ...

class Claim(_message.Message):
    __slots__ = ["agents"]
    AGENTS_FIELD_NUMBER: _ClassVar[int]
    agents: _containers.RepeatedCompositeFieldContainer[HeldAgent]
    def __init__(self, agents: _Optional[_Iterable[_Union[HeldAgent, _Mapping]]] = ...) -> None: ...

class ClaimResult(_message.Message):
    __slots__ = ["refused"]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    refused: _containers.RepeatedCompositeFieldContainer[_envelope_pb2.AgentId]
    def __init__(self, refused: _Optional[_Iterable[_Union[_envelope_pb2.AgentId, _Mapping]]] = ...) -> None: ...

class Deactivate(_message.Message):
    __slots__ = ["agent", "epoch", "timeout_ms"]
    AGENT_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_MS_FIELD_NUMBER: _ClassVar[int]
    agent: _envelope_pb2.AgentId
    epoch: int
    timeout_ms: int
    def __init__(self, agent: _Optional[_Union[_envelope_pb2.AgentId, _Mapping]] = ..., epoch: _Optional[int] = ..., timeout_ms: _Optional[int] = ...) -> None: ...

class HeldAgent(_message.Message):
    __slots__ = ["agent", "epoch"]
    AGENT_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    agent: _envelope_pb2.AgentId
    epoch: int
    def __init__(self, agent: _Optional[_Union[_envelope_pb2.AgentId, _Mapping]] = ..., epoch: _Optional[int] = ...) -> None: ...

class RegisterAgentType(_message.Message):
    __slots__ = ["concurrency", "idle_timeout_ms", "keeps_state", "mode", "pinned_keys", "type"]
    CONCURRENCY_FIELD_NUMBER: _ClassVar[int]
    IDLE_TIMEOUT_MS_FIELD_NUMBER: _ClassVar[int]
    KEEPS_STATE_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    PINNED_KEYS_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    concurrency: int
    idle_timeout_ms: int
    keeps_state: bool
    mode: AgentMode
    pinned_keys: _containers.RepeatedScalarFieldContainer[str]
    type: str
    def __init__(self, type: _Optional[str] = ..., mode: _Optional[_Union[AgentMode, str]] = ..., pinned_keys: _Optional[_Iterable[str]] = ..., concurrency: _Optional[int] = ..., keeps_state: bool = ..., idle_timeout_ms: _Optional[int] = ...) -> None: ...

class UnregisterAgentType(_message.Message):
    __slots__ = ["type"]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    type: str
    def __init__(self, type: _Optional[str] = ...) -> None: ...

class AgentMode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []
