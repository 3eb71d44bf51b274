# Process 2: Subscriber
import asyncio
import os  # completed: for the broker's address

from events import DataEvent  # completed: the class of the event, which both programs know
from parley import MessageContext, RoutedAgent, TypeSubscription, event
from parley.distributed import create_distributed_runtime


class EventSubscriber(RoutedAgent):
    @event
    async def handle_event(self, message: DataEvent, ctx: MessageContext) -> None:
        print(f"Received event: {message.data}", flush=True)


# completed: the process
async def main():
    runtime2 = await create_distributed_runtime(
        broker_url=os.environ.get("PARLEY_BROKER_URL", "grpc://localhost:50051"), instance_id="subscriber-process"
    )
    # Each process registers and subscribes
    await EventSubscriber.register(runtime2, "subscriber", lambda: EventSubscriber())
    await runtime2.add_subscription(TypeSubscription(topic_type="data.events", agent_type="subscriber"))
    await runtime2.start()
    print("Subscriber is ready", flush=True)
    await runtime2.wait_until_stopped()


if __name__ == "__main__":
    asyncio.run(main())
