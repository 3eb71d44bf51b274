"""What is answered, what is dropped, what ends the connection."""

from __future__ import annotations

import pytest

from broker.core.harness import Client, Core, agent, done, failed, request
from parley_broker.core.ids import TopicId
from parley_broker.core.messages import (
    Activate,
    AgentMode,
    Body,
    Cancel,
    Claim,
    Commit,
    Done,
    Error,
    Goodbye,
    Heartbeat,
    Hello,
    ListSubscriptions,
    Message,
    Publish,
    RegisterAgentType,
    Reply,
    Request,
    Save,
    State,
    Subscribe,
    Subscription,
    SubscriptionKey,
    SubscriptionList,
    TopicMatch,
    Trace,
    Unknown,
    Unsubscribe,
)
from parley_broker.core.policy import Policy
from parley_broker.errors import EndCode, Reason


@pytest.mark.parametrize(
    "body", [Heartbeat(), Goodbye(), Reply(b""), Error(1, "", False, False), Done(), Cancel(3), ListSubscriptions()]
)
def test_everything_with_an_id_is_answered_once(core: Core, body: Body) -> None:
    client = core.client()
    client.say(body, 5)
    assert [m.re for m in client.read()] == [5]


@pytest.mark.parametrize("body", [Heartbeat(), Reply(b""), Done(), Cancel(3), Unknown(99), ListSubscriptions()])
def test_nothing_without_an_id_is(core: Core, body: Body) -> None:
    client = core.client()
    client.say(body)
    assert client.read() == []
    assert client.closed is None


def test_an_unknown_kind(core: Core) -> None:
    failed(core.client().ask(Unknown(99)), Reason.INVALID_ARGUMENT, kind=99)


def test_a_bad_command_without_an_id_is_logged_but_not_for_ever(core: Core) -> None:
    client = core.client()
    for _ in range(50):
        client.say(RegisterAgentType("bad type"))
    assert core.logs.count("command dropped") == 50
    assert client.closed is None


def test_a_request_needs_an_id(core: Core) -> None:
    client = core.client()
    client.say(request("w/k"))
    assert client.read() == []
    assert core.tables["calls"] == 0


def test_an_outstanding_id_ends_the_connection(core: Core) -> None:
    client = core.client()
    client.say(request("w/k", wait_for_ready=True), 5)
    client.say(ListSubscriptions(), 5)
    assert client.closed is not None
    assert client.closed.code is EndCode.INVALID_ARGUMENT
    assert core.tables["calls"] == 0


def test_an_answered_id_may_be_used_again(core: Core) -> None:
    client = core.client()
    for _ in range(3):
        client.say(ListSubscriptions(), 5)
        assert isinstance(client.answer(5), SubscriptionList)


def test_a_second_hello_ends_the_connection(core: Core) -> None:
    client = core.client()
    client.say(Hello(1, 1, "p"), 5)
    assert client.closed is not None
    assert client.closed.code is EndCode.FAILED_PRECONDITION


def test_nothing_counts_after_the_end(core: Core) -> None:
    client = core.client()
    client.frame(Message(Hello(1, 1, "p"), 5), Message(RegisterAgentType("w"), 6))
    client.frame(Message(RegisterAgentType("w"), 7))
    failed(core.client().ask(request("w/k")), Reason.NO_RESPONDERS)


def test_goodbye_ends_the_session_at_once(core: Core) -> None:
    worker, caller = core.client(), core.client()
    worker.host("w")
    asked = caller.command(request("w/k"))
    worker.take(Request)
    worker.say(Goodbye("enough"))
    failed(caller.answer(asked), Reason.OUTCOME_UNKNOWN)
    assert worker.closed is not None
    assert worker.closed.code is EndCode.OK
    core.disconnect(worker)
    assert core.tables["sessions"] == core.tables["connections"] == 1


def test_subscriptions_are_listed_in_order_and_removed_for_all(core: Core) -> None:
    first, second = core.client(), core.client()
    for topic_type in ("b", "a"):
        first.subscribe(topic_type, "w")
    second.subscribe("a", "w")
    listed = second.ask(ListSubscriptions())
    assert isinstance(listed, SubscriptionList)
    assert [s.key.topic_type for s in listed.subscriptions] == ["a", "b"]
    key = SubscriptionKey("a", 1, "w")
    assert done(second.ask(Unsubscribe(key)))
    failed(first.ask(Unsubscribe(key)), Reason.NOT_FOUND)


