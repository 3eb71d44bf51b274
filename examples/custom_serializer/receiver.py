# completed: the whole program
import asyncio
import os

from parley import MessageContext, RoutedAgent, rpc
from parley.distributed import create_distributed_runtime
from serializer import DistributedMessageSerializer, MyMessage


class Receiver(RoutedAgent):
    @rpc
    async def handle(self, message: MyMessage, ctx: MessageContext) -> MyMessage:
        print(f"Received: {message}", flush=True)
        return MyMessage(field1=message.field1.upper(), field2=message.field2 + 1)


async def main():
    runtime = await create_distributed_runtime(
        broker_url=os.environ.get("PARLEY_BROKER_URL", "grpc://localhost:50051"), instance_id="receiver-process-1"
    )

    # Register with runtime
    runtime.add_message_serializer(DistributedMessageSerializer())

    await Receiver.register(runtime, "receiver", lambda: Receiver())
    await runtime.start()
    print("Receiver is ready", flush=True)
    await runtime.wait_until_stopped()


if __name__ == "__main__":
    asyncio.run(main())
