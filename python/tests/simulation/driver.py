"""A client that publishes and calls, and counts what it is answered."""

from __future__ import annotations

from parley_broker.core.ids import AgentId, TopicId
from parley_broker.core.messages import Error, Message, Publish, Published, Reply, Request
from parley_broker.errors import Reason

from .broker import SimBroker
from .history import Called, History
from .history import Published as PublishedEvent
from .session import SimSession
from .world import World

CALL_TIMEOUT = 8.0


class Driver(SimSession):
    """Publishes events and makes calls, each known by a label.

    Attributes:
        open: How many of its commands have no answer yet.
    """

    def __init__(self, world: World, broker: SimBroker, name: str, history: History) -> None:
        self.history = history
        self._seq = 0
        self._publishes: dict[int, tuple[int, TopicId, str]] = {}
        """By number, those without an answer: their ids in this session, and what they are."""
        self._calls: dict[str, tuple[int, float]] = {}
        """By label, those without an outcome: their ids in this session, 0 before the first, and their deadlines."""
        self._texts: dict[str, tuple[AgentId, str]] = {}
        super().__init__(world, broker, name)

    @property
    def open(self) -> int:
        """Commands without an answer."""
        return 0 if self.dead else len(self._publishes) + len(self._calls)

    def die(self) -> None:
        """As SimSession.die."""
        for _, _, label in self._publishes.values():
            self.history.events[label.split("!")[0]].gone = True
        for label in self._calls:
            self.history.calls[label].gone = True
        super().die()

    def publish(self, topic: TopicId, text: str, recipient: AgentId) -> None:
        """Publishes an event; what follows `!` in the text tells the handler what to do."""
        label = text.split("!")[0]
        self.history.events[label] = PublishedEvent(label, recipient)
        self._seq += 1
        self._publishes[self._seq] = (0, topic, text)
        if self.session and not self.broker_drains:
            self._say_publish(self._seq)

    def call(self, target: AgentId, text: str, key: str = "") -> None:
        """Makes a call."""
        label = text.split("!")[0]
        self.history.calls[label] = Called(label, target, key)
        self._texts[label] = (target, text)
        self._calls[label] = (0, self.world.now + CALL_TIMEOUT)
        self.world.after(CALL_TIMEOUT + 0.5, self._late, label)
        if self.session and not self.broker_drains:
            self._say_call(label)

    def session_began(self) -> None:
        """Sends again what may be sent again, and for the first time what was never sent (SES-15)."""
        for seq in sorted(self._publishes):
            self._say_publish(seq)
        for label in list(self._calls):
            self._say_call(label)

    def session_ended(self) -> None:
        """Calls that were sent and have no key have no outcome that could come (SES-15)."""
        for label, (id, _) in list(self._calls.items()):
            if id and not self.history.calls[label].key:
                self._end(label, "OUTCOME_UNKNOWN")

    def take(self, message: Message) -> None:
        """Takes an answer."""
        body = message.body
        if isinstance(body, Published) or (isinstance(body, Error) and self._published_as(message.re)):
            self._answered(self._published_as(message.re), body)
        elif isinstance(body, Reply | Error):
            for label, (id, deadline) in self._calls.items():
                if id == message.re:
                    if isinstance(body, Error) and body.reason == Reason.DRAINING:
                        self._calls[label] = (0, deadline)
                        return
                    self._end(label, body.envelope.decode() if isinstance(body, Reply) else Reason(body.reason).name)
                    return

    def _published_as(self, id: int) -> int:
        return next((seq for seq, (said, _, _) in self._publishes.items() if said == id), 0)

    def _answered(self, seq: int, body: Published | Error) -> None:
        if not seq:
            return
        _, topic, text = self._publishes.pop(seq)
        event = self.history.events[text.split("!")[0]]
        self.world.tell(f"{self.name} is answered for {text}: {body}")
        if isinstance(body, Published):
            event.answered = True
            assert body.recipients == 1 or body.duplicate, f"{text}: {body.recipients} recipients"
        elif body.reason in (Reason.UNAVAILABLE, Reason.DRAINING, Reason.RESOURCE_EXHAUSTED):
            # Nothing was stored: the application publishes once more, which is a publish of its own.
            self._seq += 1
            self._publishes[self._seq] = (0, topic, text)
            self.world.after(0.1, self._again, self._seq)
        else:
            raise AssertionError(f"{text}: {Reason(body.reason).name}: {body.message}")

    def _again(self, seq: int) -> None:
        if (
            not self.dead
            and self.session
            and not self.broker_drains
            and seq in self._publishes
            and not self._publishes[seq][0]
        ):
            self._say_publish(seq)

    def _say_publish(self, seq: int) -> None:
        _, topic, text = self._publishes[seq]
        id = self.next_id()
        self._publishes[seq] = (id, topic, text)
        self.say(Publish(topic, text.encode(), producer_seq=seq), id=id)

    def _say_call(self, label: str) -> None:
        _, deadline = self._calls[label]
        target, text = self._texts[label]
        id = self.next_id()
        self._calls[label] = (id, deadline)
        key = self.history.calls[label].key
        request = Request(target, text.encode(), deadline=deadline, wait_for_ready=True, idempotency_key=key)
        self.say(request, id=id)

    def _late(self, label: str) -> None:
        if label in self._calls and not self.dead:
            self._end(label, "DEADLINE_EXCEEDED")

    def _end(self, label: str, outcome: str) -> None:
        del self._calls[label]
        self.history.calls[label].outcomes.append(outcome)
