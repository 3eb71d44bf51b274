"""How long the broker's core and codec take for 64 messages, without sockets, disks or a clock."""

from typing import Any

import pytest
from bare_broker import BareBroker, Client

from parley_wire.v1 import broker_service_pb2 as wire

BATCH = 64
ACK_MEMBERS = ("recipient", "epoch", "position", "round")
ENVELOPE = b"x" * 256


def answers(messages: list[wire.Message]) -> list[wire.Message]:
    """What a worker says to what it was sent: Done to an Activate, the envelope to a call."""
    result = []
    for message in messages:
        if message.HasField("activate"):
            result.append(wire.Message(re=message.id, done={}))
        elif message.HasField("request"):
            result.append(wire.Message(re=message.id, reply={"envelope": message.request.envelope}))
    return result


def parties() -> tuple[Client, Client]:
    broker = BareBroker()
    caller, host = Client(broker, 1), Client(broker, 2)
    host.say([host.command(register_agent_type={"type": "echo", "mode": 1})])
    key = {"topic_type": "bench", "match": 1, "agent_type": "echo"}
    host.say([host.command(subscribe={"subscription": key})])
    assert [message.WhichOneof("kind") for message in host.heard()] == ["done", "done"]
    return caller, host


def test_64_calls_there_and_back(benchmark: Any) -> None:
    caller, host = parties()

    def calls() -> int:
        request = {"target": {"type": "echo", "key": "k"}, "envelope": ENVELOPE}
        caller.say([caller.command(request=request) for _ in range(BATCH)])
        replies = 0
        while replies < BATCH:
            reactions = answers(host.heard())
            assert reactions
            host.say(reactions)
            replies += sum(message.HasField("reply") for message in caller.heard())
        return replies

    assert benchmark(calls) == BATCH


@pytest.mark.parametrize("ephemeral", [False, True], ids=["stored", "ephemeral"])
def test_64_events_to_one_subscriber(benchmark: Any, ephemeral: bool) -> None:
    caller, host = parties()

    def acks(messages: list[wire.Message]) -> list[wire.Message]:
        return [
            host.command(
                ack={key: getattr(message.delivery, key) for key in ("recipient", "epoch", "position", "round")}
            )
            for message in messages
            if message.HasField("delivery") and message.delivery.position
        ]

    def events() -> int:
        publish = {"topic": {"type": "bench", "source": "k"}, "envelope": ENVELOPE, "ephemeral": ephemeral}
        caller.say([caller.command(publish=publish) for _ in range(BATCH)])
        assert [message.published.recipients for message in caller.heard()] == [1] * BATCH
        arrived = 0
        while arrived < BATCH:
            messages = host.heard()
            assert messages
            arrived += sum(message.HasField("delivery") for message in messages)
            if reactions := answers(messages) + acks(messages):
                host.say(reactions)
        return arrived

    assert benchmark(events) == BATCH
