"""An Ack or a Reply commits settlement or result, state and published events: all or nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from broker.core.harness import Client, Core, agent, done, failed, request
from parley_broker.core.ids import TopicId
from parley_broker.core.messages import (
    Ack,
    Activate,
    AgentMode,
    Cancel,
    Commit,
    Deactivate,
    Delivery,
    Done,
    Publish,
    Published,
    Reply,
    Request,
    Save,
    State,
)
from parley_broker.core.policy import MAX_PUBLISHES, Policy
from parley_broker.core.records import StateSaved
from parley_broker.errors import Reason

ONCE = AgentMode.EFFECTIVELY_ONCE
W = agent("w/k")


def event(topic: str = "out/k", data: bytes = b"effect", **fields: Any) -> Publish:
    """What a handler publishes to `type/source`."""
    kind, _, source = topic.partition("/")
    return Publish(TopicId(kind, source), data, W, **fields)


def commit(epoch: int, expected: int, data: bytes | None = b"state", *publishes: Publish) -> Commit:
    """What `w/k` commits."""
    return Commit(W, epoch, expected, None if data is None else State(data), publishes)


def acked(delivery: Delivery, committed: Commit) -> Ack:
    """The delivery's Ack."""
    return Ack(delivery.recipient, delivery.epoch, delivery.position, delivery.round, commit=committed)


def answer(worker: Client, call: int, committed: Commit, envelope: bytes = b"!") -> int:
    """Replies to a call: the reply's own id."""
    worker.next_id += 1
    worker.say(Reply(envelope, commit=committed), worker.next_id, re=call)
    return worker.next_id


class Stage:
    """A worker that hosts `w`, effectively once, and a listener to what it publishes."""

    def __init__(self, core: Core, mode: AgentMode = ONCE) -> None:
        self.core = core
        self.worker, self.listener, self.caller = core.client(), core.client(), core.client()
        self.worker.host("w", mode, keeps_state=True)
        self.worker.subscribe("in", "w")
        self.listener.host("l")
        self.listener.subscribe("out", "l")

    def delivered(self, data: bytes = b"event") -> Delivery:
        """An event that the worker is handed."""
        self.caller.publish("in/k", data)
        ((_, delivery),) = self.worker.take(Delivery)
        return delivery

    def called(self) -> tuple[int, int, int]:
        """A call that the worker is handed: the caller's id, the worker's, and the epoch."""
        asked = self.caller.command(request("w/k"))
        ((number, body),) = self.worker.take(Request)
        return asked, number, body.epoch

    def heard(self) -> list[bytes]:
        """What the listener was handed, which it acknowledges."""
        deliveries = []
        while taken := self.listener.take(Delivery):
            for _, delivery in taken:
                deliveries.append(delivery.envelope)
                self.listener.ack(delivery)
        return deliveries

    @property
    def saved(self) -> StateSaved | None:
        """What the agent committed last; under which epoch is another matter."""
        saved = self.core.store.read_state(W)
        return replace(saved, epoch=0) if saved is not None else None


@pytest.fixture
def stage(core: Core) -> Stage:
    return Stage(core)


