import asyncio
import os  # completed: for the broker's address
import sys  # completed: for the number of the process
from dataclasses import dataclass

from parley import MessageContext, RoutedAgent, rpc
from parley.distributed import create_distributed_runtime


# completed: the message classes
@dataclass
class WorkRequest:
    task_id: str


@dataclass
class WorkResponse:
    result: str


# completed: the worker; it says which process it lives in
class Worker(RoutedAgent):
    @rpc
    async def process_work(self, message: WorkRequest, ctx: MessageContext) -> WorkResponse:
        return WorkResponse(result=f"process {sys.argv[1]}")


# completed: the process; start it three times, with 1, 2 and 3
async def main():
    runtime = await create_distributed_runtime(
        broker_url=os.environ.get("PARLEY_BROKER_URL", "grpc://localhost:50051"),
        instance_id=f"worker-process-{sys.argv[1]}",
    )
    await Worker.register(runtime, "worker", lambda: Worker())
    await runtime.start()
    print("Worker is ready", flush=True)
    await runtime.wait_until_stopped()


if __name__ == "__main__":
    asyncio.run(main())
