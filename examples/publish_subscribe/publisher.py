# Process 1: Publisher
import asyncio
import os  # completed: for the broker's address
from dataclasses import dataclass

from events import DataEvent  # completed: the class of the event, which both programs know
from parley import MessageContext, RoutedAgent, TopicId, TypeSubscription, event
from parley.distributed import create_distributed_runtime


# completed: what makes the publisher publish
@dataclass
class TriggerEvent:
    reason: str


class EventPublisher(RoutedAgent):
    @event
    async def publish_event(self, message: TriggerEvent, ctx: MessageContext) -> None:
        await self.publish_message(
            DataEvent(data="something happened"), TopicId(type="data.events", source="publisher")
        )


# completed: the process
async def main():
    runtime1 = await create_distributed_runtime(
        broker_url=os.environ.get("PARLEY_BROKER_URL", "grpc://localhost:50051"), instance_id="publisher-process"
    )
    # Each process registers and subscribes
    await EventPublisher.register(runtime1, "publisher", lambda: EventPublisher())
    await runtime1.add_subscription(TypeSubscription(topic_type="triggers", agent_type="publisher"))
    await runtime1.start()
    await runtime1.publish_message(TriggerEvent(reason="start"), TopicId(type="triggers", source="main"))
    await runtime1.wait_until_stopped()


if __name__ == "__main__":
    asyncio.run(main())
