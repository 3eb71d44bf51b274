"""Ephemeral events: at most once, to who is there."""

from __future__ import annotations

from broker.core.harness import Core
from parley_broker.core.messages import Delivery, Published


class TestEphemeral:
    def test_ephemeral_events_go_to_hosted_types_only(self, core: Core) -> None:
        worker, publisher = core.client(credit=1), core.client()
        worker.host("w")
        worker.subscribe("t", "w")
        worker.subscribe("t", "nobody")
        assert publisher.publish("t/k", b"1", ephemeral=True) == Published(1)
        assert publisher.publish("t/k", b"2", ephemeral=True) == Published(1)
        assert [b.position for _, b in worker.take(Delivery)] == [0]
        assert core.tables["ephemeral_events"] == 1
        worker.frame(credit=100)
        assert [b.envelope for _, b in worker.take(Delivery)] == [b"2"]
        assert core.tables["ephemeral_events"] == core.tables["deliveries"] == 0

    def test_ephemeral_events_of_a_lost_session_are_gone(self, core: Core) -> None:
        worker, publisher = core.client(credit=0), core.client()
        worker.host("w")
        worker.subscribe("t", "w")
        publisher.publish("t/k", ephemeral=True)
        core.disconnect(worker)
        assert core.tables["ephemeral_events"] == 0
