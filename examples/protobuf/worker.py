# completed: the whole program
import asyncio
import os

import messages_pb2
from parley import MessageContext, RoutedAgent, rpc
from parley.distributed import create_distributed_runtime
from serializers import TaskRequest, TaskRequestSerializer, TaskResponse, TaskResponseSerializer


class TaskWorker(RoutedAgent):
    # A class with a serializer of its own.
    @rpc
    async def handle_task(self, message: TaskRequest, ctx: MessageContext) -> TaskResponse:
        return TaskResponse(task_id=message.task_id, result=f"{message.data} done")

    # A generated class needs none: its raw bytes travel under its full name.
    @rpc
    async def handle_generated(
        self, message: messages_pb2.TaskRequest, ctx: MessageContext
    ) -> messages_pb2.TaskResponse:
        return messages_pb2.TaskResponse(task_id=message.task_id, result=f"{message.data} done as generated")


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
