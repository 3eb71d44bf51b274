"""State is kept, given with Activate, and fenced by epoch and version."""

from __future__ import annotations

from broker.core.harness import Client, Core, agent, done, failed, reply, request
from parley_broker.core.messages import (
    Ack,
    Activate,
    Body,
    Commit,
    Deactivate,
    Nack,
    Request,
    Save,
    State,
    UnregisterAgentType,
    make_error,
)
from parley_broker.core.policy import Policy
from parley_broker.core.records import StateSaved
from parley_broker.errors import Reason

W = agent("w/k")


def save(worker: Client, epoch: int, expected: int, data: bytes = b"state") -> Body:
    """Saves the state of `w/k`: the answer."""
    return worker.ask(Save(W, epoch, expected, State(data, "text/plain")))


def placed(core: Core, worker: Client, **fields: object) -> int:
    """The worker hosts `w`, which keeps state, and has `w/k` from a call on: its epoch."""
    worker.host("w", keeps_state=True, **fields)
    core.client().command(request("w/k"))
    ((_, activate),) = worker.take(Activate)
    return activate.epoch


class TestActivation:
    def test_the_first_one_has_no_state(self, core: Core) -> None:
        worker, caller = core.client(), core.client()
        worker.host("w", keeps_state=True)
        caller.command(request("w/k"))
        kinds = [type(m.body) for m in worker.read()]
        assert kinds == [Activate, Request]
        assert worker.take(Activate)[0][1].state is None

    def test_what_was_saved_comes_with_the_next_place(self, core: Core) -> None:
        worker, other = core.client(), core.client()
        epoch = placed(core, worker)
        assert done(save(worker, epoch, 0, b"one"))
        assert done(save(worker, epoch, 1, b"two"))
        core.disconnect(worker)
        other.host("w", keeps_state=True)
        core.client().command(request("w/k"))
        ((_, activate),) = other.take(Activate)
        assert activate.state == State(b"two", "text/plain", 2)
        assert activate.epoch > epoch

    def test_messages_wait_for_the_state_in_their_order(self, core: Core) -> None:
        worker, caller = core.client(), core.client()
        worker.host("w", keeps_state=True)
        worker.subscribe("t", "w")
        core.hold = True
        for number in range(3):
            caller.command(request("w/k", b"%d" % number))
        assert worker.read() == []
        assert core.tables["placed_calls"] == 3
        core.hold = False
        core.settle()
        kinds = [type(m.body) for m in worker.inbox] or [type(m.body) for m in worker.read()]
        assert kinds == [Activate, Request, Request, Request]
        assert [b.envelope for _, b in worker.take(Request)] == [b"0", b"1", b"2"]

    def test_who_waits_for_the_state_of_a_session_that_is_lost_goes_elsewhere(self, core: Core) -> None:
        worker, other, caller = core.client(), core.client(), core.client()
        worker.host("w", keeps_state=True)
        core.hold = True
        caller.command(request("w/k", b"a"))
        gone = caller.command(request("w/k", b"b", deadline=core.now + 1))
        core.advance(2)
        failed(caller.answer(gone), Reason.DEADLINE_EXCEEDED)
        other.host("w", keeps_state=True)
        core.disconnect(worker)
        core.hold = False
        core.settle()
        assert [b.envelope for _, b in other.take(Request)] == [b"a"]
        assert core.tables["agents"] == 1

    def test_agents_without_state_wait_for_nothing(self, core: Core) -> None:
        worker, caller = core.client(), core.client()
        worker.host("w")
        core.hold = True
        caller.command(request("w/k"))
        assert [type(m.body) for m in worker.read()] == [Activate, Request]
        assert core.machine.effects.reads == []

    def test_a_hundred_first_calls_are_one_activation(self, core: Core) -> None:
        workers = [core.client() for _ in range(3)]
        for worker in workers:
            worker.host("w", keeps_state=True)
        core.hold = True
        for caller in [core.client() for _ in range(100)]:
            caller.command(request("w/k"))
        core.hold = False
        core.settle()
        assert sorted(len(worker.take(Activate)) for worker in workers) == [0, 0, 1]
        assert sorted(len(worker.take(Request)) for worker in workers) == [0, 0, 100]


class TestRegistrations:
    def test_one_that_says_that_state_is_kept_now_begins_anew(self, core: Core) -> None:
        worker, caller = core.client(), core.client()
        worker.host("w")
        caller.command(request("w/k"))
        ((_, plain),) = worker.take(Activate)
        epoch = placed(core, worker)
        assert epoch > plain.epoch
        assert done(save(worker, epoch, 0))

    def test_the_idle_timeout_of_the_last_one_counts(self, core: Core) -> None:
        worker = core.client()
        epoch = placed(core, worker)
        worker.host("w", keeps_state=True, idle_timeout_ms=1000)
        calls = worker.take(Request)
        for number, _ in calls:
            reply(worker, number)
        core.advance(2)
        assert [asked.epoch for _, asked in worker.take(Deactivate)] == [epoch]


