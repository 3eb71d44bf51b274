import asyncio
import os  # completed: for the broker's address
import sys  # completed: for what to ask
from dataclasses import dataclass

from parley import AgentId, CancellationToken, MessageContext, RoutedAgent, rpc
from parley.distributed import create_distributed_runtime
from worker import SubRequest  # completed: the class of the request to the worker


# completed: the message classes
@dataclass
class Request:
    data: str


@dataclass
class Response:
    result: str


@dataclass
class ErrorResponse:
    error: str


class TimeoutHandler(RoutedAgent):
    @rpc
    async def call_with_timeout(self, message: Request, ctx: MessageContext) -> Response | ErrorResponse:
        token = CancellationToken()

        try:
            # Set timeout
            response = await asyncio.wait_for(
                self.send_message(
                    SubRequest(data=message.data), recipient=AgentId("worker", "default"), cancellation_token=token
                ),
                timeout=float(os.environ.get("CALL_TIMEOUT", "5.0")),  # completed: another limit, in s, can be given
            )
            return Response(result=response.result)
        except asyncio.TimeoutError:
            token.cancel()
            return ErrorResponse(error="Request timed out")


# completed: the process; it asks its own agent, once for each argument
async def main():
    async with await create_distributed_runtime(
        broker_url=os.environ.get("PARLEY_BROKER_URL", "grpc://localhost:50051"), instance_id="handler-process-1"
    ) as runtime:
        await TimeoutHandler.register(runtime, "handler", lambda: TimeoutHandler())
        for data in sys.argv[1:] or ["fast", "slow"]:
            print(await runtime.send_message(Request(data=data), AgentId("handler", "default")), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
