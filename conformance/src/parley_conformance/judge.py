"""What must hold after every pair case, whatever it was about: judged on the observations alone.

Pure: plain values in, broken rules out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

_PROBE_RESULTS = frozenset({"ProbeReply", "ProbeRefused", "ProbeStranger"})


@dataclass(frozen=True)
class Story:
    """What one party was told to do, and what it saw.

    Attributes:
        party: Its name in the case.
        content: `json` or `protobuf`.
        killed: The case killed it: what it had begun need not end.
        called: Labels of the calls and publishes that the kit commanded it to make.
        observations: In the order made; each has `obs`.
    """

    party: str
    content: str
    killed: bool
    called: tuple[str, ...]
    observations: tuple[Mapping[str, Any], ...] = field(default=())


@dataclass(frozen=True)
class Broken:
    """A rule that the observations break, and where."""

    rule: str
    party: str
    text: str


def judge(stories: Iterable[Story], *, unfinished: Iterable[str] = (), repeats: bool = False) -> list[Broken]:
    """Lists what is broken.

    Args:
        stories: One per party.
        unfinished: Labels whose handlers need not end.
        repeats: Events may come again with the same attempt: a session was lost, or the broker was started again.
    """
    told = list(stories)
    found: list[Broken] = []
    for story in told:
        found += _one_outcome(story, repeats=repeats)
        found += _own_reply(story)
        found += _handlers(story, frozenset(unfinished))
    found += _once(told, repeats=repeats)
    found += _contents(told)
    return found


def _one_outcome(story: Story, *, repeats: bool) -> Iterator[Broken]:
    outcomes = Counter(o["label"] for o in story.observations if o["obs"] == "outcome")
    for label in story.called:
        if not outcomes[label] and not story.killed:
            yield Broken("RPC-1", story.party, f"{label} has no outcome")
    # What a handler sends it sends again when it runs again.
    again = repeats or any(o["obs"] == "enter" and o["attempt"] > 1 for o in story.observations)
    for label, number in outcomes.items():
        if number > 1 and (label in story.called or not again):
            yield Broken("RPC-1", story.party, f"{label} has {number} outcomes")


def _own_reply(story: Story) -> Iterator[Broken]:
    for one in story.observations:
        reply = one.get("reply") if one["obs"] == "outcome" else None
        if reply is None or reply["type"].rpartition(".")[2] not in _PROBE_RESULTS:
            continue
        answered = reply["value"].get("label")
        if answered != one["label"]:
            yield Broken("RPC-2", story.party, f"{one['label']} got the reply to {answered}")


def _handlers(story: Story, unfinished: frozenset[str]) -> Iterator[Broken]:
    running: Counter[tuple[str, str]] = Counter()
    for one in story.observations:
        key = (one.get("label", ""), one.get("agent", ""))
        if one["obs"] == "enter":
            running[key] += 1
        elif one["obs"] == "leave":
            running[key] -= 1
            if running[key] < 0:
                yield Broken("RPC-1", story.party, f"a handler of {key[1]} left {key[0]} that it had not entered")
    for (label, agent), number in running.items():
        if number > 0 and label not in unfinished and not story.killed:
            yield Broken("RPC-11", story.party, f"the handler of {agent} never left {label}")


def _once(stories: Iterable[Story], *, repeats: bool) -> Iterator[Broken]:
    calls: Counter[str] = Counter()
    events: Counter[tuple[str, str]] = Counter()
    for story in stories:
        for one in story.observations:
            if one["obs"] != "enter" or not one["label"] or one["attempt"] > 1:
                continue
            if one["kind"] == "rpc":
                calls[one["label"]] += 1
            else:
                events[one["label"], one["agent"]] += 1
    for label, number in calls.items():
        if number > 1:
            yield Broken("RPC-1", "", f"{label} was run {number} times")
    for (label, agent), number in events.items():
        if number > 1 and not repeats:
            yield Broken("DLV-11", "", f"{agent} got {label} {number} times")


def _contents(stories: Iterable[Story]) -> Iterator[Broken]:
    told = list(stories)
    sender = {label: story.content for story in told for label in story.called}
    for story in told:
        for one in story.observations:
            if one["obs"] == "enter" and (sent := sender.get(one["label"])) and sent != one["content_type"]:
                came = one["content_type"]
                yield Broken("MSG-6", story.party, f"{one['label']} was sent as {sent} and came as {came}")
