from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Blob(_message.Message):
    __slots__ = ["data"]
    DATA_FIELD_NUMBER: _ClassVar[int]
    data: bytes
    def __init__(self, data: _Optional[bytes] = ...) -> None: ...

class Choice(_message.Message):
    __slots__ = ["color", "maybe", "palette"]
    class Color(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = []
    COLOR_FIELD_NUMBER: _ClassVar[int]
    DARK_BLUE: Choice.Color
    HTTP_ERROR: Choice.Color
    MAYBE_FIELD_NUMBER: _ClassVar[int]
    PALETTE_FIELD_NUMBER: _ClassVar[int]
    RED: Choice.Color
    RGB2: Choice.Color
    color: Choice.Color
    maybe: Choice.Color
    palette: _containers.RepeatedScalarFieldContainer[Choice.Color]
    def __init__(self, color: _Optional[_Union[Choice.Color, str]] = ..., maybe: _Optional[_Union[Choice.Color, str]] = ..., palette: _Optional[_Iterable[_Union[Choice.Color, str]]] = ...) -> None: ...

class Empty(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class Inner(_message.Message):
    __slots__ = ["count", "label"]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    count: int
    label: str
    def __init__(self, label: _Optional[str] = ..., count: _Optional[int] = ...) -> None: ...

class Lists(_message.Message):
    __slots__ = ["floats", "ints", "texts"]
    FLOATS_FIELD_NUMBER: _ClassVar[int]
    INTS_FIELD_NUMBER: _ClassVar[int]
    TEXTS_FIELD_NUMBER: _ClassVar[int]
    floats: _containers.RepeatedScalarFieldContainer[float]
    ints: _containers.RepeatedScalarFieldContainer[int]
    texts: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, ints: _Optional[_Iterable[int]] = ..., floats: _Optional[_Iterable[float]] = ..., texts: _Optional[_Iterable[str]] = ...) -> None: ...

class Maps(_message.Message):
    __slots__ = ["counts", "texts"]
    class CountsEntry(_message.Message):
        __slots__ = ["key", "value"]
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    class TextsEntry(_message.Message):
        __slots__ = ["key", "value"]
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    TEXTS_FIELD_NUMBER: _ClassVar[int]
    counts: _containers.ScalarMap[str, int]
    texts: _containers.ScalarMap[str, str]
    def __init__(self, counts: _Optional[_Mapping[str, int]] = ..., texts: _Optional[_Mapping[str, str]] = ...) -> None: ...

class Nested(_message.Message):
    __slots__ = ["by_name", "inner", "items", "maybe"]
    class ByNameEntry(_message.Message):
        __slots__ = ["key", "value"]
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: Inner
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[Inner, _Mapping]] = ...) -> None: ...
    BY_NAME_FIELD_NUMBER: _ClassVar[int]
    INNER_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    MAYBE_FIELD_NUMBER: _ClassVar[int]
    by_name: _containers.MessageMap[str, Inner]
    inner: Inner
    items: _containers.RepeatedCompositeFieldContainer[Inner]
    maybe: Inner
    def __init__(self, inner: _Optional[_Union[Inner, _Mapping]] = ..., maybe: _Optional[_Union[Inner, _Mapping]] = ..., items: _Optional[_Iterable[_Union[Inner, _Mapping]]] = ..., by_name: _Optional[_Mapping[str, Inner]] = ...) -> None: ...

class Numbers(_message.Message):
    __slots__ = ["flag", "float32", "float64", "int32", "int64", "uint64"]
    FLAG_FIELD_NUMBER: _ClassVar[int]
    FLOAT32_FIELD_NUMBER: _ClassVar[int]
    FLOAT64_FIELD_NUMBER: _ClassVar[int]
    INT32_FIELD_NUMBER: _ClassVar[int]
    INT64_FIELD_NUMBER: _ClassVar[int]
    UINT64_FIELD_NUMBER: _ClassVar[int]
    flag: bool
    float32: float
    float64: float
    int32: int
    int64: int
    uint64: int
    def __init__(self, int32: _Optional[int] = ..., int64: _Optional[int] = ..., uint64: _Optional[int] = ..., float32: _Optional[float] = ..., float64: _Optional[float] = ..., flag: bool = ...) -> None: ...

class Optionals(_message.Message):
    __slots__ = ["alias", "color", "count", "name", "note", "on", "ratio"]
    ALIAS_FIELD_NUMBER: _ClassVar[int]
    COLOR_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    ON_FIELD_NUMBER: _ClassVar[int]
    RATIO_FIELD_NUMBER: _ClassVar[int]
    alias: str
    color: Choice.Color
    count: int
    name: str
    note: str
    on: bool
    ratio: float
    def __init__(self, name: _Optional[str] = ..., alias: _Optional[str] = ..., note: _Optional[str] = ..., count: _Optional[int] = ..., ratio: _Optional[float] = ..., color: _Optional[_Union[Choice.Color, str]] = ..., on: bool = ...) -> None: ...

class Texts(_message.Message):
    __slots__ = ["text"]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    text: str
    def __init__(self, text: _Optional[str] = ...) -> None: ...

class Times(_message.Message):
    __slots__ = ["at"]
    AT_FIELD_NUMBER: _ClassVar[int]
    at: _timestamp_pb2.Timestamp
    def __init__(self, at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Tree(_message.Message):
    __slots__ = ["children", "name"]
    CHILDREN_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    children: _containers.RepeatedCompositeFieldContainer[Tree]
    name: str
    def __init__(self, name: _Optional[str] = ..., children: _Optional[_Iterable[_Union[Tree, _Mapping]]] = ...) -> None: ...
