# completed: the whole program
import asyncio
import os
from dataclasses import dataclass

from parley import MessageContext, RoutedAgent, rpc
from parley.distributed import create_distributed_runtime


@dataclass
class SubRequest:
    data: str


@dataclass
class SubResponse:
    result: str


class Worker(RoutedAgent):
    @rpc
    async def handle(self, message: SubRequest, ctx: MessageContext) -> SubResponse:
        if message.data == "slow":
            # A future that the token cancels: what takes long here ends when the caller gives up.
            never: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            ctx.cancellation_token.link_future(never)
            try:
                await never
            except asyncio.CancelledError:
                print("Cancelled by the caller", flush=True)
                raise
        return SubResponse(result=f"{message.data} done")


async def main():
    runtime = await create_distributed_runtime(
        broker_url=os.environ.get("PARLEY_BROKER_URL", "grpc://localhost:50051"), instance_id="worker-process-1"
    )
    await Worker.register(runtime, "worker", lambda: Worker())
    await runtime.start()
    print("Worker is ready", flush=True)
    await runtime.wait_until_stopped()


if __name__ == "__main__":
    asyncio.run(main())
