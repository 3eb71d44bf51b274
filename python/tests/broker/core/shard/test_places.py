"""Where agents go, and where they stay."""

from __future__ import annotations

from broker.core.harness import Core, done, failed, request
from parley_broker.core.messages import (
    AgentMode,
    Request,
)
from parley_broker.core.policy import Policy
from parley_broker.errors import Reason


class TestPlaces:
    def test_agents_go_to_the_session_with_the_fewest(self, core: Core) -> None:
        first, second, caller = core.client(), core.client(), core.client()
        first.host("w")
        second.host("w")
        for n in range(10):
            caller.command(request(f"w/{n}"))
        assert len(first.take(Request)) == len(second.take(Request)) == 5

    def test_pinned_keys(self, core: Core) -> None:
        first, second, caller = core.client(), core.client(), core.client()
        assert done(first.host("w", pinned_keys=("a",)))
        failed(second.host("w", pinned_keys=("b", "a")), Reason.ALREADY_EXISTS)
        failed(caller.ask(request("w/z")), Reason.NO_RESPONDERS, agent="w/z")
        assert done(second.host("w"))
        caller.command(request("w/a"))
        caller.command(request("w/z"))
        assert [b.target.key for _, b in first.take(Request)] == ["a"]
        assert [b.target.key for _, b in second.take(Request)] == ["z"]

    def test_a_pin_takes_the_place(self, core: Core) -> None:
        first, second, caller = core.client(), core.client(), core.client()
        first.host("w")
        caller.command(request("w/a"))
        ((_, before),) = first.take(Request)
        second.host("w", pinned_keys=("a",))
        caller.command(request("w/a"))
        ((_, after),) = second.take(Request)
        assert after.epoch > before.epoch

    def test_the_modes_of_a_type_agree(self, core: Core) -> None:
        core.client().host("w")
        other = core.client()
        failed(other.host("w", AgentMode.STATELESS), Reason.INVALID_ARGUMENT, mode="STANDARD")
        failed(other.host("x", 4), Reason.INVALID_ARGUMENT, mode="4")

    def test_registering_again_replaces(self, core: Core) -> None:
        worker, caller = core.client(), core.client()
        worker.host("w", AgentMode.STATELESS)
        assert done(worker.host("w", AgentMode.STANDARD, pinned_keys=("a",)))
        failed(caller.ask(request("w/b")), Reason.NO_RESPONDERS)

    def test_too_many_types_and_keys(self) -> None:
        core = Core(Policy(max_agent_types=1, max_pinned_keys=2))
        worker = core.client()
        failed(worker.host("a", pinned_keys=("1", "2", "3")), Reason.RESOURCE_EXHAUSTED, limit=2)
        worker.host("a")
        assert done(worker.host("a"))
        failed(worker.host("b"), Reason.RESOURCE_EXHAUSTED, limit=1)

    def test_too_many_agents(self) -> None:
        core = Core(Policy(max_agents=1))
        worker, caller = core.client(), core.client()
        worker.host("w")
        caller.command(request("w/1"))
        failed(caller.ask(request("w/2")), Reason.RESOURCE_EXHAUSTED, limit=1)
