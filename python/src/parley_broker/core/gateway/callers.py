"""The calls: each ends in exactly one outcome (RPC-1).

request ──▶ placing ──Placed──▶ running ──Reply / Error──▶ ended
               │ Refused           │ worker's session lost, agent taken: OUTCOME_UNKNOWN; placed again if it has a key,
               │                   │ or if its request was never written
               └─ deadline, Cancel, caller gone (both states) ──▶ ended

A call with an idempotency key may have others with the same key join it: it leads, and they get its outcome (RPC-8). It
goes on while others have joined it, though its caller has left. When nobody waits any more, what was dispatched stays
in the table for a while: the worker may still answer, and its reply is kept for the key.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from parley_broker.core.deadlines import Deadlines
from parley_broker.core.effects import Concluded, Effects, Joined, Placed, Refused
from parley_broker.core.gateway.checks import check_commit, check_request, check_size
from parley_broker.core.gateway.port import ShardPort
from parley_broker.core.gateway.session import Session
from parley_broker.core.gateway.sessions import Sessions
from parley_broker.core.ids import AgentId
from parley_broker.core.messages import Body, Cancel, Error, Message, Reply, Request, error_of, make_error
from parley_broker.core.orders import Outcome, Ticket
from parley_broker.core.policy import Policy
from parley_broker.errors import CommandError, Reason, draining

LATE_REPLY = 30.0
"""Seconds after its deadline, or its Cancel, that the worker's reply to a call with a key is still expected."""


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
    """Until it is dispatched; with an idempotency key until it ends, since it may be dispatched again."""
    nested: bool
    wait_for_ready: bool
    size: int
    key: str
    worker: Session | None = None
    attempts: int = 0
    """How often it was dispatched."""
    until: float = 0.0
    """The deadline that the worker knows."""
    left: bool = False
    """The caller waits no more."""
    leader: Call | None = None
    """The call that it joined."""
    joined: dict[int, Call] | None = None
    """Those that joined it, if any ever did."""

    @property
    def ticket(self) -> Ticket:
        """What placement needs to know."""
        return Ticket(
            self.id,
            self.target,
            self.size,
            self.nested,
            self.wait_for_ready or self.attempts > 0,
            self.request is not None and self.target in self.request.call_chain,
            self.key,
            self.request.payload_hash if self.request is not None else b"",
        )

    @property
    def wanted(self) -> bool:
        """Whether anybody waits for its outcome."""
        return not self.left or bool(self.joined)

    @property
    def running(self) -> bool:
        """Whether the worker's answer is awaited."""
        return self.worker is not None and self.id in self.worker.working

    @property
    def waiting(self) -> Sequence[Call]:
        """Itself and those that joined it, as far as their callers wait."""
        own = () if self.left else (self,)
        return (*own, *self.joined.values()) if self.joined else own