def test_trace_contexts_are_bounded(core: Core) -> None:
    client: Client = core.client()
    failed(client.ask(request("w/k", trace=Trace("x" * 300, ""))), Reason.INVALID_ARGUMENT, field="trace.traceparent")
    failed(client.ask(request("w/k", trace=Trace("", "x" * 9000))), Reason.INVALID_ARGUMENT, field="trace.tracestate")


def test_a_mode_that_is_not_set_is_standard(core: Core) -> None:
    core.client().host("w", AgentMode.UNSPECIFIED)
    assert done(core.client().host("w", AgentMode.STANDARD))


class TestWhatWaitsForTheStore:
    """Commands that a session begins by itself are bounded while they wait (FLOW-5)."""

    def worker(self, core: Core) -> tuple[Client, int]:
        """One that has `w/k`, which keeps state, and its epoch."""
        worker = core.client()
        worker.host("w", keeps_state=True)
        core.client().command(request("w/k"))
        ((_, activate),) = worker.take(Activate)
        core.hold = True
        return worker, activate.epoch

    def test_their_number(self) -> None:
        core = Core(Policy(max_outstanding_calls=4))
        worker, epoch = self.worker(core)
        waiting = [
            worker.command(Save(agent("w/k"), epoch, 0, State(b"s"))),
            worker.command_subscribe("t", "w", durable=True),
            worker.command(Unsubscribe(SubscriptionKey("t", TopicMatch.EXACT, "w"))),
            worker.command(Reply(b"late", commit=Commit(agent("w/k"), epoch, 1))),
        ]
        more: list[Body] = [
            Save(agent("w/k"), epoch, 2, State(b"s")),
            Subscribe(Subscription(SubscriptionKey("t", TopicMatch.EXACT, "w"), True)),
            Unsubscribe(SubscriptionKey("t", TopicMatch.EXACT, "w")),
            Claim(((agent("w/other"), 1),)),
            Reply(b"late", commit=Commit(agent("w/k"), epoch, 2)),
        ]
        for body in more:
            failed(worker.ask(body), Reason.RESOURCE_EXHAUSTED, limit=4)
        assert [worker.answer(command) for command in waiting] == [None] * 4
        core.hold = False
        core.settle()
        assert all(done(worker.answer(command)) for command in waiting)
        assert done(worker.ask(Save(agent("w/k"), epoch, 2, State(b"s"))))

    def test_their_bytes(self) -> None:
        core = Core(Policy(max_waiting_bytes=10))
        worker, epoch = self.worker(core)
        waiting = worker.command(Save(agent("w/k"), epoch, 0, State(b"eight by")))
        failed(worker.ask(Save(agent("w/k"), epoch, 1, State(b"ten"))), Reason.RESOURCE_EXHAUSTED, limit=10)
        commit = Commit(agent("w/k"), epoch, 1, State(b"1"), (Publish(TopicId("t", "k"), b"2"),))
        failed(worker.ask(Reply(b"3", commit=commit)), Reason.RESOURCE_EXHAUSTED, limit=10)
        fits = worker.command(Reply(b"", commit=commit))
        core.hold = False
        core.settle()
        assert done(worker.answer(waiting))
        assert done(worker.answer(fits))
        assert done(worker.ask(Save(agent("w/k"), epoch, 2, State(b"ten bytes!"))))

    def test_what_a_failed_commit_refuses_counts_no_more(self) -> None:
        core = Core(Policy(max_outstanding_calls=1))
        worker, epoch = self.worker(core)
        waiting = worker.command(Save(agent("w/k"), epoch, 0, State(b"s")))
        core.fail_commit()
        core.hold = False
        failed(worker.answer(waiting), Reason.UNAVAILABLE)
        assert done(worker.ask(Save(agent("w/k"), epoch, 0, State(b"s"))))

    def test_what_settles_something_is_not_refused(self) -> None:
        core = Core(Policy(max_outstanding_calls=1))
        worker, epoch = self.worker(core)
        worker.command(Save(agent("w/k"), epoch, 0, State(b"s")))
        ((call, _),) = worker.take(Request)
        worker.say(Reply(b"", commit=Commit(agent("w/k"), epoch, 1)), message_id=77, re=call)
        core.hold = False
        core.settle()
        assert done(worker.answer(77))

    def test_a_save_without_an_id_is_dropped(self) -> None:
        core = Core()
        worker, epoch = self.worker(core)
        worker.say(Save(agent("w/k"), epoch, 0, State(b"s")))
        assert core.machine.effects.records == []
        assert core.logs[-1] == "command dropped"
