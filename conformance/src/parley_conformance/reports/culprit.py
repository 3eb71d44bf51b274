"""Finds what a failure is about in a run's history: the message or observation that its text quotes or names.

Pure: plain data in, plain values out. Verdicts never depend on it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Json = Mapping[str, Any]

_WORD = re.compile(r"[\w./-]+")
_QUOTED = 24
"""A text of fewer characters is found anywhere."""
_UNWANTED = re.compile(r"\b(said|got)\b.*, which must n(?:ot|ever)\b", re.DOTALL)
_HEARD = frozenset({"request", "reply", "error", "delivery"})
_TELLING = _HEARD | {"publish", "published", "ack", "nack", "cancel", "save"}
"""Kinds that a failure about a label may be about: `got` names what a party was told."""
_DUE = re.compile(r"expected (.*?) within \d+ ms(.*)", re.DOTALL)
"""What did not come in time, and what came instead."""
_ANSWERED = re.compile(r"; (\w+) answered with \w+$")
"""Who made the error that another party saw."""
_NEAREST = re.compile(r"; the nearest (\w+) differs in ")
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

    What the text quotes counts first; then the last message of the kind that it says must not come; then the last
    observation, of the blamed party if one is blamed, and then the last message, with a label that it names.

    Args:
        run: As results.json has it, with `reason` and `party`.
        history: Its history.
    """
    reason = run.get("reason", "")
    messages: Sequence[Json] = history.get("messages", ())
    observations: Sequence[Json] = history.get("observations", ())
    if missing(run):
        return _nearest(reason, messages)
    for index, one in _backwards(messages):
        said = one["summary"].removesuffix("…")
        if len(said) >= _QUOTED and said in reason:
            return _message(index, one)
    for index, one in _backwards(observations):
        if str(one["fields"]) in reason:
            return _observation(index, one)
    words = set(_WORD.findall(reason))
    if made := _ANSWERED.search(reason):
        for index, one in _backwards(messages):
            if one["kind"] == "error" and one["party"] == made[1] and one["dir"] == "up" and one["label"] in words:
                return _message(index, one)
    named = words & {one["label"] for one in messages if one["label"]}
    if unwanted := _UNWANTED.search(reason):
        way = "up" if unwanted[1] == "said" else "down"
        for index, one in _backwards(messages):
            if one["dir"] == way and one["kind"] in words and (not named or one["label"] in named):
                return _message(index, one)
    for index, one in _backwards(observations):
        if one["label"] in words and one["obs"] in words and one["party"] == (run.get("party") or one["party"]):
            return _observation(index, one)
    kinds = _HEARD if "got" in words else _TELLING
    fits = [
        (index, one)
        for index, one in enumerate(messages)
        if one["label"] in named and one["kind"] in kinds and one["went"]
    ]
    # Of an event to several agents, the message to the one that is named.
    agents = {word for word in words if "/" in word}
    best = max(fits, key=lambda fit: (any(repr(agent) in fit[1]["summary"] for agent in agents), fit[0]), default=None)
    return _message(*best) if best else None


def missing(run: Json) -> str:
    """What was due and did not come, as the failure's text has it; empty: it does not say so."""
    due = _DUE.search(run.get("reason", ""))
    return due[1] if due and "; it saw: " not in due[2] else ""


def _nearest(reason: str, messages: Sequence[Json]) -> Culprit | None:
    """The last message of the kind that came instead of what was due."""
    if near := _NEAREST.search(reason):
        for index, one in _backwards(messages):
            if one["kind"] == near[1]:
                return _message(index, one)
    return None


def _backwards(told: Sequence[Json]) -> Iterator[tuple[int, Json]]:
    return ((index, told[index]) for index in range(len(told) - 1, -1, -1))


def _message(index: int, one: Json) -> Culprit:
    ends = (one["party"], "broker") if one["dir"] == "up" else ("broker", one["party"])
    number = f" #{one['number']}" if one["number"] else ""
    what = " ".join(filter(None, (one["kind"], one["label"])))
    return Culprit("messages", index, f"{ends[0]} → {ends[1]}{number} {what}: {one['summary']}")


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
