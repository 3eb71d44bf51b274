"""The worker's side of a session: what the broker dispatches becomes work for the agents of this process."""

from __future__ import annotations

import logging
import time
from functools import partial

from parley._constants import ROOT_LOGGER_NAME
from parley._hand import Hand
from parley._host import AgentHost
from parley._ids import AgentId
from parley._registry import SerializationRegistry
from parley._slot import AgentSlot, Registration
from parley._state import Commit, SavedState
from parley.exceptions import ActivationFailedError, ParleyError
from parley_wire.v1 import agent_pb2, broker_service_pb2

from .codec import agent_from_wire, error_from_wire, error_to_wire, topic_from_wire
from .received import DeliveryWork, Received, RequestWork
from .saving import Saver, commit_to_wire, lost_place
from .session import Session
from .uplink import Uplink

_log = logging.getLogger(ROOT_LOGGER_NAME)

Message = broker_service_pb2.Message


class Worker:
    """Takes what the broker dispatches.

    Attributes:
        serializers: The serializers of the runtime.
        saver: Saves the agents.

    Args:
        uplink: The way to the broker.
        host: The agents of this process.
        serializers: The serializers of the runtime.
    """

    def __init__(self, uplink: Uplink, host: AgentHost, serializers: SerializationRegistry) -> None:
        self.serializers = serializers
        self._uplink = uplink
        self._host = host
        self._requests: dict[int, RequestWork] = {}
        self._orphans: dict[tuple[AgentId, str], RequestWork] = {}
        self._hands: dict[AgentId, Hand[DeliveryWork]] = {}
        self.saver = Saver(uplink, host, self.drop)
        uplink.handlers.update(
            activate=self._on_activate, request=self._on_request, cancel=self._on_cancel, delivery=self._on_delivery
        )

    @property
    def _session(self) -> Session:
        return self._uplink.session

    # ---- sessions

    def session_began(self) -> None:
        """The session is new: its broker knows nothing of what the last one dispatched.

        A call that waits to start never will, since its caller has its outcome. What runs goes on: an event's result
        answers its next delivery (SPEC DLV-4, SES-15), that of a call with an idempotency key the next dispatch.
        """
        for slot in list(self._host.slots.values()):
            if slot.registration.alone:
                self.drop(slot)  # its state is what was committed, so it is made anew from that
        self._orphans = {}
        requests, self._requests = self._requests, {}
        for work in requests.values():
            if not work.begun:
                work.end("cancel")
            elif work.key:
                self._orphans[work.recipient, work.key] = work
        for id, hand in list(self._hands.items()):
            for waiting in hand.begin_session():
                self._host.withdraw(waiting)
            self._let_go_of(id, hand)
        self.saver.session_began()

    def held(self) -> list[AgentSlot]:
        """The agents to claim in a new session: those that have a place and keep it (SPEC SES-14, STA-5)."""
        return [slot for slot in self._host.slots.values() if slot.epoch and not slot.registration.alone]

    def drop(self, slot: AgentSlot) -> None:
        """Lets go of an agent that is no longer this process's."""
        if self._host.slots.get(slot.id) is slot:
            self._hands.pop(slot.id, None)
            self._requests = {id: work for id, work in self._requests.items() if work.slot is not slot}
            self._host.drop(slot)

    # ---- activation

    def _on_activate(self, message: Message) -> None:
        activate: agent_pb2.Activate = message.activate
        session = self._session
        try:
            id = agent_from_wire(activate.agent)
            registration = self._registration(id)
            former = self._host.slots.get(id)
            if former is not None:
                self.drop(former)
            self._hands.pop(id, None)
            saved = None
            if (registration.keeps_state or registration.alone) and session.speaks("save"):
                saved = SavedState(version=activate.state.version)
                if activate.state.data:
                    saved = SavedState(activate.state.data, activate.state.content_type, activate.state.version)
                self.saver.watch()
            slot = self._host.activate(id, registration, activate.epoch, saved)
            if slot.keeper is not None and not registration.alone:
                slot.keeper.save = partial(self.saver.catch_up, slot, slot.keeper)
        except ParleyError as error:
            _answer_activate(session, message.id, error)
            return
        slot.when_ready(lambda failure: _answer_activate(session, message.id, failure))

    def _registration(self, id: AgentId) -> Registration:
        registration = self._host.registrations.get(id.type)
        if registration is None:
            raise _not_here(id)
        return registration

    def _slot(self, id: AgentId, epoch: int) -> AgentSlot:
        """The agent that a message is for. Raises ActivationFailedError if it is not here with this epoch."""
        slot = self._host.slots.get(id)
        if slot is None:
            registration = self._registration(id)
            if not registration.stateless:
                raise _not_here(id)
            return self._host.activate(id, registration)
        if slot.epoch != epoch:
            raise _not_here(id)
        return slot

    # ---- calls

    def _on_request(self, message: Message) -> None:
        request = message.request
        session = self._uplink.session
        try:
            id = agent_from_wire(request.target)
            slot = self._slot(id, request.epoch)
            timeout = request.timeout_ms / 1000 if request.HasField("timeout_ms") else None
            chain = request.call_chain
            work = RequestWork(
                id,
                sender=agent_from_wire(request.sender) if request.HasField("sender") else None,
                topic=None,
                message_id="",
                chain=tuple([agent_from_wire(agent) for agent in chain]) if chain else (),
                attempt=request.attempt or 1,
                deadline=None if timeout is None else time.monotonic() + timeout,
            )
        except ParleyError as error:
            if not request.call_chain:
                session.grant(len(request.envelope))
            session.send(Message(re=message.id, error=error_to_wire(error)))
            return
        work.came(self, session, request.envelope)
        work.broker_id = message.id
        work.key = request.idempotency_key
        work.outcome = None
        orphan = self._orphans.pop((id, work.key), None) if work.key else None
        if orphan is None or orphan.slot is not slot:
            self._requests[message.id] = work
            self._host.submit(slot, work)
            return
        work.withdrawn()
        orphan.session, orphan.broker_id = session, message.id
        self._requests[message.id] = orphan
        if orphan.outcome is not None:
            self.saver.spawn(self._answer_again(orphan, slot))

    async def _answer_again(self, work: RequestWork, slot: AgentSlot) -> None:
        """Says a result that was there before its call came again; what its handler changed is saved first."""
        work.commit = None
        await self.saver.save_again(slot)
        self.answer(work)

    def answer(self, work: RequestWork) -> None:
        """Sends the one outcome of a request (SPEC RPC-1), if its session still wants one."""
        outcome, slot = work.outcome, work.slot
        if self._requests.get(work.broker_id) is not work or outcome is None or (slot is not None and slot.dropped):
            return
        del self._requests[work.broker_id]
        outcome.re = work.broker_id
        if work.commit is not None and slot is not None and outcome.HasField("reply"):
            outcome.id = work.session.next_id()
            work.session.expect(outcome.id, partial(self._on_committed, work, work.commit))
            commit_to_wire(slot, work.commit, outcome.reply.commit)
            self.saver.sent(slot, work.commit)
        work.session.send(outcome)

    def _on_committed(self, work: Received, commit: Commit, kind: str, answer: Message) -> None:
        """The broker's word on what a result commits."""
        error = _error_of(kind, answer)
        if error is not None:
            _log.warning("the broker refused a commit of %s: %s", work.recipient, error)
        if work.slot is not None:
            self.saver.answered(work.slot, commit, error)
        work.judged(error)

    def _on_cancel(self, message: Message) -> None:
        work = self._requests.get(message.cancel.request_id)
        if work is not None:
            work.end("cancel")

    # ---- events

    def _on_delivery(self, message: Message) -> None:
        delivery = message.delivery
        try:
            id = agent_from_wire(delivery.recipient)
            work = DeliveryWork(
                id,
                sender=agent_from_wire(delivery.sender) if delivery.HasField("sender") else None,
                topic=topic_from_wire(delivery.topic),
                message_id="",
                attempt=delivery.attempt or 1,
            )
        except ParleyError as error:
            _log.error("a delivery that cannot be read was dropped: %s", error)
            self._session.grant(len(delivery.envelope))
            return
        work.came(self, self._session, delivery.envelope)
        work.delivery = delivery
        work.result = None
        work.settling = 0
        try:
            slot = self._slot(id, delivery.epoch)
        except ActivationFailedError as error:
            work.withdrawn()
            work.failed(error)
            return
        if not delivery.position or self._take_in_hand(work):
            self._host.submit(slot, work)
        else:
            work.withdrawn()

    def _take_in_hand(self, work: DeliveryWork) -> bool:
        """True if its handler shall start; else it is old, or only says how to settle what is in hand (SPEC DLV-4)."""
        delivery = work.delivery
        hand = self._hands.get(work.recipient)
        if hand is None:
            hand = self._hands[work.recipient] = Hand(ordered=delivery.epoch != 0)
        if hand.is_old(delivery.round):
            return False
        same = hand.find(delivery.position)
        if same is None or same.envelope != work.envelope:  # a broker that kept nothing counts positions from 1 again
            hand.add(delivery.position, delivery.round, work)
            return True
        hand.delivered(delivery.position, delivery.round)
        same.delivery, same.session = delivery, work.session
        if same.finished and same.commit is not None:
            self.saver.spawn(self._commit_again(same))
        elif same.finished:
            self.settle(same)
        return False

    async def _commit_again(self, work: DeliveryWork) -> None:
        """A standard agent's result was refused with its state: it is said again with the present one."""
        slot = work.slot
        if slot is None or slot.keeper is None or slot.dropped:
            return
        agent = await slot.wait()
        await slot.keeper.in_step()
        async with slot.keeper.lock:
            state = await slot.keeper.changed(agent)
            work.commit = None if state is None else slot.keeper.commit(state)
            self.settle(work)

    def settle(self, work: DeliveryWork) -> None:
        """Says the result of an event under its newest epoch and round; ephemeral ones are not settled (SPEC DLV-1)."""
        delivery, result, session = work.delivery, work.result, work.session
        slot, commit = work.slot, work.commit
        if not delivery.position or result is None or session is not self._session:
            return
        if slot is not None and slot.dropped:
            return
        message = Message()
        if result.error is not None:
            message.nack.error.CopyFrom(result.error)
            self._new_round(work)
        elif result.ignored:
            message.ack.ignored = True
        elif commit is not None and slot is not None:
            commit_to_wire(slot, commit, message.ack.commit)
            self.saver.sent(slot, commit)
        settled = message.ack if result.error is None else message.nack
        settled.recipient.CopyFrom(delivery.recipient)
        settled.epoch = delivery.epoch
        settled.position = delivery.position
        settled.round = delivery.round
        work.settling = message.id = session.next_id()
        session.expect(message.id, work)
        session.send(message)

    def _new_round(self, work: DeliveryWork) -> None:
        hand = self._hands.get(work.recipient)
        if hand is not None and hand.find(work.delivery.position) is work:
            for waiting in hand.nacked(work.delivery.position, work.delivery.round):
                self._host.withdraw(waiting)

    def settled(self, work: DeliveryWork, kind: str, answer: Message) -> None:
        """The broker's word on the newest Ack or Nack of an event.

        A refused result stays in hand: when the broker delivers the event again, it is said again. But an
        effectively-once agent is made anew, and handles it anew.
        """
        error = _error_of(kind, answer)
        slot = work.slot
        if error is not None:
            _log.warning("the broker refused to settle an event of %s: %s", work.recipient, error)
            if work.commit is not None:
                self._new_round(work)
        if work.commit is not None and slot is not None:
            self.saver.answered(slot, work.commit, error)
            work.judged(error)
        elif slot is not None and slot.epoch == work.delivery.epoch and lost_place(error, slot):
            self.drop(slot)
        if error is not None and not (slot is not None and slot.registration.alone):
            return
        hand = self._hands.get(work.recipient)
        if hand is not None and hand.find(work.delivery.position) is work:
            hand.settled(work.delivery.position)
            self._let_go_of(work.recipient, hand)

    def _let_go_of(self, id: AgentId, hand: Hand[DeliveryWork]) -> None:
        if not hand.works and not hand.ordered:
            del self._hands[id]


def _error_of(kind: str, answer: Message) -> ParleyError | None:
    if kind != "error":
        return None
    error = error_from_wire(answer.error)
    return error if isinstance(error, ParleyError) else ParleyError(error.message, reason=error.reason)


def _answer_activate(session: Session, id: int, failure: ParleyError | None) -> None:
    if id:
        answer = Message(re=id)
        if failure is None:
            answer.done.SetInParent()
        else:
            answer.error.CopyFrom(error_to_wire(failure))
        session.send(answer)


def _not_here(id: AgentId) -> ActivationFailedError:
    return ActivationFailedError(f"the agent {id} is not active in this process", details={"agent": str(id)})
