"""So many states at once are read and sent as a client's share of the output bytes allows."""

from __future__ import annotations

from broker.core.harness import Client, Core, agent, request
from parley_broker.core.messages import Activate, Done, Request, UnregisterAgentType
from parley_broker.core.policy import Policy
from parley_broker.core.records import StateSaved

AGENTS = 20
SIZE = 1000


def started(**policy: int) -> tuple[Core, Client, Client]:
    """A core whose store has the states of twenty agents, a worker that hosts them, and one that calls them all."""
    core = Core(Policy(**policy))  # type: ignore[arg-type]
    saved = [StateSaved(agent(f"w/{number}"), 1, "", b"x" * SIZE) for number in range(AGENTS)]
    core.store.commit(saved, core.opened.term)
    worker, caller = core.client(), core.client()
    worker.host("w", keeps_state=True)
    for number in range(AGENTS):
        caller.command(request(f"w/{number}"))
    return core, worker, caller


def test_what_is_not_confirmed_is_bounded() -> None:
    _, worker, _ = started(max_envelope_bytes=2000, max_output_bytes=16_000)
    given: list[str] = []
    while activations := worker.take(Activate):
        assert len(activations) <= 5, "a quarter of the output bytes, and what was being read"
        given += [activate.agent.key for _, activate in activations]
        for number, _ in activations:
            worker.say(Done(), re=number)
    assert given == [str(number) for number in range(AGENTS)]
    assert len(worker.take(Request)) == AGENTS


def test_one_at_a_time_at_least() -> None:
    _, worker, _ = started(max_envelope_bytes=2000, max_output_bytes=4)
    assert len(worker.take(Activate)) == 1


def test_agents_that_end_make_room() -> None:
    core, worker, _ = started(max_envelope_bytes=2000, max_output_bytes=16_000)
    other = core.client()
    other.host("w", keeps_state=True)
    worker.take(Activate)
    worker.ask(UnregisterAgentType("w"))
    while activations := other.take(Activate):
        for number, _ in activations:
            other.say(Done(), re=number)
    assert core.tables["placed_calls"] >= len(other.take(Request)) > 0
    assert core.tables["agents"] == AGENTS - 4


def test_without_pressure_all_come_at_once() -> None:
    _, worker, _ = started()
    assert len(worker.take(Activate)) == AGENTS
