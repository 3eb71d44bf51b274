"""AgentProxy: everything goes to the runtime."""

from __future__ import annotations

from dataclasses import dataclass

from parley import AgentId, AgentProxy, MessageContext, RoutedAgent, SingleThreadedAgentRuntime, rpc


@dataclass
class Ask:
    n: int


class Agent(RoutedAgent):
    def __init__(self) -> None:
        super().__init__("text")
        self.state: dict[str, int] = {}

    @rpc
    async def ask(self, message: Ask, ctx: MessageContext) -> Ask:
        self.state["n"] = message.n
        return message

    async def save_state(self) -> dict[str, int]:
        return self.state

    async def load_state(self, state: dict[str, int]) -> None:  # type: ignore[override]
        self.state = state


async def test_it_stands_for_the_agent() -> None:
    runtime = SingleThreadedAgentRuntime()
    await Agent.register(runtime, "a", Agent)
    await runtime.start()
    proxy = AgentProxy(AgentId("a", "k"), runtime)
    assert proxy.id == AgentId("a", "k")
    assert await proxy.send_message(Ask(1), sender=AgentId("b", "k")) == Ask(1)
    assert (await proxy.metadata)["description"] == "text"
    assert await proxy.save_state() == {"n": 1}
    await proxy.load_state({"n": 5})
    assert await proxy.save_state() == {"n": 5}
    await runtime.close()
