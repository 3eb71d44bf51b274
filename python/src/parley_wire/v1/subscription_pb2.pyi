from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor
TOPIC_MATCH_EXACT: TopicMatch
TOPIC_MATCH_PREFIX: TopicMatch
TOPIC_MATCH_UNSPECIFIED: TopicMatch

class ListSubscriptions(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class Subscribe(_message.Message):
    __slots__ = ["subscription"]
    SUBSCRIPTION_FIELD_NUMBER: _ClassVar[int]
    subscription: Subscription
    def __init__(self, subscription: _Optional[_Union[Subscription, _Mapping]] = ...) -> None: ...

class Subscription(_message.Message):
    __slots__ = ["agent_type", "durable", "expiry_ms", "match", "topic_type"]
    AGENT_TYPE_FIELD_NUMBER: _ClassVar[int]
    DURABLE_FIELD_NUMBER: _ClassVar[int]
    EXPIRY_MS_FIELD_NUMBER: _ClassVar[int]
    MATCH_FIELD_NUMBER: _ClassVar[int]
    TOPIC_TYPE_FIELD_NUMBER: _ClassVar[int]
    agent_type: str
    durable: bool
    expiry_ms: int
    match: TopicMatch
    topic_type: str
    def __init__(self, topic_type: _Optional[str] = ..., match: _Optional[_Union[TopicMatch, str]] = ..., agent_type: _Optional[str] = ..., durable: bool = ..., expiry_ms: _Optional[int] = ...) -> None: ...

class SubscriptionList(_message.Message):
    __slots__ = ["subscriptions"]
    SUBSCRIPTIONS_FIELD_NUMBER: _ClassVar[int]
    subscriptions: _containers.RepeatedCompositeFieldContainer[Subscription]
    def __init__(self, subscriptions: _Optional[_Iterable[_Union[Subscription, _Mapping]]] = ...) -> None: ...

class Unsubscribe(_message.Message):
    __slots__ = ["subscription"]
    SUBSCRIPTION_FIELD_NUMBER: _ClassVar[int]
    subscription: Subscription
    def __init__(self, subscription: _Optional[_Union[Subscription, _Mapping]] = ...) -> None: ...

class TopicMatch(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []
