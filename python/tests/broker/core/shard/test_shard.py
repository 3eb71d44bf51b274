"""One shard as its gateway sees it: what is decided comes out in order, and waits for its commit."""

from __future__ import annotations

from broker.core.harness import Core, request
from parley_broker.core.ids import TopicId
from parley_broker.core.messages import (
    Delivery,
    Publish,
    Published,
    Request,
    UnregisterAgentType,
)


def test_a_delivery_held_for_its_commit_is_not_sent_to_who_left(core: Core) -> None:
    worker = core.client()
    worker.host("w")
    worker.subscribe("t", "w")
    core.hold = True
    worker.command(Publish(TopicId("t", "k"), b"x"))
    worker.command(UnregisterAgentType("w"))
    core.hold = False
    core.settle()
    assert worker.take(Delivery) == []
    assert core.tables["deliveries"] == 0


def test_what_a_discarded_shard_knew_is_handed_on(core: Core) -> None:
    worker, caller = core.client(), core.client()
    worker.host("w")
    worker.subscribe("t", "w", durable=False)
    caller.command(request("w/k"))
    ((_, before),) = worker.take(Request)
    core.hold = True
    core.fail_commit()
    core.hold = False
    caller.command(request("w/k"))
    caller.command(request("w/new"))
    epochs = [asked.epoch for _, asked in worker.take(Request)]
    assert epochs[0] == before.epoch
    assert epochs[1] > before.epoch, "epochs go on"
    assert caller.publish("t/k") == Published(1)
    ((_, delivery),) = worker.take(Delivery)
    assert delivery.round > 1, "rounds go on"