class TestAck:
    def test_all_of_it_is_one_commit(self, stage: Stage) -> None:
        delivery = stage.delivered()
        stage.core.hold = True
        asked = stage.worker.command(acked(delivery, commit(delivery.epoch, 0, b"s", event(), event(data=b"two"))))
        assert stage.worker.answer(asked) is None
        assert stage.heard() == []
        names = [type(record).__name__ for record in stage.core.machine.effects.records]
        assert names == ["StateSaved", "EventStored", "EventStored", "DeliverySettled"]
        stage.core.hold = False
        stage.core.settle()
        assert done(stage.worker.answer(asked))
        assert stage.heard() == [b"effect", b"two"]
        assert stage.saved == StateSaved(W, 1, "", b"s")
        assert stage.core.tables["events"] == 0

    def test_events_are_handed_over_one_at_a_time(self, core: Core) -> None:
        stage = Stage(core)
        stage.worker.host("w", ONCE, concurrency=5)
        delivery = stage.delivered()
        stage.caller.publish("in/k", b"next")
        assert stage.worker.take(Delivery) == []
        assert done(stage.worker.ask(acked(delivery, commit(delivery.epoch, 0))))
        assert len(stage.worker.take(Delivery)) == 1

    def test_the_next_event_leaves_with_the_commit(self, stage: Stage) -> None:
        core, worker = stage.core, stage.worker
        delivery = stage.delivered()
        stage.caller.publish("in/k", b"next")
        core.hold = True
        worker.command(acked(delivery, commit(delivery.epoch, 0)))
        assert worker.take(Delivery) == []
        core.hold = False
        core.settle()
        frame = core.machine.take(worker.connection, core.now)
        assert frame is not None
        assert [type(message.body) for message in frame.messages] == [Done, Delivery]

    def test_an_agent_does_not_get_what_it_publishes_itself(self, stage: Stage) -> None:
        delivery = stage.delivered()
        stage.worker.ask(acked(delivery, commit(delivery.epoch, 0, b"", event("in/k", b"mine"))))
        assert stage.worker.take(Delivery) == []

    def test_without_a_state_the_version_grows_and_the_state_stays(self, stage: Stage) -> None:
        for number, data in enumerate([b"kept", None, None]):
            delivery = stage.delivered()
            assert done(stage.worker.ask(acked(delivery, commit(delivery.epoch, number, data))))
        assert stage.saved == StateSaved(W, 3, "", b"kept")

    def test_an_agent_that_never_saves_begins_at_0_with_each_place(self, stage: Stage) -> None:
        delivery = stage.delivered()
        stage.worker.ask(acked(delivery, commit(delivery.epoch, 0, None)))
        other = stage.core.client()
        other.host("w", ONCE)
        stage.core.disconnect(stage.worker)
        stage.caller.publish("in/k")
        ((_, delivery),) = other.take(Delivery)
        assert [body.state for _, body in other.take(Activate)] == [None]
        assert done(other.ask(acked(delivery, commit(delivery.epoch, 0, None))))

    def test_a_repeat_of_a_settled_one_is_done(self, stage: Stage) -> None:
        delivery = stage.delivered()
        committed = commit(delivery.epoch, 0, b"s", event())
        assert done(stage.worker.ask(acked(delivery, committed)))
        assert done(stage.worker.ask(acked(delivery, committed)))
        assert stage.heard() == [b"effect"]
        failed(stage.worker.ask(acked(delivery, commit(delivery.epoch, 1))), Reason.NOT_FOUND)

    def test_an_ephemeral_event_leaves_with_the_commit(self, stage: Stage) -> None:
        delivery = stage.delivered()
        stage.core.hold = True
        stage.worker.command(acked(delivery, commit(delivery.epoch, 0, b"", event(ephemeral=True))))
        assert stage.listener.take(Delivery) == []
        stage.core.hold = False
        stage.core.settle()
        assert [body.position for _, body in stage.listener.take(Delivery)] == [0]

    def test_an_event_id_that_was_seen_is_no_second_event(self, stage: Stage) -> None:
        first = stage.delivered()
        twice = (event(event_id="e"), event(event_id="e"), event(data=b"other", event_id="f"))
        assert done(stage.worker.ask(acked(first, commit(first.epoch, 0, b"", *twice))))
        assert stage.heard() == [b"effect", b"other"]
        second = stage.delivered()
        again = Publish(TopicId("out", "k"), b"again", event_id="e")
        assert done(stage.worker.ask(acked(second, commit(second.epoch, 1, b"", again))))
        assert stage.heard() == [], "without a sender it is the agent's own all the same"
        answered = stage.worker.publish("out/k", b"now", sender=W, event_id="f")
        assert answered == Published(1, duplicate=True)

    def test_a_refused_commit_s_event_ids_are_new(self, stage: Stage) -> None:
        delivery = stage.delivered()
        failed(
            stage.worker.ask(acked(delivery, commit(delivery.epoch, 7, b"", event(event_id="e")))),
            Reason.STATE_CONFLICT,
        )
        assert stage.worker.publish("out/k", event_id="e") == Published(1)

    def test_a_standard_agent_commits_too(self, core: Core) -> None:
        stage = Stage(core, AgentMode.STANDARD)
        delivery = stage.delivered()
        assert done(stage.worker.ask(acked(delivery, commit(delivery.epoch, 0, b"s", event()))))
        assert stage.heard() == [b"effect"]
        assert stage.saved == StateSaved(W, 1, "", b"s")


