"""Credit, both ways; and what an operator sees."""

from __future__ import annotations

from broker.core.harness import Core, agent, failed, request
from parley_broker.core.messages import (
    AgentMode,
    Cancel,
    Drain,
    Message,
    Request,
)
from parley_broker.core.policy import Policy
from parley_broker.core.views import SessionState
from parley_broker.errors import Reason


class TestCredit:
    def test_root_calls_wait_for_credit_and_nested_ones_do_not(self, core: Core) -> None:
        worker, caller = core.client(credit=2), core.client()
        worker.host("w")
        worker.frame(credit=2)
        caller.host("c", AgentMode.STATELESS)
        for n in range(4):
            caller.command(request("w/k", b"%d" % n))
        assert len(worker.take(Request)) == 2
        caller.command(request("w/k", b"nested", call_chain=(agent("c/k"),)))
        assert [b.envelope for _, b in worker.take(Request)] == [b"nested"]
        worker.frame(credit=3)
        assert [b.envelope for _, b in worker.take(Request)] == [b"2"]

    def test_the_last_one_may_exceed_the_bytes(self, core: Core) -> None:
        worker, caller = core.client(credit=5), core.client()
        worker.host("w")
        for _ in range(3):
            caller.command(request("w/k", b"1234"))
        assert len(worker.take(Request)) == 2, "4 bytes are below 5, 8 are not"

    def test_beyond_the_broker_s_credit(self) -> None:

        core = Core(Policy(credit_messages=2, credit_bytes=1000))
        caller = core.client()
        caller.frame(*(Message(request("w/k"), n) for n in range(1, 4)))
        failed(caller.answer(1), Reason.NO_RESPONDERS)
        failed(caller.answer(2), Reason.NO_RESPONDERS)
        failed(caller.answer(3), Reason.RESOURCE_EXHAUSTED, credit="2 messages and 1000 bytes")
        failed(caller.ask(request("w/k")), Reason.NO_RESPONDERS)

    def test_a_call_that_ended_before_it_was_written_gives_its_credit_back(self, core: Core) -> None:
        worker, caller = core.client(credit=1), core.client()
        worker.host("w")
        first = caller.command(request("w/k", b"a"))
        caller.command(request("w/k", b"b"))
        caller.say(Cancel(first))
        assert [b.envelope for _, b in worker.take(Request)] == [b"b"]


class TestViews:
    def test_each_state(self) -> None:
        core = Core(Policy(heartbeat_interval=1, session_grace=100))
        up, drains, silent, gone = (core.client() for _ in range(4))
        drains.say(Drain())
        core.cut(gone)
        core.advance(2)
        for client in (up, drains):
            client.frame()
        core.advance(1.5)
        views = core.machine.sessions("", 10)
        assert [(view.session, view.state) for view in views] == [
            (up.session, SessionState.CONNECTED),
            (drains.session, SessionState.DRAINING),
            (silent.session, SessionState.SUSPECT),
            (gone.session, SessionState.DISCONNECTED),
        ]
        assert [view.peer for view in views] == ["peer", "peer", "peer", ""]

    def test_pages(self, core: Core) -> None:
        names = sorted(core.client().session for _ in range(5))
        assert [view.session for view in core.machine.sessions("", 2)] == names[:2]
        assert [view.session for view in core.machine.sessions(names[1], 10)] == names[2:]
        assert core.machine.sessions(names[-1], 10) == []

    def test_agents(self, core: Core) -> None:
        worker, caller = core.client(), core.client()
        for agent_type in ("b", "a"):
            worker.host(agent_type)
            for key in ("2", "1"):
                caller.command(request(f"{agent_type}/{key}"))
        assert [str(view.agent) for view in core.machine.agents(None, "", 3)] == ["a/1", "a/2", "b/1"]
        assert [str(view.agent) for view in core.machine.agents(agent("a/1"), "", 9)] == ["a/2", "b/1", "b/2"]
        assert [str(view.agent) for view in core.machine.agents(None, "b", 9)] == ["b/1", "b/2"]
        assert {view.session for view in core.machine.agents(None, "", 9)} == {worker.session}
