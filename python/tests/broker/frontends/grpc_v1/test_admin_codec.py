"""Pages, there and back."""

from __future__ import annotations

import pytest

from parley_broker.core.ids import AgentId
from parley_broker.core.messages import Status
from parley_broker.core.views import AgentView, SessionState, SessionView
from parley_broker.errors import CommandError
from parley_broker.frontends.grpc_v1 import admin_codec as codec
from parley_wire.v1 import admin_service_pb2 as admin


def test_the_states_are_those_of_the_wire() -> None:
    for state in SessionState:
        assert admin.SessionState.Name(state) == f"SESSION_STATE_{state.name}"


def test_a_page_without_a_size_has_the_default() -> None:
    assert codec.decode_list_sessions(b"") == (100, "")
    assert codec.decode_list_agents(b"") == (100, None, "")
    assert codec.decode_list_sessions(admin.ListSessionsRequest(page_size=5000).SerializeToString())[0] == 1000


@pytest.mark.parametrize("agent", [AgentId("t", "k"), AgentId("t", "a/b/c"), AgentId("a.b-c", "ä ö")])
def test_the_next_page_begins_after_the_last_entry(agent: AgentId) -> None:
    views = [AgentView(agent, "s", 7, 2), AgentView(AgentId("z", "z"), "s", 8, 0)]
    page = admin.ListAgentsResponse.FromString(codec.encode_agents(views, 1))
    assert [(a.agent.type, a.agent.key, a.session_id, a.epoch, a.pending_events) for a in page.agents] == [
        (*agent, "s", 7, 2)
    ]
    ask = admin.ListAgentsRequest(page_size=5, page_token=page.next_page_token, agent_type="t")
    assert codec.decode_list_agents(ask.SerializeToString()) == (5, agent, "t")
    assert not admin.ListAgentsResponse.FromString(codec.encode_agents(views, 2)).next_page_token


def test_sessions() -> None:
    views = [SessionView(f"s{n}", "i", "sdk", "raw", "1", SessionState.SUSPECT, ("a", "b"), "ipv4:1") for n in range(3)]
    page = admin.ListSessionsResponse.FromString(codec.encode_sessions(views, 2))
    assert [s.session_id for s in page.sessions] == ["s0", "s1"]
    assert page.next_page_token == "s1"
    assert page.sessions[0].state == admin.SESSION_STATE_SUSPECT
    assert list(page.sessions[0].agent_types) == ["a", "b"]


def test_drain() -> None:
    assert codec.decode_drain(admin.DrainBrokerRequest(timeout_ms=1500).SerializeToString()) == 1.5
    assert codec.encode_drain() == b""


def test_bytes_that_are_no_request() -> None:
    with pytest.raises(CommandError, match="no ListSessionsRequest"):
        codec.decode_list_sessions(b"\xff\xff")


def test_status() -> None:
    status = admin.GetStatusResponse.FromString(codec.encode_status(Status("0.1", "i", 1.5, {"calls": 3}), 99))
    assert (status.broker_version, status.incarnation, status.uptime_ms, status.memory_bytes) == ("0.1", "i", 1500, 99)
    assert dict(status.tables) == {"calls": 3}
