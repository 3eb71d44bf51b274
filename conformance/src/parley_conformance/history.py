"""What must hold after every pair case, judged on what went by at the recorder.

Order is taken from one party's connections alone, never by comparing those of two. Pure: what was said in, broken rules
out.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from parley_conformance.judge import Broken
from parley_conformance.record import Said
from parley_conformance.relay import DOWN, UP
from parley_wire.v1 import agent_pb2, envelope_pb2

_FROM_BROKER = frozenset(
    {"welcome", "heartbeat", "goodbye", "drain", "done", "error", "activate", "deactivate", "claim_result", "request"}
    | {"reply", "cancel", "subscription_list", "published", "delivery", "save_request"}
)
_FROM_CLIENT = frozenset(
    {"hello", "heartbeat", "goodbye", "drain", "done", "error", "register_agent_type", "unregister_agent_type", "claim"}
    | {"request", "reply", "cancel", "subscribe", "unsubscribe", "list_subscriptions", "publish", "ack", "nack", "save"}
)


@dataclass
class Session:
    """One session of one party, over all its connections: what was said to and by the broker, in order."""

    party: str
    said: list[Said] = field(default_factory=list)


@dataclass(frozen=True)
class End:
    """What the broker holds at the end.

    Attributes:
        waiting: Events that it still has for recipients.
        dead: Dead letters, as (label, recipient).
        calls: Calls that it still has.
    """

    waiting: int = 0
    dead: frozenset[tuple[str, str]] = frozenset()
    calls: int = 0


def sessions_of(said: Iterable[Said]) -> list[Session]:
    """Sorts what was said by sessions; what was said again is left out."""
    found: list[Session] = []
    current: dict[str, Session] = {}
    for one in said:
        if one.kind == "hello":
            continue
        if one.kind == "welcome" and not one.message.welcome.resumed:
            current[one.party] = Session(one.party)
            found.append(current[one.party])
        if not one.again and one.party in current:
            current[one.party].said.append(one)
    return found


def judge_history(said: Sequence[Said], end: End | None) -> list[Broken]:
    """Lists what is broken.

    Args:
        said: What the broker said, as it came, and what was said to it, as it went on; in the order read.
        end: What the broker holds, when nothing goes on any more; None: that is not known.
    """
    sessions = sessions_of(said)
    found: list[Broken] = []
    for one in said:
        found += _valid(one)
    for session in sessions:
        found += _answers(session)
        found += _deliveries(session)
    found += _commits(sessions)
    if end is not None:
        found += _nothing_lost(sessions, end)
    return found


def _valid(one: Said) -> Iterator[Broken]:
    """Each message is one that its sender may send, with what it needs."""
    allowed, sender = (_FROM_BROKER, "broker") if one.direction == DOWN else (_FROM_CLIENT, one.party)
    if one.kind not in allowed:
        yield Broken("SES-4", sender, f"{sender} said {one.kind}, which is not its to say")
        return
    value = getattr(one.message, one.kind)
    for name in ("target", "recipient", "agent", "sender"):
        if name in value.DESCRIPTOR.fields_by_name and value.HasField(name):
            agent = getattr(value, name)
            if not (agent.type and agent.key):
                yield Broken("ID-3", sender, f"{one.kind} has the {name} {_name(agent)!r}")
    if one.kind == "error" and not (value.reason and value.message):
        yield Broken("ERR-1", sender, f"an error without reason or text: {one}")
    if one.kind in ("done", "reply", "error", "published", "claim_result") and not one.message.re:
        yield Broken("MSG-3", sender, f"{one.kind} answers nothing")


def _answers(session: Session) -> Iterator[Broken]:
    """A message with an id gets one answer, and nobody answers what was not asked."""
    open_ids: dict[tuple[str, int], str] = {}
    for one in session.said:
        asked_by = DOWN if one.direction == UP else UP
        if one.message.re and one.kind != "welcome" and open_ids.pop((asked_by, one.message.re), None) is None:
            sender = session.party if one.direction == UP else "broker"
            text = f"{sender} answered {one.message.re} of {session.party} a second time, or nobody asked: {one}"
            # A caller's Cancel is answered by the broker while the worker's own answer is under way.
            yield Broken("RPC-1" if one.kind in ("reply", "error") else "MSG-3", sender, text)
        if one.message.id:
            open_ids[one.direction, one.message.id] = one.kind


def _deliveries(session: Session) -> Iterator[Broken]:
    """In a round the positions of a recipient grow; one comes again only in a later round."""
    last: dict[str, tuple[int, int, int]] = {}
    for one in session.said:
        if one.kind != "delivery" or one.direction != DOWN or not one.message.delivery.position:
            continue
        delivery = one.message.delivery
        recipient = _name(delivery.recipient)
        place = (delivery.epoch, delivery.round, delivery.position)
        before = last.get(recipient)
        # Stateless recipients have no epoch and no order.
        if before is not None and delivery.epoch and place <= before:
            what = f"epoch {place[0]}, round {place[1]}, position {place[2]}"
            then = f"epoch {before[0]}, round {before[1]}, position {before[2]}"
            rule = "DLV-11" if place == before else "DLV-3"
            yield Broken(rule, "broker", f"{recipient} got {one.label} at {what} after {then}")
        last[recipient] = place


@dataclass(frozen=True)
class Committed:
    """A commit that the broker accepted."""

    session: int
    party: str
    label: str
    epoch: int
    version: int
    state: bytes | None
    adds: int


def _commits(sessions: Sequence[Session]) -> Iterator[Broken]:
    """One owner commits per epoch, each version once; an effectively-once state is the fold of its effects."""
    accepted: dict[str, list[Committed]] = defaultdict(list)
    once: set[str] = set()
    for index, session in enumerate(sessions):
        asked: dict[int, tuple[str, Committed]] = {}
        adds: dict[str, int] = {}
        for one in session.said:
            if one.kind == "register_agent_type":
                registered = one.message.register_agent_type
                if registered.mode == agent_pb2.AGENT_MODE_EFFECTIVELY_ONCE:
                    once.add(registered.type)
            elif one.kind in ("request", "delivery") and one.direction == DOWN:
                adds[one.label] = _adds(getattr(one.message, one.kind).envelope)
            elif one.kind in ("ack", "reply", "save") and one.direction == UP:
                told = getattr(one.message, one.kind)
                commit = told if one.kind == "save" else told.commit if told.HasField("commit") else None
                if commit is not None:
                    state = commit.state.data if commit.HasField("state") else None
                    made = Committed(
                        *(index, session.party, one.label, commit.epoch, commit.expected_version, state),
                        adds.get(one.label, 0),
                    )
                    asked[one.message.id] = (_name(commit.agent), made)
            elif one.kind == "done" and one.direction == DOWN and one.message.re in asked:
                agent, made = asked.pop(one.message.re)
                accepted[agent].append(made)
    for agent, commits in accepted.items():
        yield from _owners(agent, commits)
        if agent.partition("/")[0] in once:
            yield from _fold(agent, commits)


def _owners(agent: str, commits: Sequence[Committed]) -> Iterator[Broken]:
    owners: dict[int, set[str]] = defaultdict(set)
    versions: dict[int, set[int]] = defaultdict(set)
    for one in commits:
        owners[one.epoch].add(one.party)
        versions[one.version].add(one.session)
    for epoch, parties in owners.items():
        if len(parties) > 1:
            yield Broken("AGT-5", "broker", f"{agent}: {' and '.join(sorted(parties))} committed in epoch {epoch}")
    for version, by in versions.items():
        if len(by) > 1:
            yield Broken("STA-3", "broker", f"{agent}: {len(by)} sessions committed over version {version}")


def _fold(agent: str, commits: Sequence[Committed]) -> Iterator[Broken]:
    labels = Counter(one.label for one in {c.version: c for c in commits}.values() if one.label)
    for label, number in labels.items():
        if number > 1:
            yield Broken("STA-4", "", f"{agent}: the effect of {label} was committed {number} times")
    count: int | None = None
    version = -1
    for one in sorted({c.version: c for c in commits}.values(), key=lambda c: c.version):
        now = _count(one.state)
        if one.version != version + 1:
            # Of the one between nobody heard that it was accepted.
            count = None
        if count is not None and now is not None and now != count + one.adds:
            text = f"{agent}: {one.label} adds {one.adds} to {count}, and {now} was committed"
            yield Broken("STA-5", one.party, text)
        count, version = now if now is not None else count, one.version


def _nothing_lost(sessions: Sequence[Session], end: End) -> Iterator[Broken]:
    """Each event that was answered was acknowledged by each recipient, is a dead letter of it, or still waits."""
    promised: dict[str, int] = {}
    settled: set[tuple[str, str]] = set(end.dead)
    for session in sessions:
        ephemeral: set[str] = set()
        for one in session.said:
            if one.kind == "publish" and one.message.publish.ephemeral:
                ephemeral.add(one.label)
            elif one.kind == "published" and one.label and one.label not in ephemeral:
                promised[one.label] = max(promised.get(one.label, 0), one.message.published.recipients)
            elif one.kind == "ack":
                settled.add((one.label, _name(one.message.ack.recipient)))
    done = Counter(label for label, _ in settled)
    missing = {label: number - done[label] for label, number in promised.items() if number > done[label]}
    if (lost := sum(missing.values()) - end.waiting) > 0:
        told = ", ".join(sorted(missing)[:5])
        text = f"{lost} answered events reached no acknowledgement, are no dead letters and wait no more; of {told}"
        yield Broken("PUB-1", "broker", text)


def _name(agent: Any) -> str:
    return f"{agent.type}/{agent.key}"


def _count(state: bytes | None) -> int | None:
    value = _json(state or b"")
    return value.get("count") if isinstance(value, Mapping) else None


def _adds(envelope: bytes) -> int:
    try:
        value = _json(envelope_pb2.Envelope.FromString(envelope).payload.data)
    except Exception:
        return 0
    steps = value.get("do", ()) if isinstance(value, Mapping) else ()
    return sum(step.get("number", 0) for step in steps if step.get("op") == "add")


def _json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return None
