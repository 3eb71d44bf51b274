import asyncio
import os  # completed: for the broker's address
from dataclasses import dataclass

# completed: TopicId and TypeSubscription
from parley import AgentId, MessageContext, RoutedAgent, TopicId, TypeSubscription, event
from parley.distributed import create_distributed_runtime
from worker import WorkRequest  # completed: the class of the request; the reply is decoded by the class beside it


@dataclass
class StartTask:
    task_id: str
    data: dict


class Coordinator(RoutedAgent):
    def __init__(self):
        super().__init__("Coordinator agent")

    @event
    async def handle_start(self, message: StartTask, ctx: MessageContext) -> None:
        # Send work to worker agent (in different process)
        response = await self.send_message(
            WorkRequest(task_id=message.task_id, data=message.data), recipient=AgentId("worker", "default")
        )
        print(f"Worker completed: {response.result}", flush=True)


async def main():
    # Connect to same broker
    runtime = await create_distributed_runtime(
        # completed: another address can be given
        broker_url=os.environ.get("PARLEY_BROKER_URL", "grpc://localhost:50051"),
        instance_id="coordinator-process-1",
    )

    # Register coordinator
    await Coordinator.register(runtime, "coordinator", lambda: Coordinator())
    # completed: without a subscription the task would be for nobody
    await runtime.add_subscription(TypeSubscription(topic_type="tasks", agent_type="coordinator"))

    await runtime.start()

    # Send initial task
    await runtime.publish_message(
        StartTask(task_id="task-1", data={"key": "value"}), topic_id=TopicId(type="tasks", source="system")
    )

    await runtime.wait_until_stopped()


if __name__ == "__main__":
    asyncio.run(main())
