"""Sessions that fall silent, drain, do not read, or end."""

from __future__ import annotations

from broker.core.harness import Core, agent, bodies, done, failed, reply, request
from parley_broker.core.gateway.commands import MAX_DRAINS
from parley_broker.core.messages import (
    Drain,
    Error,
    Hello,
    Message,
    Request,
)
from parley_broker.core.policy import FRAME_BYTES, Policy
from parley_broker.errors import EndCode, Reason


class TestSuspects:
    POLICY = Policy(heartbeat_interval=1, suspect_limit=10)

    def test_nothing_new_goes_to_a_suspect(self) -> None:
        core = Core(self.POLICY)
        worker, caller = core.client(), core.client()
        worker.host("w")
        caller.command(request("w/k"))
        for _ in range(4):
            core.advance(1)
            caller.frame()
        assert "session suspect" in core.logs
        second = caller.command(request("w/k"))
        nested = caller.command(request("w/other", wait_for_ready=True))
        assert len(worker.take(Request)) == 1
        assert caller.answer(second) is None
        worker.frame()
        assert [b.target.key for _, b in worker.take(Request)] == ["k", "other"]
        assert caller.answer(nested) is None

    def test_a_suspect_is_lost_after_its_limit(self) -> None:
        core = Core(self.POLICY)
        worker, caller = core.client(), core.client()
        worker.host("w")
        asked = caller.command(request("w/k"))
        worker.take(Request)
        for _ in range(14):
            core.advance(1)
            caller.frame()
        assert worker.closed is not None
        assert worker.closed.code is EndCode.DEADLINE_EXCEEDED
        failed(caller.answer(asked), Reason.OUTCOME_UNKNOWN)

    def test_what_waits_for_a_suspect_goes_elsewhere_when_it_is_lost(self) -> None:
        core = Core(self.POLICY)
        worker, caller = core.client(), core.client()
        worker.host("w")
        caller.command(request("w/k"))
        worker.take(Request)
        for _ in range(4):
            core.advance(1)
            caller.frame()
        other = core.client()
        other.host("w")
        caller.command(request("w/k", b"second"))
        assert other.take(Request) == [], "the agent has its place"
        core.disconnect(worker)
        assert [b.envelope for _, b in other.take(Request)] == [b"second"]


class TestDrain:
    def test_done_when_nothing_is_in_hand(self, core: Core) -> None:
        worker, caller = core.client(), core.client()
        worker.host("w")
        caller.command(request("w/k"))
        ((call, _),) = worker.take(Request)
        drain = worker.command(Drain())
        assert worker.answer(drain) is None
        reply(worker, call)
        assert done(worker.answer(drain))

    def test_each_of_several_is_answered(self, core: Core) -> None:
        worker, caller = core.client(), core.client()
        worker.host("w")
        caller.command(request("w/k"))
        ((call, _),) = worker.take(Request)
        drains = [worker.command(Drain()) for _ in range(3)]
        reply(worker, call)
        assert all(done(worker.answer(drain)) for drain in drains)
        assert core.tables["commands"] == 0

    def test_not_any_number_waits(self, core: Core) -> None:
        worker, caller = core.client(), core.client()
        worker.host("w")
        caller.command(request("w/k"))
        ((call, _),) = worker.take(Request)
        drains = [worker.command(Drain()) for _ in range(MAX_DRAINS)]
        failed(worker.ask(Drain()), Reason.RESOURCE_EXHAUSTED, limit=MAX_DRAINS)
        reply(worker, call)
        assert all(done(worker.answer(drain)) for drain in drains)
        assert core.tables["commands"] == 0

    def test_done_at_once_when_idle(self, core: Core) -> None:
        assert done(core.client().ask(Drain()))

    def test_idle_agents_move_and_busy_ones_stay(self, core: Core) -> None:
        worker, other, caller = core.client(), core.client(), core.client()
        worker.host("w")
        caller.command(request("w/busy"))
        caller.command(request("w/idle"))
        calls = {b.target.key: call for call, b in worker.take(Request)}
        reply(worker, calls["idle"])
        other.host("w")
        worker.command(Drain())
        for key in ("busy", "idle", "new"):
            caller.command(request(f"w/{key}"))
        assert [b.target.key for _, b in worker.take(Request)] == ["busy"]
        assert [b.target.key for _, b in other.take(Request)] == ["idle", "new"]

    def test_work_in_hand_may_still_call_here(self, core: Core) -> None:
        worker, caller = core.client(), core.client()
        worker.host("a")
        worker.host("b")
        caller.command(request("a/k"))
        ((_, asked),) = worker.take(Request)
        worker.command(Drain())
        worker.command(request("b/k", sender=agent("a/k"), sender_epoch=asked.epoch, call_chain=(agent("a/k"),)))
        assert [b.target.type for _, b in worker.take(Request)] == ["b"]


