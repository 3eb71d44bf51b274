"""The reference broker with one bug put in on purpose: what the kit must catch.

    python conformance/mutants/broker.py BUG serve [OPTIONS of parley-broker serve]

Stands in for `parley-broker` in PARLEY_BROKER_COMMAND. A bug replaces a method of the core; one whose target is
gone ends with an error, and one that is reached says so in the file that PARLEY_MUTANT_REACHED names, so that a bug
which is not there cannot pass for one that nobody notices.
`conformance/mutants/broker.yaml` says which checks turn red for which bug.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from mark import put_in, wrap

from parley_broker import config
from parley_broker.cli import main
from parley_broker.core.gateway import checks, lives, session
from parley_broker.core.gateway.callers import Callers
from parley_broker.core.gateway.commands import Commands
from parley_broker.core.gateway.farewell import Farewell
from parley_broker.core.gateway.gateway import Gateway
from parley_broker.core.gateway.outgoing import Outgoing
from parley_broker.core.gateway.sessions import Sessions
from parley_broker.core.ids import AgentId
from parley_broker.core.machine import Machine
from parley_broker.core.messages import Error, Heartbeat, Hello, Publish, Request
from parley_broker.core.shard import deliveries, shard
from parley_broker.core.shard.claims import Claims
from parley_broker.core.shard.commits import Commits
from parley_broker.core.shard.dead_letters import DeadLetters
from parley_broker.core.shard.deliveries import Deliveries
from parley_broker.core.shard.event_ids import EventIds
from parley_broker.core.shard.expiry import Expiry
from parley_broker.core.shard.places import Places
from parley_broker.core.shard.producers import Producers
from parley_broker.core.shard.replies import Replies
from parley_broker.core.shard.shard import Shard
from parley_broker.core.shard.states import States
from parley_broker.engine import Engine
from parley_broker.errors import Reason
from parley_broker.frontends.grpc_v1 import codec, server, servicer


def reply_to_the_wrong_caller() -> None:
    """An outcome goes to another caller whose call has the same id."""

    def make(conclude: Any) -> Any:
        def wrong(self: Any, call: Any, outcome: Any) -> None:
            for mine in call.waiting:
                for other in self._calls.values():
                    if other.caller is not mine.caller and other.caller_id == mine.caller_id:
                        mine.caller, other.caller = other.caller, mine.caller
                        mine.caller.calls[mine.caller_id] = mine.id
                        other.caller.calls[other.caller_id] = other.id
                        break
            conclude(self, call, outcome)

        return wrong

    wrap(Callers, "_conclude", make)


def lost_worker_hangs_its_calls() -> None:
    """Nobody is told when the session that runs a call is lost."""
    wrap(Callers, "lose_worker", lambda _: lambda self, session, agent_type=None: None)


def deadline_ignored() -> None:
    """Nothing happens when the time of a call is up."""
    wrap(Callers, "tick", lambda _: lambda self, now: None)
    wrap(Callers, "next_due", lambda _: lambda self: None)


def cancel_swallowed() -> None:
    """Cancel does nothing."""
    wrap(Callers, "cancel", lambda _: lambda self, session, cancel, now: None)


def cancel_kept_from_the_worker() -> None:
    """The caller's outcome is CANCELLED, and the handler runs on."""
    wrap(Callers, "_tell_worker", lambda _: lambda self, call: None)


def delivered_twice() -> None:
    """Every event is handed over two times."""

    def make(deliver: Any) -> Any:
        def twice(self: Any, effect: Any, now: float) -> None:
            deliver(self, effect, now)
            deliver(self, effect, now)

        return twice

    wrap(Gateway, "deliver", make)


def event_dropped() -> None:
    """Every second event of a recipient is stored, answered for, and never handed over."""

    def make(deliver: Any) -> Any:
        seen: dict[Any, int] = {}

        def lossy(self: Any, effect: Any, now: float) -> None:
            recipient = effect.delivery.recipient
            seen[recipient] = seen.get(recipient, 0) + 1
            if seen[recipient] % 2:
                deliver(self, effect, now)

        return lossy

    wrap(Gateway, "deliver", make)


