"""What is decided and may not be sent before a commit is durable."""

from __future__ import annotations

from parley_broker.core.effects import Answer, Concluded, Deliver, Told

SENDS = (Answer, Deliver, Concluded, Told)
"""Effects that may depend on a commit."""

Send = Answer | Deliver | Concluded | Told


class Held:
    """Sends by the commit that they wait for; those of one commit leave in the order in which they were decided.

    What waits for a commit that is under way may be decided after what waits for the next one.
    """

    def __init__(self) -> None:
        self._by_commit: dict[int, list[Send]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._by_commit.values()))

    def __bool__(self) -> bool:
        return bool(self._by_commit)

    def add(self, send: Send) -> None:
        """The send waits for its commit."""
        self._by_commit.setdefault(send.commit, []).append(send)

    def release(self, commit: int) -> list[Send]:
        """The sends that wait for this commit or an earlier one, in the order of the commits; they wait no more."""
        due = sorted(number for number in self._by_commit if number <= commit)
        return [send for number in due for send in self._by_commit.pop(number)]

    def release_all(self) -> list[Send]:
        """As release, for all of them."""
        held, self._by_commit = self._by_commit, {}
        return [send for number in sorted(held) for send in held[number]]
