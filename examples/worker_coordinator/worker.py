import asyncio
import os  # completed: for the broker's address
from dataclasses import dataclass

from parley import MessageContext, RoutedAgent, rpc
from parley.distributed import create_distributed_runtime


@dataclass
class WorkRequest:
    task_id: str
    data: dict


@dataclass
class WorkResponse:
    task_id: str
    result: str


class Worker(RoutedAgent):
    def __init__(self):
        super().__init__("Worker agent")

    @rpc
    async def process_work(self, message: WorkRequest, ctx: MessageContext) -> WorkResponse:
        # Process the work
        result = f"Processed task {message.task_id}"
        return WorkResponse(task_id=message.task_id, result=result)


async def main():
    # Create distributed runtime connected to broker
    runtime = await create_distributed_runtime(
        # completed: another address can be given
        broker_url=os.environ.get("PARLEY_BROKER_URL", "grpc://localhost:50051"),
        instance_id="worker-process-1",
    )

    # Register worker agent
    await Worker.register(runtime, "worker", lambda: Worker())

    # Start runtime (listens for messages)
    await runtime.start()
    print("Worker is ready", flush=True)  # completed: so that one knows when to start the coordinator

    # Keep running
    await runtime.wait_until_stopped()


if __name__ == "__main__":
    asyncio.run(main())
