from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Probe(_message.Message):
    __slots__ = ["do", "label", "pad"]
    DO_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    PAD_FIELD_NUMBER: _ClassVar[int]
    do: _containers.RepeatedCompositeFieldContainer[Step]
    label: str
    pad: str
    def __init__(self, label: _Optional[str] = ..., do: _Optional[_Iterable[_Union[Step, _Mapping]]] = ..., pad: _Optional[str] = ...) -> None: ...

class ProbeRefused(_message.Message):
    __slots__ = ["label", "value"]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    label: str
    value: str
    def __init__(self, label: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...

class ProbeReply(_message.Message):
    __slots__ = ["agent", "count", "label", "value"]
    AGENT_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    agent: str
    count: int
    label: str
    value: str
    def __init__(self, label: _Optional[str] = ..., value: _Optional[str] = ..., count: _Optional[int] = ..., agent: _Optional[str] = ...) -> None: ...

class ProbeStranger(_message.Message):
    __slots__ = ["label"]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    label: str
    def __init__(self, label: _Optional[str] = ...) -> None: ...

class ProbeV2(_message.Message):
    __slots__ = ["do", "label", "note", "pad"]
    DO_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    PAD_FIELD_NUMBER: _ClassVar[int]
    do: _containers.RepeatedCompositeFieldContainer[Step]
    label: str
    note: str
    pad: str
    def __init__(self, label: _Optional[str] = ..., do: _Optional[_Iterable[_Union[Step, _Mapping]]] = ..., pad: _Optional[str] = ..., note: _Optional[str] = ...) -> None: ...

class Step(_message.Message):
    __slots__ = ["catch", "how", "message", "number", "op", "text", "timeout_ms", "to"]
    CATCH_FIELD_NUMBER: _ClassVar[int]
    HOW_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    OP_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_MS_FIELD_NUMBER: _ClassVar[int]
    TO_FIELD_NUMBER: _ClassVar[int]
    catch: bool
    how: str
    message: Probe
    number: int
    op: str
    text: str
    timeout_ms: int
    to: str
    def __init__(self, op: _Optional[str] = ..., text: _Optional[str] = ..., how: _Optional[str] = ..., number: _Optional[int] = ..., to: _Optional[str] = ..., message: _Optional[_Union[Probe, _Mapping]] = ..., timeout_ms: _Optional[int] = ..., catch: bool = ...) -> None: ...
