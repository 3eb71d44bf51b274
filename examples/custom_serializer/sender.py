# completed: the whole program
import asyncio
import os

from parley import AgentId
from parley.distributed import create_distributed_runtime
from parley.exceptions import ParleyError
from serializer import DistributedMessageSerializer, MyMessage, NewerMessageSerializer


async def main():
    receiver = AgentId("receiver", "default")
    async with await create_distributed_runtime(
        broker_url=os.environ.get("PARLEY_BROKER_URL", "grpc://localhost:50051"), instance_id="sender-process-1"
    ) as runtime:
        # Register with runtime
        runtime.add_message_serializer(DistributedMessageSerializer())
        print(f"Reply: {await runtime.send_message(MyMessage('hello', 1), receiver)}", flush=True)

        # The serializer added last is the one that writes.
        runtime.add_message_serializer(NewerMessageSerializer())
        try:
            await runtime.send_message(MyMessage("hello", 1), receiver)
        except ParleyError as error:
            print(f"Refused: {error}", flush=True)


if __name__ == "__main__":
    asyncio.run(main())