def place_forgotten() -> None:
    """Each message may go to another session."""

    def make(resolve: Any) -> Any:
        def fickle(self: Any, agent: Any, nested: bool) -> Any:
            if (place := self.get(agent)) is not None:
                self.end(place)
            return resolve(self, agent, nested)

        return fickle

    wrap(Places, "resolve", make)


def envelope_limit_ignored() -> None:
    """An envelope of any size is taken."""
    wrap(checks, "check_size", lambda _: lambda size, policy: None)


def any_version_accepted() -> None:
    """Hello is answered by Welcome whatever versions it names."""
    wrap(lives, "agree", lambda _: lambda hello: hello.max_version)


def sender_unchecked() -> None:
    """Anybody may send in the name of any agent."""
    wrap(checks, "check_sender", lambda _: lambda session, sender, sender_epoch, shard: None)


def drain_ignored() -> None:
    """A session that drains gets new agents like any other."""

    def make(drain: Any) -> Any:
        def wrong(self: Any, session: str, *arguments: Any) -> Any:
            done = drain(self, session, *arguments)
            self._desk.hosts.get(session).draining = False
            return done

        return wrong

    wrap(Shard, "drain", make)


def queues_without_end() -> None:
    """Any number of events waits for a recipient."""

    def make(policy: Any) -> Any:
        return lambda values: replace(policy(values), max_queue_events=1 << 30, max_queue_bytes=1 << 40)

    wrap(config, "make_policy", make)


def trace_of_events_dropped() -> None:
    """An event goes on without its trace context."""

    def make(publish: Any) -> Any:
        def wrong(self: Any, session: str, re: int, message: Any, *arguments: Any) -> Any:
            return publish(self, session, re, replace(message, trace=None), *arguments)

        return wrong

    wrap(Shard, "publish", make)


def refused_subscribers_remembered() -> None:
    """Who asked for a subscription that is not durable is remembered, refused or not."""

    def make(subscribe: Any) -> Any:
        def wrong(self: Any, session: str, re: int, subscription: Any, *arguments: Any) -> Any:
            self._desk.hosts.get(session).transient.add(subscription.key.agent_type)
            return subscribe(self, session, re, subscription, *arguments)

        return wrong

    wrap(Shard, "subscribe", make)


def kinds_without_end() -> None:
    """A Hello may announce any number of kinds, and all are kept."""
    wrap(codec, "MAX_KINDS", lambda _: 1 << 40)


def one_message_per_frame() -> None:
    """Of a frame only the first message is read."""

    def make(decode: Any) -> Any:
        def wrong(data: bytes, now: float) -> Any:
            frame = decode(data, now)
            del frame.messages[1:]
            return frame

        return wrong

    wrap(servicer, "decode_frame", make)


def small_messages_only() -> None:
    """Messages of more than 4 MiB, gRPC's own limit, are not taken."""
    wrap(server, "OPTIONS", lambda options: tuple(o for o in options if o[0] != "grpc.max_receive_message_length"))


def receipts_withheld() -> None:
    """What the client sends is never acknowledged."""

    def make(take: Any) -> Any:
        def wrong(self: Any, connection_id: int, now: float) -> Any:
            frame = take(self, connection_id, now)
            return None if frame is None else replace(frame, received=0)

        return wrong

    wrap(Gateway, "take", make)


def heartbeats_on_demand() -> None:
    """A heartbeat is sent only to answer one."""

    def make(push: Any) -> Any:
        def wrong(self: Any, session: Any, message: Any) -> None:
            if not isinstance(message.body, Heartbeat) or message.re:
                push(self, session, message)

        return wrong

    wrap(Sessions, "push", make)


def unknown_reasons_replaced() -> None:
    """A reason that the broker does not know becomes INTERNAL."""

    def make(encoders: Any) -> Any:
        def wrong(wire: Any, body: Any, now: float) -> None:
            known = body.reason in Reason._value2member_map_
            encoders[Error](wire, body if known else replace(body, reason=Reason.INTERNAL), now)

        return {**encoders, Error: wrong}

    wrap(codec, "_ENCODERS", make)


