"""The messages of a history file: what the recorder wrote down, or what is on a tape, as plain data and back."""

from __future__ import annotations

import base64
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from parley_conformance import watching, wire
from parley_conformance.labels import Labels
from parley_conformance.model import Kind
from parley_conformance.record import Record, Said
from parley_conformance.tape import Taped
from parley_conformance.watch import kind_of
from parley_wire.v1 import broker_service_pb2 as pb

KEPT_MESSAGES = 10_000
KEPT_BYTES = 8 * 1024 * 1024
SUMMARIES = 1_000
"""So many messages are told in words: making these takes longer than all the rest, and nobody reads more."""
SUMMARY = 240


@dataclass
class Room:
    """How much a file still takes; `lost` counts the messages that found no room."""

    messages: int = KEPT_MESSAGES
    size: int = KEPT_BYTES
    summaries: int = SUMMARIES
    lost: int = 0

    def takes(self, size: int) -> bool:
        """True if there is room for one more message of this size; after the first one that is left out, none is."""
        if self.lost or not self.messages or size > self.size:
            self.lost += 1
            return False
        self.messages -= 1
        self.size -= size
        return True

    def summary(self, message: pb.Message) -> str:
        """A message in words; empty after so many."""
        self.summaries -= 1
        return _summary(message) if self.summaries >= 0 else ""


def of_record(record: Record, began: float, room: Room) -> list[dict[str, Any]]:
    """What went by at the recorder, in the order read.

    A message that a fault changed or held is one entry with `went_` members; one that a fault took out `came` alone,
    one that a fault put in `went` alone.
    """
    went = {id(one) for one in record.went}
    came = {id(one) for one in record.came}
    later = _Waiting(one for one in record.came if id(one) not in went)
    on_its_way = {id(first): one for one in record.went if id(one) not in came and (first := later.take(one))}
    paired = {id(one) for one in on_its_way.values()}
    whole = record.came + [one for one in record.went if id(one) not in came and id(one) not in paired]
    told: list[dict[str, Any]] = []
    for one in sorted(whole, key=lambda one: one.at):
        data = one.message.SerializeToString()
        if not room.takes(len(data)):
            continue
        other = on_its_way.get(id(one))
        gone = other is not None or id(one) in went
        entry = _entry(one, data, began, room.summary(one.message), came=id(one) in came, went=gone)
        if other is not None:
            entry |= {"went_at_ms": since(began, other.at), "went_number": other.number, "went_again": other.again}
            if (changed := other.message.SerializeToString()) != data:
                entry["went_bytes"] = base64.b64encode(changed).decode()
        told.append(entry)
    return told


def record_of(messages: Iterable[Mapping[str, Any]]) -> tuple[list[Said], list[Said]]:
    """What came and what went on, in the order of each."""
    came: list[Said] = []
    went: list[Said] = []
    for one in messages:
        said = _said(one, one["at_ms"], one["number"], one["bytes"], one["again"])
        if one["came"]:
            came.append(said)
        if one["went"] and "went_at_ms" in one:
            data = one.get("went_bytes", one["bytes"])
            went.append(_said(one, one["went_at_ms"], one["went_number"], data, one["went_again"]))
        elif one["went"]:
            went.append(said)
    return came, sorted(went, key=lambda said: said.at)


