"""Who is to blame when a party of a pair did not see what it should: who had the message last.

Pure: what went by at the recorder in, a party out. Where the case took messages out or put some in, nobody is blamed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from parley_conformance import wire
from parley_conformance.faults import PEER
from parley_conformance.model import Kind
from parley_conformance.record import Record, Said
from parley_conformance.relay import DOWN, UP

BROKER = "broker"
_CARRIERS = frozenset({"request", "delivery"})
_ASKED = frozenset({"request", "publish"})
_ANSWERS = frozenset({"reply", "error", "published"})


@dataclass(frozen=True)
class Blame:
    """Who, and why, as a clause of a sentence; an empty party: that cannot be said."""

    party: str = ""
    why: str = ""


def alone(kind: Kind) -> str:
    """Who is to blame where it is not said: the one who is not the kit's own; empty: there are several."""
    return {Kind.BROKER: BROKER, Kind.SDK: "client"}.get(kind, "")


def of_see(
    record: Record,
    expectation: Mapping[str, Any],
    seen: Callable[[str, str, Mapping[str, Any]], Sequence[Mapping[str, Any]]],
) -> Blame | None:
    """Judges the step `see` that failed; None: it tells nothing that went by at the recorder.

    Args:
        record: What went by.
        expectation: The step's: `{party: {kind: members}}`, or a list of such kinds.
        seen: What a party saw of a kind that has certain members.
    """
    ((party, expected),) = expectation.items()
    for one in expected if isinstance(expected, list) else [expected]:
        ((kind, members),) = one.items()
        if seen(party, kind, members):
            continue
        label = members.get("label", "")
        if not label or not record.went:
            return None
        near = seen(party, kind, {"label": label})
        if not near:
            return of_missing(record, party, kind, label)
        return of_different(record, party, label, near[0]) if kind == "outcome" else None
    return None


def of_missing(record: Record, party: str, kind: str, label: str) -> Blame:
    """Judges an observation that did not come: `enter`, `cancelled` or `outcome`; for any other nobody else is asked.

    Args:
        record: What went by.
        party: Who should have seen it.
        kind: Of the observation.
        label: Of the call or event.
    """
    if _tampered(record):
        return Blame()
    got = {"enter": _CARRIERS, "cancelled": frozenset({"cancel"}), "outcome": _ANSWERS}.get(kind)
    if got is None:
        return Blame(party)
    if one := _last(record, DOWN, label, got, party):
        return Blame(party, f"{party} was sent {_what(one)}")
    if kind == "outcome":
        return _unanswered(record, party, label)
    sent = _ASKED if kind == "enter" else got
    if one := _last(record, UP, label, sent):
        refused = _last(record, DOWN, label, frozenset({"error"}), one.party)
        if refused is None:
            return Blame(BROKER, f"the broker got {_what(one)} from {one.party}, and sent {party} nothing of it")
    return Blame()


def of_different(record: Record, party: str, label: str, seen: Mapping[str, Any]) -> Blame:
    """Judges an outcome that came and is wrong.

    Args:
        record: What went by.
        party: Who saw it.
        label: Of the call or event.
        seen: The observation.
    """
    if _tampered(record):
        return Blame()
    told = _last(record, DOWN, label, _ANSWERS, party)
    if told is None:
        return Blame(party, f"{party} was told nothing of {label}")
    said = _last(record, UP, label, _ANSWERS)
    if told.kind == "error":
        reason = _reason(told)
        if (seen.get("error") or {}).get("reason") != reason:
            return Blame(party, f"{party} was sent an error with {reason}")
        if said is not None and said.kind == "error" and _reason(said) == reason:
            return Blame(said.party, f"{said.party} answered with {reason}")
        return Blame(BROKER, f"the broker sent {reason}")
    if told.kind == "reply" and said is not None and said.kind == "reply":
        if told.message.reply.envelope != said.message.reply.envelope:
            return Blame(BROKER, f"the broker changed the reply of {said.party}")
        return Blame()
    return Blame(BROKER, f"the broker sent {_what(told)}") if told.kind == "reply" else Blame()


def _unanswered(record: Record, party: str, label: str) -> Blame:
    if one := _last(record, UP, label, frozenset({"reply", "error"})):
        return Blame(BROKER, f"the broker got {_what(one)} from {one.party}, and sent {party} no answer")
    if one := _last(record, DOWN, label, frozenset({"request"})):
        return Blame(one.party, f"{one.party} was sent {_what(one)}, and did not answer it")
    if one := _last(record, UP, label, _ASKED, party):
        return Blame(BROKER, f"the broker got {_what(one)} from {party}, and did not answer it")
    return Blame(party, f"{party} sent nothing of {label}")


def _last(record: Record, way: str, label: str, kinds: frozenset[str], party: str = "") -> Said | None:
    """The last message that went on this way; of any party if none is given."""
    fits = (
        one
        for one in record.went
        if one.direction == way and one.label == label and one.kind in kinds and party in ("", one.party)
    )
    return max(fits, key=lambda one: one.at, default=None)


def _tampered(record: Record) -> bool:
    return any(fault.do in PEER for fault in record.faults.values())


def _what(one: Said) -> str:
    return f"{one.kind} {one.label}"


def _reason(one: Said) -> str:
    return str(wire.plain(one.message)["error"].get("reason", ""))
