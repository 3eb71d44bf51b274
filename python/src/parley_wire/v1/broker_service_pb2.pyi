from parley_wire.v1 import agent_pb2 as _agent_pb2
from parley_wire.v1 import call_pb2 as _call_pb2
from parley_wire.v1 import delivery_pb2 as _delivery_pb2
from parley_wire.v1 import errors_pb2 as _errors_pb2
from parley_wire.v1 import publish_pb2 as _publish_pb2
from parley_wire.v1 import session_pb2 as _session_pb2
from parley_wire.v1 import state_pb2 as _state_pb2
from parley_wire.v1 import subscription_pb2 as _subscription_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Done(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class Frame(_message.Message):
    __slots__ = ["credit_bytes", "credit_messages", "first_seq", "messages", "received"]
    CREDIT_BYTES_FIELD_NUMBER: _ClassVar[int]
    CREDIT_MESSAGES_FIELD_NUMBER: _ClassVar[int]
    FIRST_SEQ_FIELD_NUMBER: _ClassVar[int]
    MESSAGES_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_FIELD_NUMBER: _ClassVar[int]
    credit_bytes: int
    credit_messages: int
    first_seq: int
    messages: _containers.RepeatedCompositeFieldContainer[Message]
    received: int
    def __init__(self, first_seq: _Optional[int] = ..., received: _Optional[int] = ..., credit_messages: _Optional[int] = ..., credit_bytes: _Optional[int] = ..., messages: _Optional[_Iterable[_Union[Message, _Mapping]]] = ...) -> None: ...

class Message(_message.Message):
    __slots__ = ["ack", "activate", "cancel", "claim", "claim_result", "deactivate", "delivery", "done", "drain", "error", "goodbye", "heartbeat", "hello", "id", "list_subscriptions", "nack", "publish", "published", "re", "register_agent_type", "reply", "request", "save", "save_request", "subscribe", "subscription_list", "unregister_agent_type", "unsubscribe", "welcome"]
    ACK_FIELD_NUMBER: _ClassVar[int]
    ACTIVATE_FIELD_NUMBER: _ClassVar[int]
    CANCEL_FIELD_NUMBER: _ClassVar[int]
    CLAIM_FIELD_NUMBER: _ClassVar[int]
    CLAIM_RESULT_FIELD_NUMBER: _ClassVar[int]
    DEACTIVATE_FIELD_NUMBER: _ClassVar[int]
    DELIVERY_FIELD_NUMBER: _ClassVar[int]
    DONE_FIELD_NUMBER: _ClassVar[int]
    DRAIN_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    GOODBYE_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    HELLO_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    LIST_SUBSCRIPTIONS_FIELD_NUMBER: _ClassVar[int]
    NACK_FIELD_NUMBER: _ClassVar[int]
    PUBLISHED_FIELD_NUMBER: _ClassVar[int]
    PUBLISH_FIELD_NUMBER: _ClassVar[int]
    REGISTER_AGENT_TYPE_FIELD_NUMBER: _ClassVar[int]
    REPLY_FIELD_NUMBER: _ClassVar[int]
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    RE_FIELD_NUMBER: _ClassVar[int]
    SAVE_FIELD_NUMBER: _ClassVar[int]
    SAVE_REQUEST_FIELD_NUMBER: _ClassVar[int]
    SUBSCRIBE_FIELD_NUMBER: _ClassVar[int]
    SUBSCRIPTION_LIST_FIELD_NUMBER: _ClassVar[int]
    UNREGISTER_AGENT_TYPE_FIELD_NUMBER: _ClassVar[int]
    UNSUBSCRIBE_FIELD_NUMBER: _ClassVar[int]
    WELCOME_FIELD_NUMBER: _ClassVar[int]
    ack: _delivery_pb2.Ack
    activate: _agent_pb2.Activate
    cancel: _call_pb2.Cancel
    claim: _agent_pb2.Claim
    claim_result: _agent_pb2.ClaimResult
    deactivate: _agent_pb2.Deactivate
    delivery: _delivery_pb2.Delivery
    done: Done
    drain: _session_pb2.Drain
    error: _errors_pb2.Error
    goodbye: _session_pb2.Goodbye
    heartbeat: _session_pb2.Heartbeat
    hello: _session_pb2.Hello
    id: int
    list_subscriptions: _subscription_pb2.ListSubscriptions
    nack: _delivery_pb2.Nack
    publish: _publish_pb2.Publish
    published: _publish_pb2.Published
    re: int
    register_agent_type: _agent_pb2.RegisterAgentType
    reply: _call_pb2.Reply
    request: _call_pb2.Request
    save: _state_pb2.Save
    save_request: _state_pb2.SaveRequest
    subscribe: _subscription_pb2.Subscribe
    subscription_list: _subscription_pb2.SubscriptionList
    unregister_agent_type: _agent_pb2.UnregisterAgentType
    unsubscribe: _subscription_pb2.Unsubscribe
    welcome: _session_pb2.Welcome
    def __init__(self, id: _Optional[int] = ..., re: _Optional[int] = ..., hello: _Optional[_Union[_session_pb2.Hello, _Mapping]] = ..., welcome: _Optional[_Union[_session_pb2.Welcome, _Mapping]] = ..., heartbeat: _Optional[_Union[_session_pb2.Heartbeat, _Mapping]] = ..., goodbye: _Optional[_Union[_session_pb2.Goodbye, _Mapping]] = ..., drain: _Optional[_Union[_session_pb2.Drain, _Mapping]] = ..., done: _Optional[_Union[Done, _Mapping]] = ..., error: _Optional[_Union[_errors_pb2.Error, _Mapping]] = ..., register_agent_type: _Optional[_Union[_agent_pb2.RegisterAgentType, _Mapping]] = ..., unregister_agent_type: _Optional[_Union[_agent_pb2.UnregisterAgentType, _Mapping]] = ..., activate: _Optional[_Union[_agent_pb2.Activate, _Mapping]] = ..., deactivate: _Optional[_Union[_agent_pb2.Deactivate, _Mapping]] = ..., claim: _Optional[_Union[_agent_pb2.Claim, _Mapping]] = ..., claim_result: _Optional[_Union[_agent_pb2.ClaimResult, _Mapping]] = ..., request: _Optional[_Union[_call_pb2.Request, _Mapping]] = ..., reply: _Optional[_Union[_call_pb2.Reply, _Mapping]] = ..., cancel: _Optional[_Union[_call_pb2.Cancel, _Mapping]] = ..., subscribe: _Optional[_Union[_subscription_pb2.Subscribe, _Mapping]] = ..., unsubscribe: _Optional[_Union[_subscription_pb2.Unsubscribe, _Mapping]] = ..., list_subscriptions: _Optional[_Union[_subscription_pb2.ListSubscriptions, _Mapping]] = ..., subscription_list: _Optional[_Union[_subscription_pb2.SubscriptionList, _Mapping]] = ..., publish: _Optional[_Union[_publish_pb2.Publish, _Mapping]] = ..., published: _Optional[_Union[_publish_pb2.Published, _Mapping]] = ..., delivery: _Optional[_Union[_delivery_pb2.Delivery, _Mapping]] = ..., ack: _Optional[_Union[_delivery_pb2.Ack, _Mapping]] = ..., nack: _Optional[_Union[_delivery_pb2.Nack, _Mapping]] = ..., save: _Optional[_Union[_state_pb2.Save, _Mapping]] = ..., save_request: _Optional[_Union[_state_pb2.SaveRequest, _Mapping]] = ...) -> None: ...