class Callers:
    """The table of calls. Its owner may set `shard` to another one at any time."""

    def __init__(self, policy: Policy, sessions: Sessions, effects: Effects, shard: ShardPort) -> None:
        self.shard = shard
        self.draining = False
        """No call begins, but those that others wait for (DRN-1)."""
        self._policy = policy
        self._sessions = sessions
        self._effects = effects
        self._calls: dict[int, Call] = {}
        self._deadlines: Deadlines[int] = Deadlines()
        self._again: list[Call] = []
        """Calls that are to be placed again once the step that they were lost in is over."""

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
            if self.draining:
                raise draining()
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
            nested, request.wait_for_ready, size, request.idempotency_key,
        )  # fmt: skip
        self._calls[call.id] = call
        session.calls[message.id] = call.id
        session.waiting_bytes += size
        self._deadlines.set(call.id, deadline)
        self.shard.place(call.ticket, now)

    def outcome(self, session: Session, message: Message, now: float) -> bool:
        """The worker's Reply or Error to a call; a late or foreign one is dropped, but what it commits is not (RPC-9).

        Returns:
            Whether the shard answers it.

        Raises:
            CommandError: What it commits is refused (STA-4).
        """
        target = session.working.pop(message.re, None)
        call = self._calls[message.re] if target is not None else None
        body = message.body
        commit = body.commit if isinstance(body, Reply) else None
        if call is None and commit is None:
            self._effects.log("debug", "late outcome dropped", session=session.id, call=message.re)
            return False
        try:
            self._check_outcome(message, call)
            if isinstance(body, Reply) and (commit is not None or (call is not None and call.key)):
                self.shard.reply(session.id, message.id, Outcome(call.id if call is not None else 0, body), now)
                return commit is not None
        except CommandError as failure:
            if commit is not None:
                if call is not None:
                    self._conclude(call, error_of(failure))
                raise
            body = error_of(failure)
        assert call is not None
        if isinstance(body, Error) and call.left and call.joined and now >= call.until:
            # Its time was up, as the worker knew it; those that joined it have more.
            self._run_again(call)
        else:
            self._conclude(call, body)
        return False

    def cancel(self, session: Session, cancel: Cancel, now: float) -> None:
        """The caller does not want the outcome: it is CANCELLED, and the worker hears of it (RPC-9)."""
        call_id = session.calls.get(cancel.request_id)
        if call_id is None:
            return
        call = self._calls[call_id]
        error = make_error(Reason.CANCELLED, "the caller cancelled", may_have_run=_may_have_run(call))
        self._leave(call, error, now, tell_worker=True)

    # What the shard says

    def placed(self, placed: Placed) -> None:
        """The shard chose a session for the call: off it goes."""
        call = self._calls[placed.call]
        worker = self._sessions.by_id[placed.session]
        request = call.request
        assert request is not None
        call.worker = worker
        call.attempts += 1
        if not call.key:
            self._forget_request(call)
        if not worker.understands(Request.KIND):
            why = f"the session of {call.target} does not announce kind {Request.KIND}, request"
            self._conclude(call, make_error(Reason.UNHANDLED_MESSAGE, why, {"agent": str(call.target)}))
            return
        worker.working[call.id] = call.target
        call.until = max(waiting.deadline for waiting in call.waiting) if call.joined else call.deadline
        # What may be dispatched once more, and then differently, stays as it is.
        dispatched = replace(request) if call.key else request
        dispatched.epoch, dispatched.deadline, dispatched.attempt = placed.epoch, call.until, call.attempts
        self._sessions.push(worker, Message(dispatched, id=call.id))

    def refused(self, refused: Refused) -> None:
        """The shard ended the call before it was dispatched."""
        self._conclude(self._calls[refused.call], refused.error)

    def joined(self, joined: Joined) -> None:
        """The call gets the outcome of another one with the same key (RPC-8)."""
        call = self._calls[joined.call]
        leader = self._calls.get(joined.leader)
        if leader is None:
            self._again.append(call)
            return
        call.leader = leader
        if leader.joined is None:
            leader.joined = {}
        leader.joined[call.id] = call
        self._forget_request(call)

    def concluded(self, concluded: Concluded) -> None:
        """The outcome of the call is there, and what depends on it is durable; nobody may want it any more."""
        call = self._calls.get(concluded.call)
        if call is not None:
            self._conclude(call, concluded.body)

    # What time and lost sessions do

    def settle(self, now: float) -> None:
        """Places the calls again that lost their worker."""
        if not self._again:
            return
        again, self._again = self._again, []
        for call in again:
            if call.id in self._calls:
                self.shard.place(call.ticket, now)

    @property
    def is_unsettled(self) -> bool:
        """Whether `settle` has something to do."""
        return bool(self._again)

    def unsent(self, call_id: int) -> None:
        """The request of a placed call was not written, since its time was up: no worker answers it."""
        call = self._calls.get(call_id)
        if call is None or call.worker is None:
            return
        call.attempts -= 1
        call.worker.working.pop(call_id, None)
        if call.left and call.joined:
            self._run_again(call)
        elif call.left:
            self._drop(call)

    def tick(self, now: float) -> None:
        """Ends the calls whose time is up (RPC-4)."""
        for call_id in self._deadlines.take(now):
            call = self._calls[call_id]
            if call.left:
                if not call.wanted:
                    self._drop(call)
                continue
            timeout_ms = round((call.deadline - call.started) * 1000)
            may_have_run = _may_have_run(call)
            where = "the handler has not answered" if may_have_run else "it was not dispatched"
            error = make_error(
                Reason.DEADLINE_EXCEEDED,
                f"the call to {call.target} had no outcome within {timeout_ms} ms: {where}",
                {"timeout_ms": str(timeout_ms)},
                may_have_run=may_have_run,
            )
            self._leave(call, error, now, tell_worker=False)

    def next_due(self) -> float | None:
        """When `tick` has something to do."""
        return self._deadlines.next()

    def is_running(self, call_id: int) -> bool:
        """Whether the dispatched call still waits for its outcome."""
        return call_id in self._calls

    def recall(self, session: Session) -> None:
        """The session is about to be lost: calls that were not written to it wait again, in their order (RPC-7)."""
        unwritten = [m for m in session.outgoing.unwritten() if isinstance(m.body, Request) and m.id in session.working]
        for message in reversed(unwritten):
            call = self._calls[message.id]
            assert isinstance(message.body, Request)
            if not call.wanted:
                continue
            if call.request is None:
                call.request = message.body
                call.caller.waiting_bytes += call.size
            call.attempts -= 1
            call.worker = None
            del session.working[call.id]
            self.shard.recall(call.ticket)

    def lose_worker(self, session: Session, agent_type: str | None = None) -> None:
        """Ends the calls dispatched to the session, or those to one agent type there (RPC-7)."""
        what = "is lost" if agent_type is None else f"no longer hosts {agent_type}"
        for call_id, target in list(session.working.items()):
            if agent_type is None or target.type == agent_type:
                self._orphan(self._calls[call_id], f"the session that ran the call to {target} {what}")

    def lose_agent(self, session: Session, agent: AgentId) -> None:
        """The agent was taken from the session: ends the calls that it has in hand (AGT-8)."""
        for call_id in [number for number, target in session.working.items() if target == agent]:
            call = self._calls[call_id]
            self._tell_worker(call)
            self._orphan(call, f"{agent} was taken from the session that ran the call")

    def lose_caller(self, session: Session, now: float) -> None:
        """Forgets the calls of the session, which has nobody to hear of them; their workers are told.

        One with a key goes on: its caller may ask again in another session (SES-15).
        """
        for call_id in list(session.calls.values()):
            call = self._calls[call_id]
            self._leave(call, None, now, tell_worker=not call.key)

    def take_over(self, now: float) -> None:
        """Tells a new shard of the calls: of those that are dispatched, then of the others in the order they came."""
        calls = [call for call in self._calls.values() if call.leader is None]
        for call in calls:
            if call.worker is not None and call.running:
                self.shard.adopt_call(call.worker.id, call.ticket)
        for call in calls:
            if call.worker is None and call not in self._again:
                self.shard.place(call.ticket, now)

    def _check_outcome(self, message: Message, call: Call | None) -> None:
        body = message.body
        try:
            check_size(body.size(), self._policy)
        except CommandError as failure:
            failure.may_have_run = True
            failure.message = f"the outcome: {failure.message}"
            raise
        if isinstance(body, Reply) and body.commit is not None:
            if not message.id:
                raise CommandError(Reason.INVALID_ARGUMENT, "a reply that commits has an id: it is answered")
            check_commit(body.commit, self._policy)
            if call is not None and body.commit.agent != call.target:
                raise CommandError(
                    Reason.INVALID_ARGUMENT,
                    f"the reply to a call to {call.target} commits for {body.commit.agent}",
                    field="commit.agent",
                )

    def _orphan(self, call: Call, why: str) -> None:
        """Whoever ran the call is gone: it is placed again if it has a key, and ends otherwise."""
        if call.key and call.wanted:
            self._run_again(call)
        else:
            self._conclude(call, make_error(Reason.OUTCOME_UNKNOWN, why, {"agent": str(call.target)}))

    def _run_again(self, call: Call) -> None:
        assert call.worker is not None
        call.worker.working.pop(call.id, None)
        call.worker = None
        self.shard.finish(call.id)
        self._again.append(call)

    def _tell_worker(self, call: Call) -> None:
        if call.worker is not None and call.running:
            self._sessions.push(call.worker, Message(Cancel(call.id)))

    def _leave(self, call: Call, outcome: Body | None, now: float, *, tell_worker: bool) -> None:
        """The caller gets this outcome, if any, and waits no more. What nobody waits for any more ends."""
        self._part(call)
        if outcome is not None:
            self._sessions.push(call.caller, Message(outcome, re=call.caller_id))
        leader = call.leader
        if leader is not None:
            assert leader.joined is not None
            del leader.joined[call.id]
            del self._calls[call.id]
            call = leader
        if call.wanted:
            return
        if tell_worker:
            self._tell_worker(call)
            call.until = min(call.until, now)
        if call.key and call.running:
            self._deadlines.set(call.id, call.until + LATE_REPLY)
        else:
            self._drop(call)

    def _conclude(self, call: Call, outcome: Body) -> None:
        """The call has this outcome: whoever waits for it gets it."""
        self._drop(call)
        for waiting in call.waiting:
            self._part(waiting)
            self._sessions.push(waiting.caller, Message(outcome, re=waiting.caller_id))

    def _part(self, call: Call) -> None:
        call.left = True
        del call.caller.calls[call.caller_id]
        self._deadlines.drop(call.id)
        if call.request is not None:
            call.caller.waiting_bytes -= call.size

    def _forget_request(self, call: Call) -> None:
        call.request = None
        call.caller.waiting_bytes -= call.size

    def _drop(self, call: Call) -> None:
        """The call and those that joined it leave the table."""
        del self._calls[call.id]
        if call.left:
            self._deadlines.drop(call.id)
        for joined in call.joined or ():
            del self._calls[joined]
        if call.worker is not None:
            call.worker.working.pop(call.id, None)
            self.shard.finish(call.id)
        else:
            self.shard.withdraw(call.id)


def _may_have_run(call: Call) -> bool:
    return (call.leader or call).attempts > 0
