"""Finds what a failure is about in a run's history: the message or observation that its text quotes or names.

Pure: plain data in, plain values out. Verdicts never depend on it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Json = Mapping[str, Any]

_WORD = re.compile(r"[\w.-]+")
_QUOTED = 24
"""A text of fewer characters is found anywhere."""
_DUE = re.compile(r"expected (.*?) within \d+ ms(.*)", re.DOTALL)
"""What did not come in time, and what came instead."""
_NOT_TOLD = frozenset({"obs", "i", "rt", "t_ms", "label"})


@dataclass(frozen=True)
class Culprit:
    """What a failure is about.

    Attributes:
        form: `messages` or `observations`.
        index: Its place in that list of the history.
        text: The whole of it, for the first screen.
    """

    form: str
    index: int
    text: str


def find(run: Json, history: Json) -> Culprit | None:
    """Finds it; None: the text quotes and names nothing that came, or it misses what never came.

    A message that the text quotes counts before an observation that it quotes, and both before the last observation,
    of the blamed party if one is blamed, or message with a label that the text names.

    Args:
        run: As results.json has it, with `reason` and `party`.
        history: Its history.
    """
    reason = run.get("reason", "")
    if due := _DUE.search(reason):
        reason = due[2].partition("; it saw: ")[2] and reason
    messages: Sequence[Json] = history.get("messages", ())
    observations: Sequence[Json] = history.get("observations", ())
    for index, one in _backwards(messages):
        said = one["summary"].removesuffix("…")
        if len(said) >= _QUOTED and said in reason:
            return _message(index, one)
    for index, one in _backwards(observations):
        if str(one["fields"]) in reason:
            return _observation(index, one)
    words = set(_WORD.findall(reason))
    for index, one in _backwards(observations):
        if one["label"] in words and one["obs"] in words and one["party"] == (run.get("party") or one["party"]):
            return _observation(index, one)
    for index, one in _backwards(messages):
        if one["label"] in words and one["went"]:
            return _message(index, one)
    return None


def missing(run: Json) -> str:
    """What was due and did not come, as the failure's text has it; empty: it does not say so."""
    due = _DUE.search(run.get("reason", ""))
    return due[1] if due and "; it saw: " not in due[2] else ""


def _backwards(told: Sequence[Json]) -> Iterator[tuple[int, Json]]:
    return ((index, told[index]) for index in range(len(told) - 1, -1, -1))


def _message(index: int, one: Json) -> Culprit:
    ends = (one["party"], "broker") if one["dir"] == "up" else ("broker", one["party"])
    number = f" #{one['number']}" if one["number"] else ""
    return Culprit("messages", index, f"{ends[0]} → {ends[1]}{number}: {one['summary']}")


def _observation(index: int, one: Json) -> Culprit:
    return Culprit("observations", index, " ".join((one["party"], "saw", as_text(one))))


def as_text(observation: Json) -> str:
    """An observation without what only machines want: its kind, its label, and the members that say something."""
    told = {
        name: value
        for name, value in observation["fields"].items()
        if name not in _NOT_TOLD and value not in (None, "", [], {})
    }
    return " ".join(filter(None, (observation["obs"], observation["label"], str(told) if told else "")))
