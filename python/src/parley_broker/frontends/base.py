"""What a front end needs of the engine."""

from __future__ import annotations

from typing import Protocol

from parley_broker.core.ids import AgentId
from parley_broker.core.messages import DeadLetterFilter, Frame, Status
from parley_broker.core.records import DeadLetterShown
from parley_broker.core.views import AgentView, SessionView
from parley_broker.errors import EndCode


class Link(Protocol):
    """The front end's side of one connection."""

    def wake(self) -> None:
        """There is something to write: `Broker.take` has it. Called again when that leaves something."""

    def close(self, code: EndCode, text: str) -> None:
        """The stream ends with this status, after what `Broker.take` still has was written."""


class Broker(Protocol):
    """What connections say to the broker, and how they learn what to write."""

    def connect(self, peer: str, link: Link) -> int:
        """A client opened a connection: the id that it has from now on."""

    def receive(self, connection: int, frame: Frame) -> None:
        """The connection said this."""

    def reject(self, connection: int, why: str) -> None:
        """The connection said something that is no frame (MSG-7)."""

    def fail(self, connection: int, why: str) -> None:
        """What the connection said, or is told, met a defect: it cannot go on, others can."""

    def disconnect(self, connection: int, why: str) -> None:
        """The connection is gone; nothing is sent to its link any more."""

    def take(self, connection: int) -> Frame | None:
        """The next frame to write to the connection; None when there is nothing to say."""

    def now(self) -> float:
        """The moment that deadlines are counted from, in seconds."""

    def drain(self, timeout: float, reason: str) -> None:
        """Takes no new work, lets what is under way end within `timeout` seconds (0: the default), and ends."""

    def sessions(self, after: str, limit: int) -> list[SessionView]:
        """The sessions above this id in their order, at most `limit`."""

    def agents(self, after: AgentId | None, agent_type: str, limit: int) -> list[AgentView]:
        """The placed agents above this one in their order, at most `limit`; `agent_type` empty: of all types."""

    def status(self) -> Status:
        """How the broker is now."""

    async def list_dead_letters(
        self, wanted: DeadLetterFilter, after: int, count: int
    ) -> tuple[list[DeadLetterShown], bool]:
        """Dead letters with ids above `after`, oldest first, and whether there are more.

        At most `count`, and fewer if they are large.

        Raises:
            StoreError: They cannot be read.
        """

    async def replay_dead_letters(self, wanted: DeadLetterFilter) -> int:
        """Puts dead letters back into their recipients' queues, as far as these have room: how many (DLV-6).

        Raises:
            CommandError: UNAVAILABLE: it could not be stored.
        """

    async def purge_dead_letters(self, wanted: DeadLetterFilter) -> int:
        """Deletes dead letters: how many (DLV-6).

        Raises:
            CommandError: UNAVAILABLE: it could not be stored.
        """
