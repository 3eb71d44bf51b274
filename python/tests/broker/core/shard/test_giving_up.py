"""Backlogs that are given up, page by page; test_expiry.py has the whole way."""

from __future__ import annotations

from parley_broker.core.effects import Effects
from parley_broker.core.ids import AgentId, TopicId
from parley_broker.core.messages import make_error
from parley_broker.core.policy import Policy
from parley_broker.core.records import Backlog, Event, Summary, Waiting
from parley_broker.core.shard.dead_letters import DeadLetters
from parley_broker.core.shard.giving_up import MAX_READS, GivingUp
from parley_broker.core.shard.ledger import Ledger
from parley_broker.core.shard.recipients import Recipient, Recipients
from parley_broker.errors import Reason

WHY = make_error(Reason.NO_RESPONDERS, "nobody came")


class Stage:
    """So many recipients with two events of five bytes each."""

    def __init__(self, count: int) -> None:
        self.recipients = Recipients()
        for n in range(count):
            self.recipients.load(Backlog(AgentId("w", str(n)), 2, 10), round=1)
        effects = Effects()
        self.dead_letters = DeadLetters(effects, Ledger(effects.records), Policy(), 0.0, Summary())
        self.reads: list[Recipient] = []
        self.giving_up = GivingUp(self.recipients, self.dead_letters, self.read)
        self.position = 0

    def read(self, recipient: Recipient) -> None:
        self.recipients.begin_read(recipient)
        self.reads.append(recipient)

    def page(self, count: int) -> None:
        """The first read finds so many events."""
        recipient = self.reads.pop(0)
        recipient.read = 0
        found = []
        for _ in range(count):
            self.position += 1
            found.append(Waiting(Event(self.position, TopicId("t", "k"), b"12345")))
        self.giving_up.take(recipient, found, 1.0)


def test_it_goes_on_until_nothing_is_left() -> None:
    stage = Stage(1)
    stage.giving_up.begin("w", WHY)
    stage.page(1)
    assert (stage.recipients.events, len(stage.dead_letters), len(stage.reads)) == (1, 1, 1)
    stage.page(1)
    assert (stage.recipients.events, len(stage.dead_letters), stage.reads) == (0, 2, [])


def test_a_page_with_less_than_was_thought_is_the_last() -> None:
    stage = Stage(1)
    stage.giving_up.begin("w", WHY)
    stage.page(0)
    assert stage.reads == []
    (recipient,) = stage.recipients
    assert recipient not in stage.giving_up


def test_only_so_many_are_read_at_once() -> None:
    stage = Stage(MAX_READS + 1)
    stage.giving_up.begin("w", WHY)
    assert len(stage.reads) == MAX_READS
    stage.page(2)
    assert len(stage.reads) == MAX_READS


def test_what_is_spared_stays() -> None:
    stage = Stage(2)
    stage.giving_up.begin("w", WHY)
    stage.giving_up.spare("w")
    assert not any(recipient in stage.giving_up or recipient.read for recipient in stage.recipients)
    assert stage.recipients.events == 4