def keys_cut_at_a_slash() -> None:
    """An id is printed without what follows a slash in its key."""
    wrap(AgentId, "__str__", lambda _: lambda self: f"{self.type}/{self.key.partition('/')[0]}")


def no_frames_are_empty() -> None:
    """Bytes that are no frame are taken for one with nothing in it."""

    def make(decode: Any) -> Any:
        def wrong(data: bytes, now: float) -> Any:
            try:
                return decode(data, now)
            except codec.NotAFrame:
                return decode(b"", now)

        return wrong

    wrap(servicer, "decode_frame", make)


def gaps_taken() -> None:
    """A number may be above the next one."""

    def make(number: Any) -> Any:
        def wrong(self: Any, frame: Any) -> Any:
            if frame.first_seq:
                self.received = max(self.received, frame.first_seq - 1)
            return number(self, frame)

        return wrong

    wrap(session.Session, "number", make)


def hello_not_awaited() -> None:
    """A connection may say nothing for as long as it likes."""

    def make(connect: Any) -> Any:
        def wrong(self: Any, connection: Any, now: float) -> None:
            connect(self, connection, now)
            self._hellos.drop(connection.id)

        return wrong

    wrap(lives.Lives, "connect", make)


def anything_greets() -> None:
    """Whatever comes first on a connection is taken for a Hello."""

    def make(greet: Any) -> Any:
        def wrong(self: Any, connection: Any, message: Any, now: float) -> Any:
            if not isinstance(message.body, Hello):
                message = replace(message, body=Hello(1, 1, "nobody"))
            return greet(self, connection, message, now)

        return wrong

    wrap(lives.Lives, "greet", make)


def second_hello_ignored() -> None:
    """A second Hello on a connection is ignored."""

    def make(carry_out: Any) -> Any:
        def wrong(self: Any, session: Any, message: Any, now: float) -> None:
            if not isinstance(message.body, Hello):
                carry_out(self, session, message, now)

        return wrong

    wrap(Commands, "carry_out", make)


def instances_are_one() -> None:
    """A session ends when another one with its instance id begins."""

    def make(begin: Any) -> Any:
        def wrong(self: Any, connection: Any, hello: Any, now: float) -> Any:
            for older in [one for one in self._sessions.by_id.values() if one.hello.instance_id == hello.instance_id]:
                self._lose(older, "there is another one of its instance", now)
            return begin(self, connection, hello, now)

        return wrong

    wrap(lives.Lives, "_begin", make)


def grace_forgotten() -> None:
    """A session is lost with its connection."""
    wrap(lives.Lives, "_part", lambda _: lambda self, session, why, now: self._lose(session, why, now))


def nothing_sent_again() -> None:
    """What was written into a connection that broke is thought to have arrived."""
    wrap(Outgoing, "resume", lambda resume: lambda self, received: resume(self, self.sent))


def repeats_taken() -> None:
    """A number that was received before is taken again."""

    def make(number: Any) -> Any:
        def wrong(self: Any, frame: Any) -> Any:
            if frame.first_seq:
                self.received = min(self.received, frame.first_seq - 1)
            return number(self, frame)

        return wrong

    wrap(session.Session, "number", make)


def any_token_accepted() -> None:
    """A session is given to whoever names it."""
    wrap(lives, "compare_digest", lambda _: lambda one, other: True)


def older_connection_kept() -> None:
    """The connection that a session had before goes on, too."""

    def make(resume: Any) -> Any:
        def wrong(self: Any, session: Any, received: int, connection: Any, now: float) -> None:
            older = self._sessions.connections.pop(session.connection, None)
            resume(self, session, received, connection, now)
            if older is not None:
                self._sessions.connections[older.id] = older

        return wrong

    wrap(lives.Lives, "_resume", make)


