import asyncio
import os  # completed: for the broker's address
from dataclasses import dataclass

from parley import AgentId, MessageContext, RoutedAgent, rpc
from parley.distributed import create_distributed_runtime  # completed: for main


# completed: what the collector is asked, and what it answers
@dataclass
class CollectRequest:
    source: str


@dataclass
class CollectResponse:
    mean: float
    std_dev: float


@dataclass
class AnalyticsRequest:
    data_points: list[float]


@dataclass
class AnalyticsResponse:
    mean: float
    std_dev: float


class DataCollector(RoutedAgent):
    def __init__(self):
        super().__init__("Data collector")

    @rpc
    async def analyze(self, message: CollectRequest, ctx: MessageContext) -> CollectResponse:
        # Collect data
        data = await self.collect_data()

        # Send to .NET analytics agent
        result = await self.send_message(
            AnalyticsRequest(data_points=data),
            recipient=AgentId("analytics", "default"),  # .NET agent
        )

        return CollectResponse(mean=result.mean, std_dev=result.std_dev)

    # completed: where the data comes from
    async def collect_data(self) -> list[float]:
        return [2, 4, 4, 4, 5, 5, 7, 9]


# completed: the process
async def main():
    runtime = await create_distributed_runtime(
        broker_url=os.environ.get("PARLEY_BROKER_URL", "grpc://localhost:50051"), instance_id="collector-process-1"
    )
    await DataCollector.register(runtime, "collector", lambda: DataCollector())
    await runtime.start()

    response = await runtime.send_message(CollectRequest(source="python"), AgentId("collector", "default"))
    print(f"From Python: mean {response.mean:.2f}, standard deviation {response.std_dev:.2f}", flush=True)

    await runtime.wait_until_stopped()


if __name__ == "__main__":
    asyncio.run(main())
