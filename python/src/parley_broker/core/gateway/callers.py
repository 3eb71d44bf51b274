"""The calls: each ends in exactly one outcome (RPC-1).

request ──▶ placing ──Placed──▶ running ──Reply / Error──▶ ended
               │ Refused           │ worker's session lost: OUTCOME_UNKNOWN
               └─ deadline, Cancel, caller gone (both states) ──▶ ended
"""

from __future__ import annotations

from dataclasses import dataclass

from parley_broker.core.deadlines import Deadlines
from parley_broker.core.effects import Effects, Placed, Refused
from parley_broker.core.gateway.checks import check_request, check_size
from parley_broker.core.gateway.port import ShardPort
from parley_broker.core.gateway.session import Session
from parley_broker.core.gateway.sessions import Sessions
from parley_broker.core.ids import AgentId
from parley_broker.core.messages import Body, Cancel, Message, Reply, Request, make_error
from parley_broker.core.orders import Ticket
from parley_broker.core.policy import Policy
from parley_broker.errors import CommandError, Reason


@dataclass(slots=True, eq=False)
class Call:
    """A call without an outcome. `id` is the broker's, `caller_id` the caller's (RPC-2)."""

    id: int
    caller: Session
    caller_id: int
    target: AgentId
    started: float
    deadline: float
    request: Request | None
    """Until it is dispatched."""
    nested: bool
    wait_for_ready: bool
    size: int
    worker: Session | None = None

    @property
    def ticket(self) -> Ticket:
        """What placement needs to know."""
        reentrant = self.request is not None and self.target in self.request.call_chain
        return Ticket(self.id, self.target, self.size, self.nested, self.wait_for_ready, reentrant)


