"""The client's side of a session as SPEC.md words it: numbers, receipts, resume, a new session when there is none."""

from __future__ import annotations

from collections import deque

from parley_broker.core.messages import (
    Body,
    Delivery,
    Drain,
    Error,
    Frame,
    Goodbye,
    Heartbeat,
    Hello,
    Message,
    Publish,
    Request,
    Resume,
    Welcome,
)

from .broker import SimBroker
from .network import Link
from .world import World

WINDOW_MESSAGES, WINDOW_BYTES = 100, 1 << 20
UNNUMBERED = (Hello, Welcome, Heartbeat)


def covered(message: Message) -> bool:
    """Whether credit covers it (FLOW-1)."""
    body = message.body
    return isinstance(body, Publish | Delivery) or (isinstance(body, Request) and not body.call_chain)


class SimSession:
    """A client that connects again whenever its connection breaks. Its subclass says what it is for.

    Attributes:
        session: The id of its session; empty before the first Welcome.
        dead: Its process is gone.
        broker_drains: What is new waits for the next session (DRN-1).
    """

    def __init__(self, world: World, broker: SimBroker, name: str) -> None:
        self.world = world
        self.broker = broker
        self.name = name
        self.session = ""
        self.dead = False
        self.frozen = False
        self.broker_drains = False
        self.producer_id = f"{name}-{world.rng.getrandbits(32):x}"
        self._token = b""
        self._incarnation = ""
        self._link: Link | None = None
        self._ready = False
        self._attempts = 0
        self._held_in: list[tuple[Link, Frame | str]] = []
        self._last_id = 1
        self._begin()
        self._dial()

    # What a subclass adds

    def session_began(self) -> None:
        """A new session: registrations, subscriptions and claims go first, then what must be sent again."""

    def session_ended(self) -> None:
        """The last session is over, for good."""

    def take(self, message: Message) -> None:
        """The broker said this."""

    @property
    def claims_to_come(self) -> int:
        """How many agents it would claim in a new session."""
        return 0

    # Saying things

    def next_id(self) -> int:
        """An id of its own."""
        self._last_id += 1
        return self._last_id

    def say(self, body: Body, id: int = 0, re: int = 0) -> None:
        """Queues a message; it is written as soon as connection and credit allow."""
        self._outbox.append(Message(body, id, re))
        self._flush()

    @property
    def quiet(self) -> bool:
        """Whether it is connected and has nothing to write."""
        return self._ready and not self._outbox and not self.frozen

    # Life

    def die(self) -> None:
        """The process is killed."""
        self.dead = True
        self.world.tell(f"{self.name} dies")
        if self._link is not None:
            self._link.cut()

    def leave(self) -> None:
        """Its process ends in order: nothing more is said or heard."""
        self.say(Goodbye("done"))
        self.dead = True
        self.world.tell(f"{self.name} leaves")
        if self._link is not None:
            self._link.end_by_client()

    def freeze(self, seconds: float) -> None:
        """The process is stopped for a time: it neither hears nor says anything."""
        self.frozen = True
        self.world.tell(f"{self.name} is frozen for {seconds:.3f} s")
        self.world.after(seconds, self._thaw)

    def cut(self) -> None:
        """Its connection breaks."""
        if self._link is not None and not self.dead:
            self.world.tell(f"{self.name}'s connection is cut")
            self._link.cut()

    def _thaw(self) -> None:
        self.frozen = False
        held, self._held_in = self._held_in, []
        for link, what in held:
            if isinstance(what, Frame):
                self.heard(link, what)
            else:
                self.broken(link, what)
        self._flush()

    # Connecting

    def _begin(self) -> None:
        self.broker_drains = False
        self._sent = 0
        self._received = 0
        self._kept: deque[tuple[int, Message]] = deque()
        self._outbox: deque[Message] = deque()
        self._credit = [0, 0]
        self._spent = [0, 0]
        self._granted = [WINDOW_MESSAGES, WINDOW_BYTES]

    def _dial(self) -> None:
        if self.dead or self._link is not None:
            return
        if self.frozen:
            self.world.after(0.05, self._dial)
            return
        link = self.broker.accept(self)
        if link is None:
            self._attempts += 1
            self.world.after(self.world.between(0.5, 1.0) * min(5.0, 0.05 * 2**self._attempts), self._dial)
            return
        self._attempts = 0
        self._link = link
        self._ready = False
        resume = Resume(self.session, self._token, self._received, self.claims_to_come) if self.session else None
        hello = Hello(1, 1, self.producer_id, self.name, resume=resume)
        link.send_up(Frame(0, 0, *self._granted, [Message(hello, id=1)]))

    def broken(self, link: Link, why: str) -> None:
        """As network.Client."""
        if self.dead:
            return
        if self.frozen:
            self._held_in.append((link, why))
        elif link is self._link:
            self._link = None
            self._ready = False
            self.world.after(self.world.between(0.02, 0.1), self._dial)

    # Hearing

    def heard(self, link: Link, frame: Frame) -> None:
        """As network.Client."""
        if self.dead:
            return
        if self.frozen:
            self._held_in.append((link, frame))
            return
        if link is not self._link:
            return
        self._credit = [max(self._credit[0], frame.credit_messages), max(self._credit[1], frame.credit_bytes)]
        self._drop_kept(frame.received)
        number = frame.first_seq
        for message in frame.messages:
            body = message.body
            if isinstance(body, Welcome):
                self._welcome(body, frame)
            elif isinstance(body, Heartbeat):
                if message.id:
                    self.say(Heartbeat(), re=message.id)
            elif not self._ready and isinstance(body, Error):
                link.end_by_client()
                return
            else:
                assert 0 < number <= self._received + 1, f"{self.name}: number {number} after {self._received}"
                if number == self._received + 1:
                    self._received = number
                    self._hear(message)
                number += 1
            if link is not self._link:
                return
        self._flush()

    def _hear(self, message: Message) -> None:
        if covered(message):
            self._granted[0] += 1
            self._granted[1] += message.body.size()
        if isinstance(message.body, Drain):
            self.world.tell(f"{self.name} is told that the broker drains")
            self.broker_drains = True
        elif isinstance(message.body, Goodbye):
            assert self._link is not None
            self._link.end_by_client()
            self._over()
        else:
            self.take(message)

    def _welcome(self, welcome: Welcome, frame: Frame) -> None:
        self._ready = True
        if self.session and welcome.resumed:
            assert welcome.session_id == self.session
            self.world.tell(f"{self.name} resumes {self.session}")
            self._drop_kept(welcome.received)
            again = list(self._kept)
            if again:
                assert self._link is not None
                self._link.send_up(Frame(again[0][0], self._received, *self._granted, [m for _, m in again]))
            return
        if self.session:
            self._over()
            self._ready = True
        self._begin()
        self._credit = [frame.credit_messages, frame.credit_bytes]
        self.session, self._token = welcome.session_id, welcome.resume_token
        self.world.tell(f"{self.name} has the new session {self.session}")
        self._beat(self.session)
        self.session_began()

    def _over(self) -> None:
        self.world.tell(f"{self.name}'s session {self.session} is over")
        self.session = ""
        self._ready = False
        self.session_ended()

    def _drop_kept(self, received: int) -> None:
        while self._kept and self._kept[0][0] <= received:
            self._kept.popleft()

    # Writing

    def _flush(self) -> None:
        link = self._link
        if link is None or not self._ready or self.frozen or self.dead:
            return
        messages: list[Message] = []
        first = 0
        waiting: deque[Message] = deque()
        while self._outbox:
            message = self._outbox.popleft()
            if covered(message):
                if waiting or self._spent[0] >= self._credit[0] or self._spent[1] >= self._credit[1]:
                    waiting.append(message)
                    continue
                self._spent[0] += 1
                self._spent[1] += message.body.size()
            if not isinstance(message.body, UNNUMBERED):
                self._sent += 1
                first = first or self._sent
                self._kept.append((self._sent, message))
            messages.append(message)
        self._outbox = waiting
        if messages:
            link.send_up(Frame(first, self._received, *self._granted, messages))

    def _beat(self, session: str) -> None:
        if self.dead or session != self.session:
            return
        if not self.frozen and self._ready and self._link is not None:
            self._link.send_up(Frame(0, self._received, *self._granted, [Message(Heartbeat())]))
        self.world.after(0.1, self._beat, session)