def claims_ignored() -> None:
    """A restarted broker answers claims, and places the agents anew."""

    def make(decide: Any) -> Any:
        def wrong(self: Any, claims: Any, desk: Any) -> Any:
            return [replace(verdict, granted=()) for verdict in decide(self, claims, desk)]

        return wrong

    wrap(Claims, "decide", make)


def claims_not_waited_for() -> None:
    """A restarted broker places agents at once, and grants every claim at once."""
    wrap(shard, "_beginning", lambda begin: lambda policy, opened, now: begin(policy, replace(opened, fresh=True), now))


def first_claim_wins() -> None:
    """Of two claims the one that came first is granted, whatever its epoch."""

    def make(decide: Any) -> Any:
        def wrong(self: Any, claims: Any, desk: Any) -> Any:
            verdicts: list[Any] = []
            for claim in claims:
                taken = {agent for verdict in verdicts for agent, _ in verdict.granted}
                (verdict,) = decide(self, [claim], desk)
                lost = tuple(agent for agent, _ in verdict.granted if agent in taken)
                granted = tuple(held for held in verdict.granted if held[0] not in taken)
                verdicts.append(replace(verdict, granted=granted, refused=verdict.refused + lost))
            return verdicts

        return wrong

    wrap(Claims, "decide", make)


def states_left_behind() -> None:
    """A draining broker does not have agents saved."""
    wrap(Farewell, "save", lambda _: lambda self, session_id, agent, epoch: None)


def overtaken_claims_granted() -> None:
    """A claim is granted although another session has committed for the agent since, before a restart."""
    wrap(Claims, "seek", lambda _: lambda self, claim, host: None)


def every_claim_granted() -> None:
    """A claim is granted although the agent has another place, or had one since."""
    wrap(Claims, "_is_valid", lambda _: lambda self, claim, agent, epoch, desk: True)


def attempts_without_end() -> None:
    """An event that always fails is never given up."""

    def make(policy: Any) -> Any:
        return lambda values: replace(policy(values), max_attempts=1_000_000)

    wrap(config, "make_policy", make)


def lost_sessions_uncounted() -> None:
    """An event may take any number of sessions with it."""
    wrap(Deliveries, "_count_losses", lambda _: lambda self, recipient, returned, now: returned)


def pauses_of_one_length() -> None:
    """The pauses between attempts do not grow."""
    wrap(deliveries, "BACKOFF_FACTORS", lambda _: (1,))


def producers_forgotten() -> None:
    """A publish that is sent again is stored again."""
    wrap(Producers, "commit_of", lambda _: lambda self, publish: None)


def event_ids_forgotten() -> None:
    """An event id that was seen says nothing."""
    wrap(EventIds, "commit_of", lambda _: lambda self, publish, now: None)


def dead_letters_without_end() -> None:
    """Dead letters are kept whatever their number."""
    wrap(DeadLetters, "_make_room", lambda _: lambda self: None)


def subscriptions_without_end() -> None:
    """A durable subscription stays, however long nobody hosts its type."""
    wrap(Expiry, "tick", lambda _: lambda self, now: None)
    wrap(Expiry, "next_due", lambda _: lambda self: None)


def fence_skipped() -> None:
    """What an agent's older placement commits is taken."""

    def make(_: Any) -> Any:
        def anybody(self: Any, session: str, agent: Any, epoch: int) -> Any:
            place = self._desk.places.get(agent)
            return place, place.kept

        return anybody

    wrap(States, "holder", make)


def versions_unchecked() -> None:
    """A commit may replace any version."""
    wrap(States, "check_version", lambda _: lambda self, agent, kept, expected: None)


def publishes_of_commits_dropped() -> None:
    """What a handler published is not stored with its commit."""

    def make(write: Any) -> Any:
        return lambda self, commit, kept, plan, now: write(self, commit, kept, [], now)

    wrap(Commits, "_write", make)


def idempotency_keys_ignored() -> None:
    """A duplicate of a call runs beside it, or again."""
    wrap(Replies, "admit", lambda _: lambda self, ticket: True)


def silence_forgiven() -> None:
    """A client that is connected is never lost, however long nothing is heard of it."""
    wrap(config, "make_policy", lambda policy: lambda values: replace(policy(values), suspect_limit=3600.0))