class TestRefusedAck:
    """Nothing of it is stored, and the event comes again as the next attempt."""

    def refused(self, stage: Stage, delivery: Delivery, committed: Commit, reason: Reason, **details: object) -> None:
        before = stage.saved
        failed(stage.worker.ask(acked(delivery, committed)), reason, **details)
        assert stage.saved == before
        assert stage.heard() == []
        stage.core.advance(1)
        ((_, again),) = stage.worker.take(Delivery)
        assert (again.position, again.attempt) == (delivery.position, delivery.attempt + 1)

    def test_one_event_too_large(self, core: Core) -> None:
        stage = Stage(Core(Policy(max_envelope_bytes=10)))
        delivery = stage.delivered()
        large = commit(delivery.epoch, 0, b"s", event(data=b"fits"), event(data=b"x" * 11))
        self.refused(stage, delivery, large, Reason.PAYLOAD_TOO_LARGE, size=11, limit=10)

    def test_the_state_too_large(self) -> None:
        stage = Stage(Core(Policy(max_envelope_bytes=10)))
        delivery = stage.delivered()
        large = commit(delivery.epoch, 0, b"x" * 11, event())
        self.refused(stage, delivery, large, Reason.PAYLOAD_TOO_LARGE, size=11, limit=10)

    def test_a_malformed_topic(self, stage: Stage) -> None:
        delivery = stage.delivered()
        bad = commit(delivery.epoch, 0, b"", event(), event("no spaces/k"))
        self.refused(stage, delivery, bad, Reason.INVALID_ARGUMENT, field="topic.type")

    def test_a_full_queue_of_the_commit_s_own_making(self) -> None:
        stage = Stage(Core(Policy(max_queue_events=2)))
        delivery = stage.delivered()
        many = commit(delivery.epoch, 0, b"", *[event() for _ in range(3)])
        self.refused(stage, delivery, many, Reason.RESOURCE_EXHAUSTED, agent="l/k", limit=2)

    def test_too_much_in_all(self) -> None:
        stage = Stage(Core(Policy(max_stored_events=3)))
        delivery = stage.delivered()
        many = commit(delivery.epoch, 0, b"", *[event(f"out/{n}") for n in range(3)])
        self.refused(stage, delivery, many, Reason.RESOURCE_EXHAUSTED, limit=3)

    def test_too_many_events(self, stage: Stage) -> None:
        delivery = stage.delivered()
        many = commit(delivery.epoch, 0, b"", *[event("nobody/k")] * (MAX_PUBLISHES + 1))
        self.refused(stage, delivery, many, Reason.RESOURCE_EXHAUSTED, limit=MAX_PUBLISHES)

    def test_another_sender(self, stage: Stage) -> None:
        delivery = stage.delivered()
        foreign = Publish(TopicId("out", "k"), b"", agent("w/other"))
        self.refused(
            stage, delivery, commit(delivery.epoch, 0, b"", foreign), Reason.PERMISSION_DENIED, sender="w/other"
        )

    def test_another_agent(self, stage: Stage) -> None:
        delivery = stage.delivered()
        foreign = Commit(agent("w/other"), delivery.epoch, 0)
        self.refused(stage, delivery, foreign, Reason.INVALID_ARGUMENT, field="commit.agent")

    def test_an_agent_that_keeps_no_state(self, core: Core) -> None:
        stage = Stage(core, AgentMode.STANDARD)
        stage.worker.host("w", AgentMode.STANDARD, keeps_state=False)
        delivery = stage.delivered()
        self.refused(stage, delivery, commit(delivery.epoch, 0), Reason.INVALID_ARGUMENT, field="keeps_state")

    def test_five_of_them_are_a_dead_letter(self) -> None:
        stage = Stage(Core(Policy(heartbeat_interval=1000)))
        delivery = stage.delivered()
        stage.caller.publish("in/k", b"good")
        for _ in range(5):
            bad = commit(delivery.epoch, 0, b"", event("no spaces/k"))
            failed(stage.worker.ask(acked(delivery, bad)), Reason.INVALID_ARGUMENT)
            stage.core.advance(40)
            ((_, delivery),) = stage.worker.take(Delivery)
        assert (delivery.envelope, delivery.attempt) == (b"good", 1)
        assert stage.core.tables["dead_letters"] == 1

    def test_an_old_epoch_changes_nothing(self, stage: Stage) -> None:
        delivery = stage.delivered()
        other = stage.core.client()
        other.host("w", ONCE, pinned_keys=("k",))
        stage.caller.command(request("w/k"))
        ((_, activate),) = other.take(Activate)
        stale = acked(delivery, commit(delivery.epoch, 0, b"stale", event()))
        failed(stage.worker.ask(stale), Reason.STALE_EPOCH, epoch=delivery.epoch, current=activate.epoch)
        assert stage.saved is None
        assert stage.heard() == []