def of_tape(
    tape: Sequence[Taped], began: float, kind: Kind, room: Room
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The messages of a tape, and what else is on it; `frame` of a message is the `n` of the frame that had it."""
    ways = watching.PEER_WAYS if kind is Kind.BROKER else watching.BROKER_WAYS
    labels: dict[str, Labels] = defaultdict(Labels)
    messages: list[dict[str, Any]] = []
    watched: list[dict[str, Any]] = []
    for n, one in enumerate(tape):
        head: dict[str, Any] = {
            "n": n,
            "at_ms": since(began, one.at),
            "party": one.party,
            "connection": one.connection,
            "op": one.op,
            "values": list(one.values),
        }
        if one.op in ("begin", "session"):
            labels[one.party] = Labels()
        if one.frame is not None:
            size = one.frame.ByteSize()
            if not all(room.takes(size // len(one.frame.messages)) for _ in one.frame.messages):
                break
            head |= {name: getattr(one.frame, name) for name in _HEADER}
            for number, message in zip(watching.numbered(one), one.frame.messages, strict=True):
                label, again = labels[one.party].of(ways[one.op], message), one.op == "again" and number > 0
                said = Said(one.at, one.party, one.connection, ways[one.op], number, again, label, message)
                data = message.SerializeToString()
                entry = _entry(said, data, began, room.summary(message), came=True, went=True)
                messages.append(entry | {"frame": n})
        watched.append(head)
    else:
        return messages, watched
    room.lost = max(room.lost, sum(len(one.frame.messages) for one in tape[len(watched) :] if one.frame is not None))
    return messages, watched


def tape_of(messages: Iterable[Mapping[str, Any]], watched: Sequence[Mapping[str, Any]]) -> list[Taped]:
    """The tape that was written so."""
    inside: dict[int, list[pb.Message]] = defaultdict(list)
    for one in messages:
        if "frame" in one:
            inside[one["frame"]].append(pb.Message.FromString(base64.b64decode(one["bytes"])))
    tape: list[Taped] = []
    for head in watched:
        frame = None
        if "first_seq" in head:
            frame = pb.Frame(messages=inside[head["n"]], **{name: head[name] for name in _HEADER})
        tape.append(
            Taped(head["at_ms"] / 1000, head["party"], head["connection"], head["op"], tuple(head["values"]), frame)
        )
    return tape


def since(began: float, at: float) -> float:
    """The time since the run began, in ms."""
    return round((at - began) * 1000, 3)


_HEADER = ("first_seq", "received", "credit_messages", "credit_bytes")


class _Waiting:
    """Messages that came and did not go on as they were: finds the one that a message which went on had been."""

    def __init__(self, came: Iterable[Said]) -> None:
        self._same: dict[object, deque[Said]] = defaultdict(deque)
        self._like: dict[object, deque[Said]] = defaultdict(deque)
        self._taken: set[int] = set()
        for one in came:
            self._same[self._identity(one), one.message.SerializeToString()].append(one)
            self._like[self._identity(one)].append(one)

    def take(self, went: Said) -> Said | None:
        key = self._identity(went)
        for found in (self._same.get((key, went.message.SerializeToString())), self._like.get(key)):
            while found:
                one = found.popleft()
                if id(one) not in self._taken and one.at <= went.at:
                    self._taken.add(id(one))
                    return one
        return None

    @staticmethod
    def _identity(one: Said) -> object:
        return one.party, one.connection, one.direction, one.label, one.kind, one.message.id, one.message.re


def _entry(said: Said, data: bytes, began: float, summary: str, *, came: bool, went: bool) -> dict[str, Any]:
    return {
        "at_ms": since(began, said.at),
        "party": said.party,
        "connection": said.connection,
        "dir": said.direction,
        "number": said.number,
        "again": said.again,
        "kind": kind_of(said.message),
        "label": said.label,
        "id": said.message.id,
        "re": said.message.re,
        "came": came,
        "went": went,
        "summary": summary,
        "bytes": base64.b64encode(data).decode(),
    }


def _said(one: Mapping[str, Any], at_ms: float, number: int, data: str, again: bool) -> Said:
    message = pb.Message.FromString(base64.b64decode(data))
    where = (one["party"], one["connection"], one["dir"])
    return Said(at_ms / 1000, *where, number, again, one["label"], message)


def _summary(message: pb.Message) -> str:
    plain = wire.plain(message)
    plain.pop("id", None)
    plain.pop("re", None)
    told = repr(next(iter(plain.values()), ""))
    return told if len(told) <= SUMMARY else f"{told[:SUMMARY]}…"
