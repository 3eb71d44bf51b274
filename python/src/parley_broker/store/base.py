"""What a store is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from parley_broker.core.ids import AgentId
from parley_broker.core.records import DeadLetter, Opened, Record, ReplyStored, StateSaved, Waiting


class Store(Protocol):
    """Keeps records. Methods are called by one thread at a time, and may block.

    A store belongs to the broker that opened it last: each `open` begins a new term.
    """

    @property
    def name(self) -> str:
        """For people: what and where it is."""

    @property
    def waits(self) -> bool:
        """Whether its methods wait for a device, so that they are not for the event loop."""

    def open(self) -> Opened:
        """Begins a new term, above all earlier ones, and returns it with a summary of what is stored.

        It is `fresh` if the store was never opened before.

        Raises:
            StoreUnusableError: It cannot be opened; nothing in it was changed.
            StoreError: The term could not be stored.
        """

    def load(self, term: int) -> Opened:
        """The summary again, in a term that was opened before.

        Raises:
            StoreError: It cannot be read.
        """

    def commit(self, records: Sequence[Record], term: int) -> None:
        """Stores all of the records, in order, or none. They are durable when it returns.

        Raises:
            StaleTermError: A later term has begun.
            StoreError: Nothing was stored.
        """

    def read(self, recipient: AgentId, after: int, max_events: int, max_bytes: int) -> list[Waiting]:
        """The recipient's stored events above the position `after`, in order.

        At most `max_events`, and no further one once their envelopes have `max_bytes`.

        Raises:
            StoreError: It cannot be read.
        """

    def read_state(self, agent: AgentId) -> StateSaved | None:
        """The agent's version and what it saved last; None: nothing was ever committed.

        Raises:
            StoreError: It cannot be read.
        """

    def read_epochs(self, agents: Sequence[AgentId]) -> tuple[int, ...]:
        """The epoch of each agent's last commit, in their order; 0: it never committed, or a broker did not say so.

        Raises:
            StoreError: It cannot be read.
        """

    def read_reply(self, target: AgentId, key: str) -> ReplyStored | None:
        """The reply that is stored under the target's idempotency key.

        Raises:
            StoreError: It cannot be read.
        """

    def read_dead_letters(self, ids: Sequence[int]) -> list[DeadLetter]:
        """Those of the dead letters that are stored, in order of their ids.

        Raises:
            StoreError: It cannot be read.
        """

    def close(self) -> None:
        """Lets go of what it holds; nothing is called afterwards."""