def answered_before_stored() -> None:
    """What is to be stored waits for more, and is answered as if it were."""

    def make(store: Any) -> Any:
        late: list[Any] = []

        def wrong(self: Any, batch: Any) -> Any:
            late.extend(batch.records)
            ready = late.copy() if batch.reads or len(late) > 1000 else []
            del late[: len(ready)]
            return store(self, replace(batch, records=ready))

        return wrong

    wrap(Engine, "_store_batch", make)


def all_events_in_memory() -> None:
    """What waits for a recipient is kept in memory, however much it is."""

    def make(policy: Any) -> Any:
        much = {"max_queue_bytes": 1 << 40, "window_events": 1 << 30, "window_bytes": 1 << 40}
        return lambda values: replace(policy(values), **much)

    wrap(config, "make_policy", make)


def one_writer_for_all() -> None:
    """What is written to one client waits until the others have read theirs."""

    def make(write: Any) -> Any:
        turn = asyncio.Lock()

        async def wrong(self: Any, broker: Any, connection: int) -> None:
            written = self._context.write

            class InTurn:
                async def write(self, data: bytes) -> None:
                    async with turn:
                        await written(data)

            self._context = InTurn()
            await write(self, broker, connection)

        return wrong

    wrap(servicer._Stream, "write", make)


def drained_at_once() -> None:
    """A broker that drains waits for nothing that is under way."""
    wrap(Machine, "drain_is_over", lambda _: lambda self, now: "nobody looked")


def calls_remembered() -> None:
    """A call that has ended stays in the table."""

    def make(drop: Any) -> Any:
        def wrong(self: Any, call: Any) -> None:
            drop(self, call)
            self._calls[-call.id] = call

        return wrong

    wrap(Callers, "_drop", make)


def versions_mistaken() -> None:
    """What is of the second version of a message goes on as the first one."""

    def make(decode: Any) -> Any:
        def wrong(data: bytes, now: float) -> Any:
            frame = decode(data, now)
            for message in frame.messages:
                if isinstance(message.body, Request | Publish):
                    message.body = replace(message.body, envelope=message.body.envelope.replace(b"_v2", b"_v1"))
            return frame

        return wrong

    wrap(servicer, "decode_frame", make)


BUGS: tuple[Callable[[], None], ...] = (
    reply_to_the_wrong_caller,
    lost_worker_hangs_its_calls,
    deadline_ignored,
    cancel_swallowed,
    cancel_kept_from_the_worker,
    delivered_twice,
    event_dropped,
    place_forgotten,
    envelope_limit_ignored,
    any_version_accepted,
    sender_unchecked,
    drain_ignored,
    queues_without_end,
    trace_of_events_dropped,
    refused_subscribers_remembered,
    kinds_without_end,
    one_message_per_frame,
    small_messages_only,
    receipts_withheld,
    heartbeats_on_demand,
    unknown_reasons_replaced,
    keys_cut_at_a_slash,
    no_frames_are_empty,
    gaps_taken,
    hello_not_awaited,
    anything_greets,
    second_hello_ignored,
    instances_are_one,
    grace_forgotten,
    nothing_sent_again,
    repeats_taken,
    any_token_accepted,
    older_connection_kept,
    claims_ignored,
    claims_not_waited_for,
    first_claim_wins,
    states_left_behind,
    overtaken_claims_granted,
    every_claim_granted,
    attempts_without_end,
    lost_sessions_uncounted,
    pauses_of_one_length,
    producers_forgotten,
    event_ids_forgotten,
    dead_letters_without_end,
    subscriptions_without_end,
    fence_skipped,
    versions_unchecked,
    publishes_of_commits_dropped,
    idempotency_keys_ignored,
    silence_forgiven,
    answered_before_stored,
    all_events_in_memory,
    one_writer_for_all,
    drained_at_once,
    calls_remembered,
    versions_mistaken,
)

if __name__ == "__main__":
    put_in(BUGS)
    main()
