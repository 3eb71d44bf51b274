"""Who may say what."""

from __future__ import annotations

from broker.core.harness import Core, agent, failed, request
from parley_broker.core.messages import (
    AgentMode,
    Published,
    Request,
)
from parley_broker.errors import Reason


class TestSenders:
    def test_a_hosted_agent_may_send(self, core: Core) -> None:
        worker, caller = core.client(), core.client()
        worker.host("w")
        caller.command(request("w/k"))
        ((_, asked),) = worker.take(Request)
        sender = {"sender": agent("w/k"), "sender_epoch": asked.epoch}
        assert isinstance(worker.publish("t/k", **sender), Published)
        failed(caller.publish("t/k", **sender), Reason.PERMISSION_DENIED, sender="w/k")

    def test_an_agent_without_a_place_may_not(self, core: Core) -> None:
        worker = core.client()
        worker.host("w")
        failed(worker.publish("t/k", sender=agent("w/k")), Reason.PERMISSION_DENIED)

    def test_a_stateless_agent_may(self, core: Core) -> None:
        worker = core.client()
        worker.host("w", AgentMode.STATELESS)
        assert isinstance(worker.publish("t/k", sender=agent("w/any")), Published)

    def test_an_old_epoch_is_stale(self, core: Core) -> None:
        worker, other, caller = core.client(), core.client(), core.client()
        worker.host("w")
        caller.command(request("w/k"))
        ((_, asked),) = worker.take(Request)
        other.host("w", pinned_keys=("k",))
        caller.command(request("w/k"))
        ((_, moved),) = other.take(Request)
        failed(
            worker.publish("t/k", sender=agent("w/k"), sender_epoch=asked.epoch),
            Reason.STALE_EPOCH,
            epoch=asked.epoch,
            current=moved.epoch,
        )
