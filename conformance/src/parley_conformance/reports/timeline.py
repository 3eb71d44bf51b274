"""A run's history as the rows of a sequence diagram: who said what to whom, what was seen, what was done to them.

Pure: plain data in, plain values out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from parley_conformance.reports.culprit import Culprit, as_text

Json = Mapping[str, Any]

BROKER = "broker"
BAD = frozenset({"fail", "harness-error", "inconclusive"})
"""Verdicts of a step that tell why the run did not pass."""
_QUIET = frozenset({"heartbeat"})
"""Said all the time, and never what a case is about."""
_FENCE, _NEWCOMER = "fence ", "newcomer-"
"""How labels and parties begin that are the kit's own, for its fences and proofs."""
_REASON, _ENVELOPE = re.compile(r"'reason': '(\w+)'"), re.compile(r"'envelope': '([^']{1,16})'")
"""What of a message's summary is worth a place in the picture."""
_DONE_TO = re.compile(r"^\{?(kill|restart|pause|continue|launch|terminate|close)\W+(\w+)")
_FAULT = re.compile(r"^ *([\d.]+) (\S+) !! (.+: \w+)$")
"""A line of the journal that tells of a fault."""
_HEAD, _AROUND = 12, 6


@dataclass(frozen=True)
class Row:
    """One row of the diagram.

    Attributes:
        form: `message`, `seen` (by a party), `step` (of the case), `done` (to a party: killed, paused, cut), `fold`.
        text: Short, for the picture.
        at_ms: Since the run began.
        source: The lane that it starts at, or that it is about.
        target: The lane that a message goes to.
        detail: The whole of it, for who wants to know.
        flaw: Of a message: `dropped`, `injected`, `changed`, `again`; of a step: its verdict.
        marked: This broke the rule.
    """

    form: str
    text: str
    at_ms: float = 0.0
    source: str = ""
    target: str = ""
    detail: str = ""
    flaw: str = ""
    marked: bool = False


@dataclass(frozen=True)
class Timeline:
    """The lanes from left to right, and the rows from top to bottom."""

    lanes: tuple[str, ...]
    rows: tuple[Row, ...]


def timeline(
    history: Json, *, culprit: Culprit | None = None, failure: str = "", most: int = 64, short: bool = False
) -> Timeline:
    """Makes the rows of a run.

    Args:
        history: A history file's content.
        culprit: What is marked.
        failure: Why the run did not pass; told at the end where nothing is marked.
        most: Rows that are drawn; what is far from the mark and from the end is folded.
        short: Only the messages, without steps and observations.
    """
    marked = (culprit.form, culprit.index) if culprit else None
    rows = [
        _message(one, ("messages", index) == marked)
        for index, one in enumerate(history["messages"])
        if not _is_plumbing(one) or ("messages", index) == marked
    ]
    if not short:
        rows += [
            _seen(one, ("observations", index) == marked)
            for index, one in enumerate(history["observations"])
            if not one["label"].startswith(_FENCE)
        ]
        rows += _steps(history)
    rows += _done(history)
    # Steps come before what they cause where both have one time.
    order = {"step": 0, "done": 1, "message": 2, "seen": 3}
    rows.sort(key=lambda row: (row.at_ms, order[row.form]))
    if failure and not any(row.marked for row in rows):
        rows.append(Row("step", failure, rows[-1].at_ms if rows else 0.0, flaw="fail", detail=failure))
    return Timeline(_lanes(history, rows), tuple(_folded(rows, most)))


def _is_plumbing(one: Json) -> bool:
    mine = one["label"].startswith(_FENCE) or one["party"].startswith(_NEWCOMER)
    return mine or one["kind"] in _QUIET


def _message(one: Json, marked: bool) -> Row:
    source, target = (one["party"], BROKER) if one["dir"] == "up" else (BROKER, one["party"])
    kind = "".join(part.capitalize() for part in one["kind"].split("_"))
    more = (_REASON if one["kind"] == "error" else _ENVELOPE).search(one["summary"])
    about = one["label"] if one["kind"] != "error" else ""
    text = " ".join(part for part in (kind, about or (more[1] if more else one["label"])) if part)
    flaw = "again" if one["again"] else ""
    if not (one["came"] and one["went"]):
        flaw = "dropped" if one["came"] else "injected"
    elif one.get("went_bytes"):
        flaw = "changed"
    return Row("message", text, one["at_ms"], source, target, one["summary"], flaw, marked)


def _seen(one: Json, marked: bool) -> Row:
    text = " ".join(part for part in (one["obs"], one["label"]) if part)
    if how := _how(one["obs"], one["fields"]):
        text += f": {how}"
    return Row("seen", text, one["at_ms"], one["party"], detail=as_text(one), marked=marked)


def _how(obs: str, fields: Json) -> str:
    """What of an observation is worth telling in the picture."""
    if obs == "outcome":
        return str(fields["error"].get("reason", "error")) if fields.get("error") else ""
    if obs == "enter":
        return f"attempt {fields['attempt']}" if fields.get("attempt", 1) > 1 else ""
    return str(fields.get("how") or fields.get("state") or "")


def _steps(history: Json) -> list[Row]:
    return [
        Row("step", f"{one['n']}  {step_text(one)}", one["at_ms"], flaw=one["verdict"], detail=one["text"])
        for one in history["steps"]
    ]


def step_text(step: Json) -> str:
    """A step as a line: YAML's outermost braces say nothing."""
    text: str = step["text"]
    return text[1:-1] if text.startswith("{") and text.endswith("}") else text


def _done(history: Json) -> list[Row]:
    """What the case did to a party: kills, pauses and the like as its steps say, and the faults that happened."""
    steps = ((one, _DONE_TO.match(one["text"])) for one in history["steps"])
    made = [Row("done", f"{by[1]} {by[2]}", one["at_ms"], by[2], detail=one["text"]) for one, by in steps if by]
    faults = (_FAULT.match(line) for line in history["lines"])
    return made + [Row("done", by[3], float(by[1]), by[2], detail=f"the fault {by[3]}") for by in faults if by]


def _lanes(history: Json, rows: Sequence[Row]) -> tuple[str, ...]:
    """The caller, or the first party; the broker; the others: who asks left, who answers right."""
    parties = [name for name in history["parties"] if not name.startswith(_NEWCOMER)]
    parties += [end for row in rows for end in (row.source, row.target) if end]
    names = sorted((name for name in dict.fromkeys(parties) if name != BROKER), key=lambda name: name != "caller")
    return (*names[:1], BROKER, *names[1:])


def _folded(rows: Sequence[Row], most: int) -> list[Row]:
    """Keeps the beginning, what is around the mark, and the end."""
    if len(rows) <= most:
        return list(rows)
    kept = set(range(_HEAD))
    for at, row in enumerate(rows):
        if row.marked:
            kept |= set(range(max(0, at - _AROUND), min(len(rows), at + _AROUND + 1)))
        elif row.form == "done" or (row.form == "step" and row.flaw in BAD):
            kept.add(at)
    for at in range(len(rows) - 1, -1, -1):
        if len(kept) >= most:
            break
        kept.add(at)
    made: list[Row] = []
    for before, at in pairwise([-1, *sorted(kept), len(rows)]):
        if at - before > 1:
            made.append(Row("fold", f"{at - before - 1} rows are not drawn"))
        if at < len(rows):
            made.append(rows[at])
    return made
