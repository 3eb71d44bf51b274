from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class Reading(_message.Message):
    __slots__ = ["number", "source", "text", "values"]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    number: int
    source: str
    text: str
    values: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, number: _Optional[int] = ..., source: _Optional[str] = ..., values: _Optional[_Iterable[float]] = ..., text: _Optional[str] = ...) -> None: ...