class TestConflict:
    def test_it_ends_the_place_of_an_effectively_once_agent(self, stage: Stage) -> None:
        asked, _, _ = stage.called()
        delivery = stage.delivered()
        wrong = acked(delivery, commit(delivery.epoch, 7, b"wrong", event()))
        failed(stage.worker.ask(wrong), Reason.STATE_CONFLICT, expected=7, actual=0)
        failed(stage.caller.answer(asked), Reason.OUTCOME_UNKNOWN)
        stage.core.advance(1)
        ((_, activate),) = stage.worker.take(Activate)[-1:]
        ((_, again),) = stage.worker.take(Delivery)
        assert again.epoch == activate.epoch > delivery.epoch
        assert again.attempt == 2
        assert stage.saved is None
        assert stage.heard() == []

    def test_a_standard_agent_goes_on(self, core: Core) -> None:
        stage = Stage(core, AgentMode.STANDARD)
        asked, number, epoch = stage.called()
        refused = answer(stage.worker, number, commit(epoch, 3))
        failed(stage.worker.answer(refused), Reason.STATE_CONFLICT, actual=0)
        failed(stage.caller.answer(asked), Reason.STATE_CONFLICT)
        assert done(stage.worker.ask(Save(W, epoch, 0, State(b"again"))))

    def test_a_save_in_conflict_ends_it_too(self, stage: Stage) -> None:
        _, _, epoch = stage.called()
        failed(stage.worker.ask(Save(W, epoch, 4, State(b""))), Reason.STATE_CONFLICT)
        failed(stage.worker.ask(Save(W, epoch, 0, State(b""))), Reason.STALE_EPOCH, epoch=epoch, current=0)

    def test_a_commit_for_an_event_in_flight_under_a_version_that_is_gone_is_one(self, stage: Stage) -> None:
        first = stage.delivered()
        stage.worker.ask(acked(first, commit(first.epoch, 0)))
        second = stage.delivered()
        failed(stage.worker.ask(acked(second, commit(second.epoch, 0))), Reason.STATE_CONFLICT, expected=0, actual=1)


