"""Calls: each ends in exactly one outcome."""

from __future__ import annotations

import pytest

from broker.core.harness import Core, agent, done, failed, reply, request
from parley_broker.core.messages import (
    Activate,
    AgentMode,
    Cancel,
    Message,
    Reply,
    Request,
    UnregisterAgentType,
    make_error,
)
from parley_broker.core.policy import Policy
from parley_broker.errors import Reason


class TestCalls:
    def test_activate_comes_once_and_first(self, core: Core) -> None:
        worker, caller = core.client(), core.client()
        worker.host("w")
        caller.command(request("w/k"))
        caller.command(request("w/k"))
        kinds = [type(m.body) for m in worker.read()]
        assert kinds == [Activate, Request, Request]

    def test_a_failed_activation_ends_the_place(self, core: Core) -> None:
        worker, caller = core.client(), core.client()
        worker.host("w")
        first = caller.command(request("w/k"))
        (activation, activate), (call, _) = worker.take(Activate) + worker.take(Request)  # type: ignore[operator]
        worker.say(make_error(Reason.ACTIVATION_FAILED, "no"), re=activation)
        worker.say(make_error(Reason.ACTIVATION_FAILED, "no"), re=call)
        failed(caller.answer(first), Reason.ACTIVATION_FAILED)
        assert core.tables["agents"] == 0
        caller.command(request("w/k"))
        ((_, again),) = worker.take(Activate)
        assert again.epoch > activate.epoch

    def test_a_late_reply_is_dropped(self, core: Core) -> None:
        worker, caller = core.client(), core.client()
        worker.host("w")
        asked = caller.command(request("w/k", deadline=core.now + 1))
        ((call, _),) = worker.take(Request)
        core.advance(1.1)
        error = failed(caller.answer(asked), Reason.DEADLINE_EXCEEDED, timeout_ms=1000)
        assert error.may_have_run
        reply(worker, call)
        assert caller.read() == []

    def test_the_default_and_the_longest_timeout(self) -> None:
        core = Core(Policy(default_call_timeout=5, max_call_timeout=10))
        worker, caller = core.client(), core.client()
        worker.host("w")
        caller.command(request("w/k"))
        caller.command(request("w/k", deadline=core.now + 100))
        deadlines = [body.deadline for _, body in worker.take(Request)]
        assert deadlines == [core.now + 5, core.now + 10]

    def test_no_time_left_is_never_dispatched(self, core: Core) -> None:
        worker, caller = core.client(), core.client()
        worker.host("w")
        error = failed(caller.ask(request("w/k", deadline=core.now)), Reason.DEADLINE_EXCEEDED)
        assert not error.may_have_run
        assert worker.take(Request) == []

    def test_waiting_for_a_host(self, core: Core) -> None:
        caller = core.client()
        asked = [caller.command(request("w/k", b"%d" % n, wait_for_ready=True)) for n in range(3)]
        worker = core.client()
        worker.host("w")
        calls = worker.take(Request)
        assert [body.envelope for _, body in calls] == [b"0", b"1", b"2"], "in the order sent (RPC-3)"
        reply(worker, calls[0][0])
        assert isinstance(caller.answer(asked[0]), Reply)

    def test_waiting_for_a_host_in_vain(self, core: Core) -> None:
        caller = core.client()
        asked = caller.command(request("w/k", wait_for_ready=True, deadline=core.now + 1))
        core.advance(2)
        assert not failed(caller.answer(asked), Reason.DEADLINE_EXCEEDED).may_have_run
        assert core.tables["placed_calls"] == 0

    def test_a_type_hosted_lately_is_waited_for(self, core: Core) -> None:
        worker, caller = core.client(), core.client()
        worker.host("w")
        core.disconnect(worker)
        core.advance(4)
        asked = caller.command(request("w/k"))
        assert caller.answer(asked) is None
        core.advance(5.9)
        assert caller.answer(asked) is None
        core.advance(0.2)
        failed(caller.answer(asked), Reason.NO_RESPONDERS, agent_type="w")
        failed(caller.ask(request("w/k")), Reason.NO_RESPONDERS)

    def test_a_host_within_the_grace_takes_what_waits(self, core: Core) -> None:
        worker, caller = core.client(), core.client()
        worker.host("w")
        core.disconnect(worker)
        caller.command(request("w/k"))
        core.advance(5)
        second = core.client()
        second.host("w")
        assert len(second.take(Request)) == 1

    def test_the_loss_of_the_worker(self, core: Core) -> None:
        worker, caller = core.client(), core.client()
        worker.host("w")
        asked = caller.command(request("w/k"))
        worker.take(Request)
        core.disconnect(worker)
        failed(caller.answer(asked), Reason.OUTCOME_UNKNOWN, agent="w/k")

    def test_the_loss_of_the_caller_cancels(self, core: Core) -> None:
        worker, caller = core.client(), core.client()
        worker.host("w")
        caller.command(request("w/k"))
        ((call, _),) = worker.take(Request)
        core.disconnect(caller)
        assert [body.request_id for _, body in worker.take(Cancel)] == [call]
        assert core.tables["calls"] == core.tables["placed_calls"] == 0

    def test_cancel_reaches_the_worker(self, core: Core) -> None:
        worker, caller = core.client(), core.client()
        worker.host("w")
        asked = caller.command(request("w/k"))
        ((call, _),) = worker.take(Request)
        caller.say(Cancel(asked))
        assert failed(caller.answer(asked), Reason.CANCELLED).may_have_run
        assert [body.request_id for _, body in worker.take(Cancel)] == [call]

    def test_cancel_before_the_dispatch(self, core: Core) -> None:
        caller = core.client()
        asked = caller.command(request("w/k", wait_for_ready=True))
        caller.say(Cancel(asked))
        assert not failed(caller.answer(asked), Reason.CANCELLED).may_have_run
        worker = core.client()
        worker.host("w")
        assert worker.take(Request) == []

    def test_request_and_cancel_in_one_frame(self, core: Core) -> None:
        worker, caller = core.client(), core.client()
        worker.host("w")

        caller.frame(Message(request("w/k"), 7), Message(Cancel(7)))
        failed(caller.answer(7), Reason.CANCELLED)
        assert worker.take(Request) == [], "what was not written yet is never dispatched"
        assert core.tables["calls"] == core.tables["placed_calls"] == 0

    def test_a_cancel_for_nothing_is_ignored(self, core: Core) -> None:
        caller = core.client()
        caller.say(Cancel(99))
        assert caller.read() == []
        assert caller.closed is None

    def test_unregistering_ends_the_calls_of_the_type(self, core: Core) -> None:
        worker, caller = core.client(), core.client()
        worker.host("w")
        worker.host("other")
        asked = caller.command(request("w/k"))
        kept = caller.command(request("other/k"))
        assert done(worker.ask(UnregisterAgentType("w")))
        failed(caller.answer(asked), Reason.OUTCOME_UNKNOWN)
        assert caller.answer(kept) is None
        failed(worker.ask(UnregisterAgentType("w")), Reason.NOT_FOUND)

    @pytest.mark.parametrize("mode", [AgentMode.STANDARD, AgentMode.STATELESS])
    def test_what_was_not_written_to_a_lost_worker_goes_elsewhere_in_its_order(self, core: Core, mode: int) -> None:
        worker, caller = core.client(credit=1), core.client()
        worker.host("w", mode)
        asked = [caller.command(request("w/k", b"written"))]
        assert len(worker.take(Request)) == 1
        worker.frame(credit=3)
        chain = (agent("other/k"),)
        asked += [caller.command(request("w/k", b"%d" % n, call_chain=chain if n == 2 else ())) for n in range(5)]
        core.cut(worker)
        asked.append(caller.command(request("w/k", b"5")))
        other = core.client()
        other.host("w", mode)
        core.advance(5.1)
        failed(caller.answer(asked.pop(0)), Reason.OUTCOME_UNKNOWN)
        placed = other.take(Request)
        order = [r.envelope for _, r in placed if not r.call_chain]
        assert (order if mode == AgentMode.STANDARD else sorted(order)) == [b"0", b"1", b"3", b"4", b"5"]
        assert {r.attempt for _, r in placed} == {1}
        assert [r.envelope for _, r in placed if r.call_chain] == [b"2"]
        for (call, _), _ in zip(placed, asked, strict=True):
            reply(other, call)
        assert [type(caller.answer(call)) for call in asked] == [Reply] * 6
        assert core.tables["calls"] == core.tables["placed_calls"] == 0

    def test_what_was_not_written_did_not_run(self) -> None:
        core = Core(Policy(max_waiting_bytes=3))
        worker, caller = core.client(), core.client()
        worker.host("w")
        asked = caller.command(request("w/k", b"???"))
        core.disconnect(worker)
        failed(caller.ask(request("w/k", b"!")), Reason.RESOURCE_EXHAUSTED)
        core.advance(10.1)
        assert not failed(caller.answer(asked), Reason.NO_RESPONDERS).may_have_run
        again = caller.command(request("w/k", b"???", deadline=core.now + 20, wait_for_ready=True))
        worker = core.client()
        worker.command_host("w", AgentMode.STANDARD)
        core.disconnect(worker)
        core.advance(20.1)
        assert not failed(caller.answer(again), Reason.DEADLINE_EXCEEDED).may_have_run
        assert core.tables["calls"] == core.tables["placed_calls"] == 0

    @pytest.mark.parametrize("leaving", [False, True])
    def test_a_joined_call_goes_elsewhere_while_anybody_waits(self, core: Core, leaving: bool) -> None:
        worker, first, second = core.client(), core.client(), core.client()
        worker.host("w")
        keyed = request("w/k", idempotency_key="key", payload_hash=b"h")
        asked, joined = first.command(keyed), second.command(keyed)
        first.say(Cancel(asked))
        if leaving:
            second.say(Cancel(joined))
        core.disconnect(worker)
        other = core.client()
        other.host("w")
        taken = other.take(Request)
        assert [r.attempt for _, r in taken] == ([] if leaving else [1])
        for call, _ in taken:
            reply(other, call)
            assert second.answer(joined) == Reply(b"!")
        assert core.tables["calls"] == core.tables["placed_calls"] == 0

    def test_too_many_calls(self) -> None:
        core = Core(Policy(max_outstanding_calls=2))
        worker, caller = core.client(), core.client()
        worker.host("w")
        for _ in range(2):
            caller.command(request("w/k"))
        failed(caller.ask(request("w/k")), Reason.RESOURCE_EXHAUSTED, limit=2)

    def test_too_many_bytes_that_wait(self) -> None:
        core = Core(Policy(max_waiting_bytes=10))
        caller = core.client()
        first = caller.command(request("w/k", b"123456", wait_for_ready=True))
        failed(caller.ask(request("w/k", b"12345", wait_for_ready=True)), Reason.RESOURCE_EXHAUSTED, limit=10)
        caller.say(Cancel(first))
        waiting = caller.command(request("w/k", b"1234567890", wait_for_ready=True))
        worker = core.client()
        worker.host("w")
        caller.command(request("w/k", b"1234567890"))
        assert caller.answer(waiting) is None
        assert len(worker.take(Request)) == 2, "what is dispatched does not wait"

    def test_too_deep(self, core: Core) -> None:
        caller = core.client()
        caller.host("w")
        chain = tuple(agent(f"w/{n}") for n in range(32))
        error = failed(caller.ask(request("w/k", call_chain=chain)), Reason.RESOURCE_EXHAUSTED, depth=33, limit=32)
        assert not error.retryable
        caller.command(request("w/k", call_chain=chain[:31]))
        assert len(caller.take(Request)) == 1
