"""The histories notice: each bug put into the core makes some of them red, and for the reason named here."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

import pytest

from parley_broker.core.effects import NO_COMMIT, Answer
from parley_broker.core.gateway.outgoing import Outgoing
from parley_broker.core.shard.deliveries import Deliveries
from parley_broker.core.shard.producers import Producers
from parley_broker.core.shard.shard import Shard
from parley_broker.core.shard.states import States
from parley_broker.core.shard.workers import Workers
from parley_broker.store.memory import MemoryStore

from .play import Faults, Play

PATIENCE = 60
"""Histories that a bug may hide in."""


def answers_before_the_commit(patch: pytest.MonkeyPatch) -> None:
    """Answers leave before what they answer is durable."""
    take = Shard.take

    def early(self: Shard, now: float) -> list[Any]:
        decided = take(self, now)
        for effect in decided:
            if isinstance(effect, Answer):
                effect.commit = NO_COMMIT
        return decided

    patch.setattr(Shard, "take", early)


def sends_nothing_again(patch: pytest.MonkeyPatch) -> None:
    """After a resume, what was lost with the old connection is taken for received."""
    resume = Outgoing.resume

    def forgetful(self: Outgoing, received: int) -> None:
        resume(self, received)
        self._again = deque()

    patch.setattr(Outgoing, "resume", forgetful)


def forgets_producers(patch: pytest.MonkeyPatch) -> None:
    """A publish that is sent again is a second event."""
    patch.setattr(Producers, "commit_of", lambda self, publish: None)


def commits_without_publishing(patch: pytest.MonkeyPatch) -> None:
    """State and acknowledgement commit, what the handler published does not."""
    write = States.write

    def half(self: States, agent: Any, epoch: int, kept: Any, state: Any) -> None:
        if kept.version is not None and kept.version % 5 == 4:
            kept.version += 1
        else:
            write(self, agent, epoch, kept, state)

    patch.setattr(States, "write", half)


def never_gives_up(patch: pytest.MonkeyPatch) -> None:
    """Failed attempts are not counted."""
    fail = Deliveries._fail

    def patient(self: Deliveries, recipient: Any, pending: Any, error: Any, delay: float | None, now: float) -> None:
        pending.failures = 0
        fail(self, recipient, pending, error, delay, now)

    patch.setattr(Deliveries, "_fail", patient)


def forgets_what_was_in_flight(patch: pytest.MonkeyPatch) -> None:
    """What was in flight to a lost session is taken for settled."""
    patch.setattr(Deliveries, "_take_back", lambda self, recipient, returned, now: [
        self._settle(recipient, pending, now) for pending in returned if pending.place is not None
    ])  # fmt: skip


def hands_over_at_once(patch: pytest.MonkeyPatch) -> None:
    """An agent that is asked back is taken, whatever it has in hand."""

    def take(self: Workers, place: Any, timeout: float, now: float) -> None:
        if not place.ended and place.kept is not None:
            self.end_places([place], place.agent.type, now, taken=True)

    patch.setattr(Workers, "ask_back", take)


BUGS: list[tuple[Callable[[pytest.MonkeyPatch], None], Faults, str]] = [
    (answers_before_the_commit, Faults(broker_deaths=3, failed_commits=3), "its effect is|never handled|published by"),
    (sends_nothing_again, Faults(cuts=30), "never handled|its effect is there 0 times|without an answer"),
    (forgets_producers, Faults(broker_deaths=3, cuts=10), "more than once|is there 2 times"),
    (commits_without_publishing, Faults(), "its effect is there 0 times|published by|its effect is not there"),
    (never_gives_up, Faults(poison=1), "its effect is there 0 times|never handled|not empty at the end"),
    (hands_over_at_once, Faults(worker_drains=20), "an error although everybody went in order"),
    (forgets_what_was_in_flight, Faults(worker_deaths=6), "its effect is there 0 times|never handled"),
]


@pytest.mark.parametrize(("bug", "faults", "seen"), BUGS, ids=[bug.__name__ for bug, _, _ in BUGS])
def test_a_bug_is_seen(
    bug: Callable[[pytest.MonkeyPatch], None], faults: Faults, seen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    play_all(faults, PATIENCE // 10)
    bug(monkeypatch)
    with pytest.raises(AssertionError, match=rf"^seed \d+: .*({seen})"):
        play_all(faults, PATIENCE)


def play_all(faults: Faults, count: int) -> None:
    """Plays so many histories."""
    for seed in range(count):
        Play(seed, MemoryStore(), faults).run()
