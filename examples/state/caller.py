# completed: the whole program
import asyncio
import os
import sys

from worker import Note, Notes

from parley import AgentId
from parley.distributed import create_distributed_runtime


async def main(key: str, value: str) -> None:
    runtime = await create_distributed_runtime(
        broker_url=os.environ.get("PARLEY_BROKER_URL", "grpc://localhost:50051"),
    )
    async with runtime:
        notes = await runtime.send_message(
            Note(key, value), AgentId("resilient", "default"), response_type=Notes, wait_for_ready=True
        )
        print(f"Notes: {notes.state}")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
