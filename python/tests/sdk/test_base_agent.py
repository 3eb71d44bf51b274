"""BaseAgent: identity and what its class declares."""

from __future__ import annotations

from typing import Any

import pytest

from parley import AgentId, AgentInstantiationContext, MessageContext, RoutedAgent, SingleThreadedAgentRuntime
from parley._base_agent import BaseAgent
from parley.exceptions import InvalidArgumentError


class Described(RoutedAgent):
    """Says what it is.

    And more.
    """


class Careless(RoutedAgent):
    """Does not call its base class."""

    def __init__(self) -> None:
        self.state: dict[str, Any] = {}


async def test_an_agent_made_in_a_factory_knows_itself() -> None:
    runtime = SingleThreadedAgentRuntime()
    id = AgentId("a", "k")
    with AgentInstantiationContext.populate_context((runtime, id)):
        agent = Described()
    assert (agent.id, agent.type, agent.runtime) == (id, "a", runtime)
    assert agent.metadata == {"type": "a", "key": "k", "description": "Says what it is."}
    await agent.bind_id_and_runtime(id, runtime)
    with pytest.raises(RuntimeError, match="this agent is a/k already"):
        await agent.bind_id_and_runtime(AgentId("a", "other"), runtime)


async def test_an_agent_without_an_id_says_so() -> None:
    for agent in (Described("text"), Careless()):
        with pytest.raises(RuntimeError, match="has no id yet"):
            _ = agent.id
        with pytest.raises(RuntimeError, match="has no runtime yet"):
            _ = agent.runtime
        await agent.bind_id_and_runtime(AgentId("a", "k"), SingleThreadedAgentRuntime())
        assert agent.id.key == "k"
    assert Described("text")._description == "text"


async def test_state_and_close_may_be_left_out() -> None:
    agent = Described()
    assert await agent.save_state() == {}
    await agent.load_state({})
    await agent.close()


def test_what_a_class_declares_is_inherited() -> None:
    class Base(RoutedAgent, mode="stateless", concurrency=3):
        pass

    class Derived(Base):
        pass

    class Changed(Base, mode="standard"):
        pass

    assert (RoutedAgent.mode, RoutedAgent.concurrency) == ("standard", None)
    assert (Derived.mode, Derived.concurrency) == ("stateless", 3)
    assert (Changed.mode, Changed.concurrency) == ("standard", 3)


@pytest.mark.parametrize(
    "declared", [{"mode": "other"}, {"concurrency": 0}, {"concurrency": "2"}, {"concurrency": True}]
)
def test_bad_declarations(declared: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgumentError):
        type("Bad", (RoutedAgent,), {}, **declared)


def test_a_base_agent_must_say_what_it_does() -> None:
    with pytest.raises(TypeError, match="on_message_impl"):
        BaseAgent()  # type: ignore[abstract]


async def test_on_message_is_on_message_impl() -> None:
    class Loud(BaseAgent):
        async def on_message_impl(self, message: Any, ctx: MessageContext) -> Any:
            return f"{message}!"

    assert await Loud().on_message("a", None) == "a!"  # type: ignore[arg-type]
    assert Loud.handled_types() == []