class Callers:
    """The table of calls. Its owner may set `shard` to another one at any time."""

    def __init__(self, policy: Policy, sessions: Sessions, effects: Effects, shard: ShardPort) -> None:
        self.shard = shard
        self._policy = policy
        self._sessions = sessions
        self._effects = effects
        self._calls: dict[int, Call] = {}
        self._deadlines: Deadlines[int] = Deadlines()

    def __len__(self) -> int:
        return len(self._calls)

    # What the clients say

    def request(self, session: Session, message: Message, now: float) -> None:
        """Begins a call (RPC-2).

        Raises:
            CommandError: The call has not begun; the caller is told why.
        """
        request = message.body
        assert isinstance(request, Request)
        size = len(request.envelope)
        nested = bool(request.call_chain)
        if not nested:
            self._sessions.spend(session, size)
        if not message.id:
            raise CommandError(Reason.INVALID_ARGUMENT, "a request needs an id above 0: its outcome names it")
        check_request(request, session, self._policy, self.shard)
        deadline = request.deadline
        if deadline is None:
            deadline = now + self._policy.default_call_timeout
        deadline = min(deadline, now + self._policy.max_call_timeout)
        if deadline <= now:
            raise CommandError(Reason.DEADLINE_EXCEEDED, "the request came with no time left", may_have_run=False)
        call = Call(
            self._sessions.new_id(), session, message.id, request.target, now, deadline, request,
            nested, request.wait_for_ready, size,
        )  # fmt: skip
        self._calls[call.id] = call
        session.calls[message.id] = call.id
        session.waiting_bytes += size
        self._deadlines.set(call.id, deadline)
        self.shard.place(call.ticket, now)

    def outcome(self, session: Session, message: Message) -> None:
        """The worker's Reply or Error to a call; a late or foreign one is dropped (RPC-9)."""
        if session.working.pop(message.re, None) is None:
            self._effects.log("debug", "late outcome dropped", session=session.id, call=message.re)
            return
        call = self._calls[message.re]
        body = message.body
        try:
            check_size(body.size(), self._policy)
            if isinstance(body, Reply) and body.commit is not None:
                raise CommandError(Reason.INVALID_ARGUMENT, "it carries a commit: this broker keeps no state yet")
        except CommandError as failure:
            body = make_error(failure.reason, f"the outcome: {failure.message}", failure.details, may_have_run=True)
        self._end(call, body)

    def cancel(self, session: Session, cancel: Cancel) -> None:
        """The caller does not want the outcome: it is CANCELLED, and the worker hears of it (RPC-9)."""
        call_id = session.calls.get(cancel.request_id)
        if call_id is None:
            return
        call = self._calls[call_id]
        self._tell_worker(call)
        error = make_error(Reason.CANCELLED, "the caller cancelled", may_have_run=call.worker is not None)
        self._end(call, error)

    # What the shard says

    def placed(self, placed: Placed) -> None:
        """The shard chose a session for the call: off it goes."""
        call = self._calls[placed.call]
        worker = self._sessions.by_id[placed.session]
        request = call.request
        assert request is not None
        call.request = None
        call.worker = worker
        call.caller.waiting_bytes -= call.size
        if not worker.understands(Request.KIND):
            why = f"the session of {call.target} does not announce kind {Request.KIND}, request"
            self._end(call, make_error(Reason.UNHANDLED_MESSAGE, why, {"agent": str(call.target)}))
            return
        worker.working[call.id] = call.target
        dispatched = Request(
            target=request.target,
            envelope=request.envelope,
            sender=request.sender,
            sender_epoch=request.sender_epoch,
            epoch=placed.epoch,
            deadline=call.deadline,
            call_chain=request.call_chain,
            attempt=1,
            trace=request.trace,
        )
        self._sessions.push(worker, Message(dispatched, id=call.id))

    def refused(self, refused: Refused) -> None:
        """The shard ended the call before it was dispatched."""
        self._end(self._calls[refused.call], refused.error)

    # What time and lost sessions do

    def tick(self, now: float) -> None:
        """Ends the calls whose time is up (RPC-4)."""
        for call_id in self._deadlines.take(now):
            call = self._calls[call_id]
            timeout_ms = round((call.deadline - call.started) * 1000)
            where = "it was not dispatched" if call.worker is None else "the handler has not answered"
            error = make_error(
                Reason.DEADLINE_EXCEEDED,
                f"the call to {call.target} had no outcome within {timeout_ms} ms: {where}",
                {"timeout_ms": str(timeout_ms)},
                may_have_run=call.worker is not None,
            )
            self._end(call, error)

    def next_due(self) -> float | None:
        """When `tick` has something to do."""
        return self._deadlines.next()

    def is_running(self, call_id: int) -> bool:
        """Whether the dispatched call still waits for its outcome."""
        return call_id in self._calls

    def lose_worker(self, session: Session, agent_type: str | None = None) -> None:
        """Ends the calls dispatched to the session, or those to one agent type there, with OUTCOME_UNKNOWN (RPC-7)."""
        for call_id, target in list(session.working.items()):
            if agent_type is None or target.type == agent_type:
                what = "is lost" if agent_type is None else f"no longer hosts {agent_type}"
                error = make_error(
                    Reason.OUTCOME_UNKNOWN, f"the session that ran the call to {target} {what}", {"agent": str(target)}
                )
                self._end(self._calls[call_id], error)

    def lose_agent(self, session: Session, agent: AgentId) -> None:
        """The agent was taken from the session: ends the calls that it has in hand with OUTCOME_UNKNOWN (AGT-8)."""
        for call_id in [number for number, target in session.working.items() if target == agent]:
            call = self._calls[call_id]
            self._tell_worker(call)
            why = f"{agent} was taken from the session that ran the call"
            self._end(call, make_error(Reason.OUTCOME_UNKNOWN, why, {"agent": str(agent)}))

    def lose_caller(self, session: Session) -> None:
        """Forgets the calls of the session, which has nobody to hear of them; their workers are told."""
        for call_id in list(session.calls.values()):
            call = self._calls[call_id]
            self._tell_worker(call)
            self._forget(call)

    def place_again(self, now: float) -> None:
        """Gives a new shard the calls that are not dispatched yet, in the order in which they came."""
        for call in list(self._calls.values()):
            if call.worker is None:
                self.shard.place(call.ticket, now)

    def _tell_worker(self, call: Call) -> None:
        if call.worker is not None:
            self._sessions.push(call.worker, Message(Cancel(call.id)))

    def _end(self, call: Call, outcome: Body) -> None:
        self._forget(call)
        self._sessions.push(call.caller, Message(outcome, re=call.caller_id))

    def _forget(self, call: Call) -> None:
        del self._calls[call.id]
        del call.caller.calls[call.caller_id]
        self._deadlines.drop(call.id)
        if call.worker is not None:
            call.worker.working.pop(call.id, None)
            self.shard.finish(call.id)
        else:
            call.caller.waiting_bytes -= call.size
            self.shard.withdraw(call.id)