class TestReply:
    def test_the_outcome_leaves_after_the_commit(self, stage: Stage) -> None:
        asked, number, epoch = stage.called()
        stage.core.hold = True
        replied = answer(stage.worker, number, commit(epoch, 0, b"s", event()), b"result")
        assert stage.caller.answer(asked) is None
        assert stage.worker.answer(replied) is None
        stage.core.hold = False
        stage.core.settle()
        assert stage.caller.answer(asked) == Reply(b"result")
        assert done(stage.worker.answer(replied))
        assert stage.heard() == [b"effect"]
        assert stage.saved == StateSaved(W, 1, "", b"s")
        assert stage.core.tables["calls"] == stage.core.tables["placed_calls"] == 0

    def test_a_refused_one_is_the_caller_s_error(self, stage: Stage) -> None:
        asked, number, epoch = stage.called()
        replied = answer(stage.worker, number, commit(epoch, 0, b"", event("no spaces/k")))
        failed(stage.worker.answer(replied), Reason.INVALID_ARGUMENT, field="topic.type")
        failed(stage.caller.answer(asked), Reason.INVALID_ARGUMENT, field="topic.type")
        assert stage.saved is None
        assert stage.core.tables["calls"] == stage.core.tables["placed_calls"] == 0

    def test_one_that_is_too_large_commits_nothing(self) -> None:
        stage = Stage(Core(Policy(max_envelope_bytes=10)))
        asked, number, epoch = stage.called()
        replied = answer(stage.worker, number, commit(epoch, 0), b"x" * 11)
        failed(stage.worker.answer(replied), Reason.PAYLOAD_TOO_LARGE)
        assert failed(stage.caller.answer(asked), Reason.PAYLOAD_TOO_LARGE).may_have_run
        assert stage.saved is None

    def test_it_commits_for_its_target_alone(self, stage: Stage) -> None:
        asked, number, epoch = stage.called()
        replied = answer(stage.worker, number, Commit(agent("w/other"), epoch, 0))
        failed(stage.worker.answer(replied), Reason.INVALID_ARGUMENT, field="commit.agent")
        failed(stage.caller.answer(asked), Reason.INVALID_ARGUMENT)

    def test_without_an_id_it_is_refused(self, stage: Stage) -> None:
        asked, number, epoch = stage.called()
        stage.worker.say(Reply(b"", commit=commit(epoch, 0)), re=number)
        failed(stage.caller.answer(asked), Reason.INVALID_ARGUMENT)
        assert stage.saved is None

    @pytest.mark.parametrize("cancelled", [True, False])
    def test_what_it_commits_counts_though_the_call_has_ended(self, stage: Stage, cancelled: bool) -> None:
        asked = stage.caller.command(request("w/k", deadline=stage.core.now + 1))
        ((number, body),) = stage.worker.take(Request)
        if cancelled:
            stage.caller.say(Cancel(asked))
        else:
            stage.core.advance(2)
        outcome = Reason.CANCELLED if cancelled else Reason.DEADLINE_EXCEEDED
        failed(stage.caller.answer(asked), outcome)
        replied = answer(stage.worker, number, commit(body.epoch, 0, b"s", event()))
        assert done(stage.worker.answer(replied))
        assert stage.caller.read() == []
        assert stage.heard() == [b"effect"]
        assert stage.saved == StateSaved(W, 1, "", b"s")
        again = answer(stage.worker, number, commit(body.epoch, 0, b"s", event()))
        assert done(stage.worker.answer(again)), "a repeat"
        assert stage.heard() == []

    def test_a_cancel_between_commit_and_outcome(self, stage: Stage) -> None:
        asked, number, epoch = stage.called()
        stage.core.hold = True
        replied = answer(stage.worker, number, commit(epoch, 0, b"s"))
        stage.caller.say(Cancel(asked))
        failed(stage.caller.answer(asked), Reason.CANCELLED)
        stage.core.hold = False
        stage.core.settle()
        assert done(stage.worker.answer(replied))
        assert stage.caller.read() == []
        assert stage.worker.take(Cancel) == [], "it has answered"
        assert stage.saved == StateSaved(W, 1, "", b"s")

    def test_the_loss_of_the_worker_between_commit_and_outcome(self, stage: Stage) -> None:
        asked, number, epoch = stage.called()
        stage.core.hold = True
        answer(stage.worker, number, commit(epoch, 0, b"s"), b"result")
        stage.core.disconnect(stage.worker)
        stage.core.hold = False
        stage.core.settle()
        assert stage.caller.answer(asked) == Reply(b"result")

    def test_a_commit_that_the_store_does_not_take(self, stage: Stage) -> None:
        asked, number, epoch = stage.called()
        stage.core.hold = True
        replied = answer(stage.worker, number, commit(epoch, 0, b"s", event()))
        stage.core.fail_commit()
        stage.core.hold = False
        stage.core.settle()
        assert failed(stage.caller.answer(asked), Reason.UNAVAILABLE).may_have_run, "the handler has"
        assert not failed(stage.worker.answer(replied), Reason.UNAVAILABLE).may_have_run
        assert stage.saved is None
        assert stage.heard() == []
        assert stage.core.tables["calls"] == stage.core.tables["placed_calls"] == 0

    def test_an_agent_on_its_own_chain_is_refused(self, stage: Stage) -> None:
        _, _, epoch = stage.called()
        circle = request("w/k", sender=W, sender_epoch=epoch, call_chain=(W,))
        failed(stage.worker.ask(circle), Reason.CALL_CYCLE, agent="w/k")
        longer = request("w/k", call_chain=(agent("a/1"), W, agent("b/1")))
        failed(stage.caller.ask(longer), Reason.CALL_CYCLE, agent="w/k")
        other = request("w/other", sender=W, sender_epoch=epoch, call_chain=(W,))
        stage.worker.command(other)
        assert len(stage.worker.take(Request)) == 1

    def test_a_standard_agent_on_its_own_chain_is_not(self, core: Core) -> None:
        stage = Stage(core, AgentMode.STANDARD)
        _, _, epoch = stage.called()
        stage.worker.command(request("w/k", sender=W, sender_epoch=epoch, call_chain=(W,)))
        assert len(stage.worker.take(Request)) == 1


