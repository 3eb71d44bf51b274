"""Which session takes what."""

from __future__ import annotations

import pytest

from parley_broker.core.ids import AgentId
from parley_broker.core.messages import AgentMode
from parley_broker.core.orders import Registration
from parley_broker.core.shard.hosts import Hosts
from parley_broker.errors import CommandError, Reason


@pytest.fixture
def hosts() -> Hosts:
    return Hosts(grace=10)


def test_equal_hosts_take_turns(hosts: Hosts) -> None:
    for session in "abc":
        hosts.add(session, Registration("w"))
    chosen = [hosts.choose("w", by_load=False, nested=False) for _ in range(6)]
    assert [host.session for host in chosen if host] == list("abcabc")


def test_load_counts_before_turns(hosts: Hosts) -> None:
    busy, idle = hosts.add("busy", Registration("w")), hosts.add("idle", Registration("w"))
    busy.in_hand = 1
    assert all(hosts.choose("w", by_load=True, nested=False) is idle for _ in range(3))


def test_draining_ones_take_nested_work_only_when_nobody_else_can(hosts: Hosts) -> None:
    draining = hosts.add("draining", Registration("w"))
    draining.draining = True
    assert hosts.choose("w", by_load=False, nested=False) is None
    assert hosts.choose("w", by_load=False, nested=True) is draining
    other = hosts.add("other", Registration("w"))
    assert hosts.choose("w", by_load=False, nested=True) is other


def test_paused_ones_take_nothing(hosts: Hosts) -> None:
    hosts.add("a", Registration("w")).paused = True
    assert hosts.choose("w", by_load=False, nested=True) is None


def test_pins(hosts: Hosts) -> None:
    hosts.add("a", Registration("w", pinned=frozenset({"1", "2"})))
    assert hosts.pinned_only("w")
    assert hosts.choose("w", by_load=False, nested=False) is None
    with pytest.raises(CommandError) as caught:
        hosts.check("b", Registration("w", pinned=frozenset({"2", "3"})))
    assert caught.value.reason is Reason.ALREADY_EXISTS
    hosts.add("a", Registration("w", pinned=frozenset({"1"})))
    hosts.check("b", Registration("w", pinned=frozenset({"2"})))
    assert hosts.pin(AgentId("w", "2")) is None


def test_modes_agree(hosts: Hosts) -> None:
    hosts.add("a", Registration("w", AgentMode.STATELESS))
    hosts.check("a", Registration("w", AgentMode.STANDARD))
    with pytest.raises(CommandError):
        hosts.check("b", Registration("w", AgentMode.STANDARD))


def test_the_grace_begins_with_the_last_host(hosts: Hosts) -> None:
    a, b = hosts.add("a", Registration("w")), hosts.add("b", Registration("w"))
    assert not hosts.remove(a, "w", now=100)
    assert hosts.hosted_until("w") is None
    assert hosts.remove(b, "w", now=100)
    assert (hosts.hosted_until("w"), hosts.next_expiry()) == (110, 110)
    assert hosts.take_expired(109) == []
    assert hosts.take_expired(110) == ["w"]
    assert hosts.next_expiry() is None