class TestOutput:
    def test_a_client_that_reads_nothing_is_cut(self) -> None:
        core = Core(Policy(max_output_bytes=10_000))
        worker, deaf, other = core.client(), core.client(), core.client()
        worker.host("w")
        for n in range(20):
            deaf.say(request("w/k"), n + 1)
        for call, _ in worker.take(Request):
            reply(worker, call, b"x" * 1000)
        assert deaf.closed is not None
        assert deaf.closed.code is EndCode.RESOURCE_EXHAUSTED
        assert deaf.connection in core.closed
        other.command(request("w/k"))
        assert len(worker.take(Request)) == 1
        assert core.tables["calls"] == 1

    def test_an_error_of_a_worker_is_bounded_too(self) -> None:
        core = Core(Policy(max_envelope_bytes=100))
        worker, caller = core.client(), core.client()
        worker.host("w")
        asked = caller.command(request("w/k"))
        ((call, _),) = worker.take(Request)
        worker.say(Error(15, "x" * 1000, False, True), re=call)
        assert failed(caller.answer(asked), Reason.PAYLOAD_TOO_LARGE).may_have_run

    def test_a_worker_that_does_not_know_requests_gets_none(self, core: Core) -> None:

        worker, caller = core.client(hello=Hello(1, 1, "p", kinds=frozenset({20, 21}))), core.client()
        worker.host("w")
        worker.subscribe("t", "w")
        failed(caller.ask(request("w/k")), Reason.UNHANDLED_MESSAGE)
        caller.publish("t/k")
        assert core.tables["deliveries"] == 0
        assert core.tables["placed_calls"] == 0

    def test_what_is_read_after_the_end_leaves_nothing(self) -> None:
        core = Core()
        worker, caller = core.client(), core.client()
        worker.host("w")
        caller.command(request("w/k"))
        worker.frame(Message(Hello(1, 1, "p"), 9))
        assert worker.closed is not None
        worker.read()
        core.disconnect(worker)
        core.disconnect(caller)
        assert core.tables["hosts"] == 0


class TestFrames:
    def test_what_a_frame_leaves_wakes_again(self) -> None:
        core = Core()
        worker, caller = core.client(), core.client()
        worker.host("w")
        for key in "abc":
            caller.command(request(f"w/{key}", bytes(FRAME_BYTES)))
        wake = core.machine.effects.wake
        requests: list[Request] = []
        while worker.connection in wake:
            wake.clear()
            frame = core.machine.take(worker.connection, core.now)
            assert frame is not None, "it is not woken for nothing"
            fresh = bodies(frame.messages, Request)
            assert len(fresh) <= 1
            requests += fresh
        assert len(requests) == 3

    def test_a_resumed_session_is_told_the_rest_after_its_welcome(self) -> None:
        core = Core()
        worker, caller = core.client(), core.client()
        worker.host("w")
        core.cut(worker)
        caller.command(request("w/a"))
        core.machine.effects.wake.clear()
        assert core.resume(worker) is not None
        assert len(worker.take(Request)) == 1
