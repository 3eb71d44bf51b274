"""Which session a call goes to, and where it waits until one takes it.

place ──▶ waiting for a host ──▶ in the backlog of its host ──▶ running ──finish──▶ gone
                │ no host in time           │ host lost: place again
                └──▶ refused                └── withdraw (from any state before running) ──▶ gone
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from parley_broker.core.effects import Placed, Refused
from parley_broker.core.ids import AgentId
from parley_broker.core.messages import Error, error_of, make_error
from parley_broker.core.orders import Ticket
from parley_broker.core.shard.desk import Desk
from parley_broker.core.shard.hosts import Host
from parley_broker.core.shard.places import STATELESS_EPOCH, Place
from parley_broker.errors import CommandError, Reason, draining


class Calls:
    """The calls that are on their way to a worker, or with one."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._waiting: dict[str, dict[int, Ticket]] = {}
        self._tickets: dict[int, Ticket] = {}
        self._queues: dict[int, OrderedDict[object, Any]] = {}
        self._running: dict[int, Place] = {}

    def __len__(self) -> int:
        return len(self._tickets) + len(self._running)

    def place(self, ticket: Ticket, now: float) -> None:
        """Dispatches the call, lets it wait, or refuses it (RPC-5)."""
        try:
            place = self._desk.places.resolve(ticket.agent, ticket.nested)
        except CommandError as failure:
            self._refuse(ticket, error_of(failure))
            return
        if place is None and self._desk.quiet:
            self._refuse(ticket, error_of(draining()))
        elif place is None:
            if self._may_wait(ticket, now):
                self._tickets[ticket.call] = ticket
                self._waiting.setdefault(ticket.agent.type, {})[ticket.call] = ticket
            else:
                self._refuse(ticket, self._no_responders(ticket.agent))
        elif (queue := self._desk.queue(place, covered=not ticket.nested, reentrant=ticket.reentrant)) is None:
            self._dispatch(ticket, place)
        else:
            self._tickets[ticket.call] = ticket
            queue[ticket.call] = ticket
            self._queues[ticket.call] = queue

    def adopt(self, ticket: Ticket, host: Host) -> None:
        """The call was dispatched to the session by an earlier shard."""
        place = self._desk.places.get(ticket.agent) or Place(ticket.agent, host, STATELESS_EPOCH, active=True)
        self._desk.hand_over(place, 0, covered=False)
        self._running[ticket.call] = place

    def from_backlog(self, ticket: Ticket, now: float) -> None:
        """What the call waited for is there or gone: it is placed again."""
        del self._queues[ticket.call]
        del self._tickets[ticket.call]
        self.place(ticket, now)

    def recall(self, ticket: Ticket) -> None:
        """The dispatched call was not written to its session, which is about to be lost: it waits for it again.

        What was recalled last comes first.
        """
        place = self._running.pop(ticket.call)
        self._desk.hand_back(place)
        covered = not ticket.nested
        queue = self._desk.queue(place, covered, ticket.reentrant)
        if queue is None:
            queue = place.host.backlog if covered else place.host.exempt
        queue[ticket.call] = ticket
        queue.move_to_end(ticket.call, last=False)
        self._tickets[ticket.call] = ticket
        self._queues[ticket.call] = queue

    def withdraw(self, call: int) -> None:
        """The call is no longer wanted: it is not dispatched, or what it has in hand is given back."""
        ticket = self._tickets.pop(call, None)
        queue = self._queues.pop(call, None)
        if ticket is None:
            self.finish(call)
        elif queue is not None:
            del queue[call]
        else:
            self._leave_waiting(ticket)

    def finish(self, call: int) -> None:
        """The call has its outcome."""
        place = self._running.pop(call, None)
        if place is not None:
            self._desk.hand_back(place)

    def waiting_types(self) -> list[str]:
        """The agent types that calls wait for a host of."""
        return list(self._waiting)

    def retry(self, agent_type: str, now: float) -> None:
        """Places what waits for a host of this type, in the order in which it came."""
        for ticket in self._waiting.pop(agent_type, {}).values():
            del self._tickets[ticket.call]
            self.place(ticket, now)

    def _dispatch(self, ticket: Ticket, place: Place) -> None:
        self._desk.hand_over(place, ticket.size, covered=not ticket.nested)
        self._running[ticket.call] = place
        self._desk.out.append(Placed(ticket.call, place.host.session, place.epoch))

    def _may_wait(self, ticket: Ticket, now: float) -> bool:
        hosts = self._desk.hosts
        if ticket.wait_for_ready or self._desk.places.awaits(ticket.agent):
            return True
        until = hosts.hosted_until(ticket.agent.type)
        if until is not None:
            return until > now
        return hosts.hosts_type(ticket.agent.type) and not hosts.pinned_only(ticket.agent.type)

    def _no_responders(self, agent: AgentId) -> Error:
        if self._desk.hosts.pinned_only(agent.type):
            return make_error(
                Reason.NO_RESPONDERS,
                f"agent type {agent.type} is hosted with pinned keys only, and {agent} is none of them",
                {"agent_type": agent.type, "agent": str(agent)},
            )
        return make_error(
            Reason.NO_RESPONDERS,
            f"no session hosts agent type {agent.type}; start a worker that registers it, or send with wait_for_ready",
            {"agent_type": agent.type},
        )

    def _refuse(self, ticket: Ticket, error: Error) -> None:
        self._desk.out.append(Refused(ticket.call, error))

    def _leave_waiting(self, ticket: Ticket) -> None:
        tickets = self._waiting[ticket.agent.type]
        del tickets[ticket.call]
        if not tickets:
            del self._waiting[ticket.agent.type]
