# completed: the whole program
import asyncio
import os

from parley import MessageContext, RoutedAgent, rpc
from parley.distributed import create_distributed_runtime
from serializers import TaskRequest, TaskRequestSerializer, TaskResponse, TaskResponseSerializer


class TaskWorker(RoutedAgent):
    @rpc
    async def handle_task(self, message: TaskRequest, ctx: MessageContext) -> TaskResponse:
        return TaskResponse(task_id=message.task_id, result=f"{message.data} done")


async def main():
    runtime = await create_distributed_runtime(
        broker_url=os.environ.get("PARLEY_BROKER_URL", "grpc://localhost:50051"), instance_id="worker-process-1"
    )
    runtime.add_message_serializer(TaskRequestSerializer())
    runtime.add_message_serializer(TaskResponseSerializer())
    await TaskWorker.register(runtime, "task_worker", lambda: TaskWorker())
    await runtime.start()
    print("Worker is ready", flush=True)
    await runtime.wait_until_stopped()


if __name__ == "__main__":
    asyncio.run(main())
