"""A broker that is about to go has the agents saved that changed since they saved last."""

from __future__ import annotations

import pytest

from broker.core.harness import Client, Core, agent, done, reply, request
from parley_broker.core.gateway.farewell import MAX_ASKED
from parley_broker.core.messages import (
    Activate,
    AgentMode,
    Commit,
    Done,
    Hello,
    Reply,
    Request,
    Save,
    SaveRequest,
    State,
    make_error,
)
from parley_broker.errors import Reason


def given_work(core: Core, worker: Client, *keys: str) -> dict[str, int]:
    """The worker hosts `w`, and these agents of it have handled a call each: their epochs."""
    caller = core.client()
    for key in keys:
        caller.command(request(f"w/{key}"))
    epochs = {activate.agent.key: activate.epoch for _, activate in worker.take(Activate)}
    for call, _ in worker.take(Request):
        reply(worker, call)
    core.disconnect(caller)
    return epochs


def asked(worker: Client) -> list[tuple[int, str]]:
    """The SaveRequests that came: ids and keys."""
    return [(number, body.agent.key) for number, body in worker.take(SaveRequest)]


@pytest.fixture
def worker(core: Core) -> Client:
    worker = core.client()
    worker.host("w", keeps_state=True)
    return worker


def test_agents_that_were_given_something_since_they_saved_are_saved(core: Core, worker: Client) -> None:
    epochs = given_work(core, worker, "saved", "committed", "changed", "again")
    assert done(worker.ask(Save(agent("w/saved"), epochs["saved"], 0, State(b"s"))))
    assert done(worker.ask(Save(agent("w/again"), epochs["again"], 0, State(b"s"))))
    given_work(core, worker, "again")
    caller = core.client()
    caller.command(request("w/committed"))
    ((call, _),) = worker.take(Request)
    worker.say(Reply(b"", commit=Commit(agent("w/committed"), epochs["committed"], 0)), message_id=99, re=call)
    core.drain(10)
    requests = asked(worker)
    assert {key for _, key in requests} == {"changed", "again"}
    core.advance(1.1)
    assert core.drained == ""
    for number, key in requests:
        assert done(worker.ask(Save(agent(f"w/{key}"), epochs[key], int(key == "again"), State(b"t"))))
        worker.say(Done(), re=number)
    assert core.drained == "nothing is under way"


def test_the_broker_ends_at_its_timeout_all_the_same(core: Core, worker: Client) -> None:
    given_work(core, worker, "k")
    core.drain(2)
    core.advance(2.1)
    assert core.drained == "its time is up"


def test_what_fails_is_logged_and_not_waited_for(core: Core, worker: Client) -> None:
    given_work(core, worker, "k")
    core.drain(10)
    core.advance(1.1)
    ((number, _),) = asked(worker)
    worker.say(make_error(Reason.HANDLER_FAILED, "no"), re=number)
    assert "agent not saved" in core.logs
    assert core.drained == "nothing is under way"


def test_some_at_a_time(core: Core, worker: Client) -> None:
    keys = [f"k{number}" for number in range(2 * MAX_ASKED + 1)]
    given_work(core, worker, *keys)
    core.drain(10)
    core.advance(1.1)
    seen: list[str] = []
    for size in (MAX_ASKED, MAX_ASKED, 1):
        requests = asked(worker)
        assert len(requests) == size
        for number, key in requests:
            assert core.drained == ""
            worker.say(Done(), re=number)
            seen.append(key)
    assert sorted(seen) == sorted(keys)
    assert core.drained == "nothing is under way"


def test_effectively_once_agents_have_nothing_to_save(core: Core) -> None:
    worker = core.client()
    worker.host("w", AgentMode.EFFECTIVELY_ONCE)
    given_work(core, worker, "k")
    core.drain(10)
    assert asked(worker) == []


def test_a_client_that_does_not_know_the_kind_is_not_asked(core: Core) -> None:
    worker = core.client(hello=Hello(1, 1, "p", kinds=frozenset({Activate.KIND, Request.KIND, Done.KIND})))
    worker.host("w", keeps_state=True)
    given_work(core, worker, "k")
    core.drain(10)
    core.advance(1.1)
    assert asked(worker) == []
    assert core.drained == "nothing is under way"


def test_a_session_that_is_not_there_is_not_waited_for(core: Core, worker: Client) -> None:
    core.client()
    given_work(core, worker, "k")
    core.drain(10)
    core.advance(1.1)
    assert core.drained == ""
    core.cut(worker)
    assert core.drained == "nothing is under way"


def test_an_agent_that_was_given_back_meanwhile_is_not_asked_for(core: Core, worker: Client) -> None:
    keys = [f"k{number}" for number in range(MAX_ASKED + 1)]
    given_work(core, worker, *keys)
    core.drain(10)
    requests = asked(worker)
    (left,) = set(keys) - {key for _, key in requests}
    core.machine._shard.unhost(worker.session, "w", core.now)
    core.machine.tick(core.now)
    worker.say(Done(), re=requests[0][0])
    assert asked(worker) == [], left
