"""What operators ask and are told, as bytes and as values."""

from __future__ import annotations

from typing import Any, TypeVar

from google.protobuf.message import DecodeError

from parley_broker.core.ids import AgentId
from parley_broker.core.messages import Status
from parley_broker.core.views import AgentView, SessionView
from parley_broker.errors import CommandError, Reason
from parley_wire.v1 import admin_service_pb2

DEFAULT_PAGE = 100
MAX_PAGE = 1_000

W = TypeVar("W")


def decode(kind: type[W], data: bytes) -> W:
    """The message of this kind in these bytes.

    Raises:
        CommandError: INVALID_ARGUMENT: they are none.
    """
    wire: Any = kind
    try:
        message: W = wire.FromString(data)
    except (DecodeError, SystemError):  # protobuf 3.21 raises the latter for some bytes
        raise CommandError(Reason.INVALID_ARGUMENT, f"these {len(data)} bytes are no {kind.__name__}") from None
    return message


def page_size(asked: int) -> int:
    """How many entries a page has; 0 asks for the default."""
    return min(asked or DEFAULT_PAGE, MAX_PAGE)


def decode_list_sessions(data: bytes) -> tuple[int, str]:
    """The size of the page, and the session that it comes after."""
    ask = decode(admin_service_pb2.ListSessionsRequest, data)
    return page_size(ask.page_size), ask.page_token


def decode_list_agents(data: bytes) -> tuple[int, AgentId | None, str]:
    """The size of the page, the agent that it comes after, and the agent type; empty: all of them."""
    ask = decode(admin_service_pb2.ListAgentsRequest, data)
    agent_type, slash, key = ask.page_token.partition("/")
    if ask.page_token and not slash:
        raise CommandError(
            Reason.INVALID_ARGUMENT, "page_token is none that an earlier page ended with", field="page_token"
        )
    return page_size(ask.page_size), AgentId(agent_type, key) if slash else None, ask.agent_type


def decode_drain(data: bytes) -> float:
    """The time that clients have, in seconds; 0: the broker's default."""
    return decode(admin_service_pb2.DrainBrokerRequest, data).timeout_ms / 1000


def encode_status(status: Status, memory_bytes: int) -> bytes:
    """The bytes of a GetStatusResponse."""
    return admin_service_pb2.GetStatusResponse(
        broker_version=status.version,
        incarnation=status.incarnation,
        uptime_ms=round(status.uptime * 1000),
        tables=status.tables,
        memory_bytes=memory_bytes,
    ).SerializeToString()


def encode_sessions(views: list[SessionView], size: int) -> bytes:
    """The bytes of a ListSessionsResponse of `size` entries; one more view says that there are more."""
    response = admin_service_pb2.ListSessionsResponse()
    for view in views[:size]:
        response.sessions.add(
            session_id=view.session,
            instance_id=view.instance,
            sdk_name=view.sdk_name,
            sdk_language=view.sdk_language,
            sdk_version=view.sdk_version,
            state=view.state.value,
            agent_types=view.agent_types,
            peer=view.peer,
        )
    if len(views) > size:
        response.next_page_token = views[size - 1].session
    return response.SerializeToString()


def encode_agents(views: list[AgentView], size: int) -> bytes:
    """The bytes of a ListAgentsResponse of `size` entries; one more view says that there are more."""
    response = admin_service_pb2.ListAgentsResponse()
    for view in views[:size]:
        info = response.agents.add(session_id=view.session, epoch=view.epoch, pending_events=view.pending_events)
        info.agent.type, info.agent.key = view.agent
    if len(views) > size:
        response.next_page_token = str(views[size - 1].agent)
    return response.SerializeToString()


def encode_drain() -> bytes:
    """The bytes of a DrainBrokerResponse."""
    return admin_service_pb2.DrainBrokerResponse().SerializeToString()
