"""Saves that come before the version of the agent's state was read."""

from __future__ import annotations

import pytest

from broker.core.harness import failed
from parley_broker.core.effects import Answer, Effects, ReadState
from parley_broker.core.ids import AgentId
from parley_broker.core.messages import Done, Save, State
from parley_broker.core.orders import Registration
from parley_broker.core.policy import Policy
from parley_broker.core.records import Opened, StateSaved
from parley_broker.core.shard.saves import MAX_EARLY
from parley_broker.core.shard.shard import Shard
from parley_broker.errors import CommandError, Reason

W = AgentId("w", "k")
EPOCH = 7


@pytest.fixture
def effects() -> Effects:
    return Effects()


@pytest.fixture
def shard(effects: Effects) -> Shard:
    """A shard that was told that the session `s` has `w/k`."""
    shard = Shard(Policy(), Opened(1, fresh=True), effects, 0.0, 0.0)
    shard.host("s", Registration("w", keeps_state=True), 0)
    shard.adopt("s", W, EPOCH)
    shard.take(0)
    assert effects.reads == [ReadState(W, EPOCH)]
    return shard


def save(shard: Shard, re: int, expected: int) -> None:
    shard.save("s", re, Save(W, EPOCH, expected, State(b"x")), 0)


def answers(shard: Shard) -> dict[int, object]:
    return {effect.re: effect.body for effect in shard.take(0) if isinstance(effect, Answer)}


def test_they_wait_for_it(shard: Shard, effects: Effects) -> None:
    save(shard, 1, 4)
    save(shard, 2, 9)
    assert answers(shard) == {}
    shard.found(effects.reads[0], StateSaved(W, 4, "", b"old"), 0)
    told = answers(shard)
    assert told[1] == Done()
    failed(told[2], Reason.STATE_CONFLICT, expected=9, actual=5)  # type: ignore[arg-type]
    assert effects.records == [StateSaved(W, 5, "", b"x", EPOCH)]


def test_they_are_refused_when_the_place_ends(shard: Shard, effects: Effects) -> None:
    save(shard, 1, 0)
    shard.unhost("s", "w", 0)
    failed(answers(shard)[1], Reason.STALE_EPOCH)  # type: ignore[arg-type]
    shard.found(effects.reads[0], None, 0)
    assert effects.records == []


def test_they_are_refused_when_the_shard_is_discarded(shard: Shard) -> None:
    save(shard, 1, 0)
    (answer,) = shard.abandon("disk full")
    assert isinstance(answer, Answer)
    failed(answer.body, Reason.UNAVAILABLE)


def test_not_too_many_wait(shard: Shard) -> None:
    for number in range(MAX_EARLY):
        save(shard, number, number)
    with pytest.raises(CommandError) as refused:
        save(shard, MAX_EARLY, MAX_EARLY)
    assert refused.value.reason is Reason.RESOURCE_EXHAUSTED
