# completed: the whole program
import asyncio
import os

from parley import AgentId
from parley.distributed import create_distributed_runtime
from serializers import TaskRequest, TaskRequestSerializer, TaskResponseSerializer


async def main():
    worker = AgentId("task_worker", "default")
    async with await create_distributed_runtime(
        broker_url=os.environ.get("PARLEY_BROKER_URL", "grpc://localhost:50051"), instance_id="caller-process-1"
    ) as runtime:
        runtime.add_message_serializer(TaskRequestSerializer())
        runtime.add_message_serializer(TaskResponseSerializer())
        response = await runtime.send_message(TaskRequest(task_id="task-1", data="dishes"), worker)
        print(f"Reply: {response}", flush=True)


if __name__ == "__main__":
    asyncio.run(main())
