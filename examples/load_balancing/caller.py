# completed: the whole program
import asyncio
import os

from parley import AgentId
from parley.distributed import create_distributed_runtime
from worker import WorkRequest


async def main():
    async with await create_distributed_runtime(
        broker_url=os.environ.get("PARLEY_BROKER_URL", "grpc://localhost:50051"), instance_id="caller-process-1"
    ) as runtime:
        for round_ in (1, 2):
            for number in range(1, 10):
                # Sending message to AgentId("worker", "instance-1")
                # Runtime/broker determines which process handles it
                agent = AgentId("worker", f"instance-{number}")
                response = await runtime.send_message(WorkRequest(task_id=f"task-{number}"), agent)
                print(f"Round {round_}: {agent} in {response.result}", flush=True)


if __name__ == "__main__":
    asyncio.run(main())