class TestTakenAgents:
    def test_what_a_taken_agent_commits_is_stale(self) -> None:
        stage = Stage(Core(Policy(drain_timeout=5)))
        stage.worker.host("w", ONCE, idle_timeout_ms=1000)
        asked, number, epoch = stage.called()
        answer(stage.worker, number, commit(epoch, 0))
        assert stage.caller.answer(asked) == Reply(b"!")
        stage.core.advance(1.5)
        ((_, asked_back),) = stage.worker.take(Deactivate)
        assert asked_back.agent == W
        stage.core.advance(6)
        failed(stage.worker.ask(Save(W, epoch, 1, State(b""))), Reason.STALE_EPOCH)
        replied = answer(stage.worker, number, commit(epoch, 1))
        failed(stage.worker.answer(replied), Reason.STALE_EPOCH)
        publish = Publish(TopicId("out", "k"), b"", W, epoch)
        failed(stage.worker.ask(publish), Reason.STALE_EPOCH)
        failed(stage.worker.ask(request("w/x", sender=W, sender_epoch=epoch)), Reason.STALE_EPOCH)

    def test_done_to_a_deactivate_ends_it(self, stage: Stage) -> None:
        stage.worker.host("w", ONCE, idle_timeout_ms=1000)
        _, number, epoch = stage.called()
        answer(stage.worker, number, commit(epoch, 0, b"kept"))
        stage.core.advance(1.5)
        ((deactivate, _),) = stage.worker.take(Deactivate)
        stage.worker.say(Done(), re=deactivate)
        assert stage.core.tables["agents"] == 0
        stage.called()
        ((_, activate),) = stage.worker.take(Activate)[-1:]
        assert activate.state == State(b"kept", "", 1)
