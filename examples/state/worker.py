import asyncio
import os  # completed
from dataclasses import dataclass  # completed

from parley import MessageContext, RoutedAgent, rpc
from parley.distributed import create_distributed_runtime  # completed


@dataclass  # completed: the messages
class Note:
    key: str
    value: str


@dataclass
class Notes:
    state: dict[str, str]


class ResilientAgent(RoutedAgent):
    def __init__(self):
        super().__init__("Resilient agent")
        self.state = {}

    async def save_state(self) -> dict:
        """Called periodically by runtime."""
        return self.state

    async def load_state(self, state: dict) -> None:
        """Called when agent restarts."""
        self.state = state
        print(f"Agent restored with state: {state}")

    @rpc  # completed: a handler that changes the state
    async def take_note(self, message: Note, ctx: MessageContext) -> Notes:
        self.state[message.key] = message.value
        return Notes(state=self.state)


async def main():  # completed
    runtime = await create_distributed_runtime(
        broker_url=os.environ.get("PARLEY_BROKER_URL", "grpc://localhost:50051"),
    )
    await ResilientAgent.register(runtime, "resilient", lambda: ResilientAgent())
    await runtime.start()
    print("Worker is ready")
    await runtime.wait_until_stopped()


if __name__ == "__main__":
    asyncio.run(main())