class TestFences:
    def test_a_session_that_comes_later_commits_nothing_under_an_old_epoch(self, core: Core) -> None:
        worker, other, later = core.client(), core.client(), core.client()
        old = placed(core, worker)
        core.disconnect(worker)
        failed(save(later, old, 0), Reason.STALE_EPOCH, epoch=old, current=0)
        current = placed(core, other)
        failed(save(later, old, 0), Reason.STALE_EPOCH, epoch=old, current=current)
        sender = {"sender": W, "sender_epoch": old}
        failed(later.publish("t/k", **sender), Reason.STALE_EPOCH, epoch=old, current=current)
        failed(later.ask(request("w/x", **sender)), Reason.STALE_EPOCH, epoch=old, current=current)
        settled = Ack(W, old, 1, 1, commit=Commit(W, old, 0, State(b"")))
        failed(later.ask(settled), Reason.STALE_EPOCH, epoch=old, current=current)
        failed(later.ask(Nack(W, old, 1, 1, make_error(Reason.HANDLER_FAILED, "no"))), Reason.STALE_EPOCH)
        assert core.store.read_state(W) is None

    def test_done_comes_after_the_commit(self, core: Core) -> None:
        worker = core.client()
        epoch = placed(core, worker)
        core.hold = True
        asked = worker.command(Save(W, epoch, 0, State(b"x")))
        assert worker.answer(asked) is None
        again = worker.command(Save(W, epoch, 0, State(b"x")))
        assert worker.answer(again) is None, "a repeat is as durable as the first"
        core.hold = False
        core.settle()
        assert done(worker.answer(asked))
        assert done(worker.answer(again))

    def test_another_version_is_a_conflict(self, core: Core) -> None:
        worker = core.client()
        epoch = placed(core, worker)
        failed(save(worker, epoch, 1), Reason.STATE_CONFLICT, expected=1, actual=0)
        assert core.store.read_state(W) is None
        assert done(save(worker, epoch, 0))

    def test_a_repeat_is_done_and_changes_nothing(self, core: Core) -> None:
        worker = core.client()
        epoch = placed(core, worker)
        assert done(save(worker, epoch, 0, b"first"))
        assert done(save(worker, epoch, 0, b"repeat"))
        assert core.store.read_state(W) == StateSaved(W, 1, "text/plain", b"first", epoch)

    def test_the_version_that_another_place_replaced_is_a_conflict(self, core: Core) -> None:
        worker, other = core.client(), core.client()
        epoch = placed(core, worker)
        save(worker, epoch, 0)
        core.disconnect(worker)
        epoch = placed(core, other)
        failed(save(other, epoch, 0), Reason.STATE_CONFLICT, expected=0, actual=1)

    def test_an_old_epoch_is_stale(self, core: Core) -> None:
        worker, other = core.client(), core.client()
        old = placed(core, worker)
        other.host("w", keeps_state=True)
        worker.ask(UnregisterAgentType("w"))
        failed(save(worker, old, 0), Reason.STALE_EPOCH, epoch=old, current=0)
        core.client().command(request("w/k"))
        ((_, activate),) = other.take(Activate)
        failed(save(worker, old, 0), Reason.STALE_EPOCH, epoch=old, current=activate.epoch)
        failed(save(worker, activate.epoch, 0), Reason.PERMISSION_DENIED, agent=W)
        assert core.store.read_state(W) is None

    def test_what_is_wrong_is_named(self) -> None:
        core = Core(Policy(max_envelope_bytes=10))
        worker = core.client()
        epoch = placed(core, worker)
        failed(save(worker, epoch, 0, b"x" * 11), Reason.PAYLOAD_TOO_LARGE, size=11, limit=10)
        failed(worker.ask(Save(W, epoch, 0, None)), Reason.INVALID_ARGUMENT, field="state")
        long = State(b"", "x" * 256)
        failed(worker.ask(Save(W, epoch, 0, long)), Reason.INVALID_ARGUMENT, field="state.content_type")
        worker.host("plain")
        core.client().command(request("plain/k"))
        ((_, activate),) = worker.take(Activate)
        unkept = Save(agent("plain/k"), activate.epoch, 0, State(b""))
        failed(worker.ask(unkept), Reason.INVALID_ARGUMENT, field="keeps_state")
        worker.host("none", 2)
        failed(worker.ask(Save(agent("none/k"), 0, 0, State(b""))), Reason.INVALID_ARGUMENT, field="agent")
        failed(worker.host("both", 2, keeps_state=True), Reason.INVALID_ARGUMENT, field="keeps_state")


class TestFailedCommits:
    def test_the_version_is_what_the_store_has(self, core: Core) -> None:
        worker = core.client()
        epoch = placed(core, worker)
        assert done(save(worker, epoch, 0, b"stored"))
        core.hold = True
        asked = [worker.command(Save(W, epoch, number, State(b"lost"))) for number in (1, 2)]
        core.fail_commit()
        core.hold = False
        for message_id in asked:
            failed(worker.answer(message_id), Reason.UNAVAILABLE)
        failed(save(worker, epoch, 3), Reason.STATE_CONFLICT, actual=1)
        assert done(save(worker, epoch, 1, b"again"))
        assert core.store.read_state(W) == StateSaved(W, 2, "text/plain", b"again", epoch)

    def test_calls_that_wait_for_a_state_are_placed_again(self, core: Core) -> None:
        worker, caller = core.client(), core.client()
        worker.host("w", keeps_state=True)
        core.hold = True
        asked = caller.command(request("w/k"))
        core.fail_commit()
        core.hold = False
        core.settle()
        ((call, _),) = worker.take(Request)
        reply(worker, call)
        assert caller.answer(asked) is not None
