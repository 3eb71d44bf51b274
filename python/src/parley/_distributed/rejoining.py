"""How a worker makes itself known in a new session (SPEC SES-14)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable

from parley._constants import ROOT_LOGGER_NAME
from parley._host import AgentHost
from parley._slot import AgentSlot
from parley._subscription import Subscription
from parley.exceptions import ParleyError
from parley_wire.v1 import agent_pb2, broker_service_pb2

from . import commands
from .codec import agent_from_wire, agent_to_wire
from .session import Session
from .worker import Worker

_log = logging.getLogger(ROOT_LOGGER_NAME)

Message = broker_service_pb2.Message

CLAIM_SIZE = 1000
"""Agents named in one Claim."""

RETRY_PAUSE = 0.5
"""Seconds before what may succeed when it is said again is said again."""


async def rejoin(session: Session, host: AgentHost, worker: Worker, subscriptions: Iterable[Subscription]) -> None:
    """Registers, subscribes and claims, in that order; agents whose claim is refused are dropped.

    Raises:
        SessionOverError: The session ended meanwhile.
    """
    made = [commands.register(registration) for registration in host.registrations.values()]
    made += [commands.subscribe(subscription) for subscription in subscriptions]
    held = worker.held()
    claims = [held[first : first + CLAIM_SIZE] for first in range(0, len(held), CLAIM_SIZE)]
    if not session.speaks("claim"):
        for slot in held:
            worker.drop(slot)
        claims = []
    # All are written before any is answered: a restarted broker answers claims when its claim window is over.
    saying = [_say(session, message) for message in made]
    await asyncio.gather(*saying, *(_claim(session, worker, claim) for claim in claims))


async def _say(session: Session, message: Message) -> Message | None:
    """The answer; None if the broker refuses for good, which is logged."""
    what = message.WhichOneof("kind")
    while True:
        try:
            return await session.command(message)
        except ParleyError as error:
            _log.error("the broker refused %s in a new session: %s", what, error)
            if not error.retryable:
                return None
            await asyncio.sleep(RETRY_PAUSE)


async def _claim(session: Session, worker: Worker, slots: list[AgentSlot]) -> None:
    message = Message(
        claim=agent_pb2.Claim(
            agents=[agent_pb2.HeldAgent(agent=agent_to_wire(slot.id), epoch=slot.epoch) for slot in slots]
        )
    )
    answer = await _say(session, message)
    if answer is None:
        refused = {slot.id for slot in slots}
    else:
        refused = {agent_from_wire(agent) for agent in answer.claim_result.refused}
    for slot in slots:
        if slot.id in refused:
            _log.warning("the agent %s is no longer this process's: it was placed elsewhere since", slot.id)
            worker.drop(slot)
