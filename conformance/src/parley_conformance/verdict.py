"""What the history of a run breaks: the one judgement of a run that has just ended and of one that was stored.

Pure: a history in, broken rules out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from parley_conformance import judge, matching, watching
from parley_conformance.history import judge_history
from parley_conformance.judge import Broken
from parley_conformance.model import Failed, Kind
from parley_conformance.relay import DOWN, UP
from parley_conformance.run_history import RunHistory
from parley_conformance.spec import Flags


def judge_run(history: RunHistory, reasons: Mapping[str, Flags]) -> list[Broken]:
    """Lists what is broken, what counts most first.

    Args:
        history: Whole, or as far as it was kept.
        reasons: The flags of each error reason, from SPEC.md.
    """
    if history.run.case.kind is Kind.BROKER:
        return watching.judge_peers(history.tape, reasons)
    watched = watching.judge_client(history.tape) if history.run.case.kind is Kind.SDK else []
    return [*watched, *by_observations(history), *by_messages(history)]


def by_observations(history: RunHistory) -> list[Broken]:
    """Lists what the adapters' observations break."""
    return [*_never(history), *judge.judge(history.stories(), repeats=history.disturbed)]


def by_messages(history: RunHistory) -> list[Broken]:
    """Lists what the messages at the recorder break, with what the broker held at the end."""
    if not history.record.came:
        return []
    found = [*_calls_left(history), *judge_history(history.record.heard_and_said(), history.end)]
    return [*found, *_made_up(history)]


def failed(broken: Sequence[Broken]) -> Failed:
    """The failure that a run with these broken rules ends with: the first one counts."""
    first = broken[0]
    more = f" (and {len(broken) - 1} more)" if len(broken) > 1 else ""
    text = f"{first.party}: {first.text}{more}".removeprefix(": ")
    return Failed(text, rule=first.rule, party=first.party, judged=True)


def _calls_left(history: RunHistory) -> Iterator[Broken]:
    # Calls of a party that was killed end with its session, after its grace.
    calls = history.end.calls if history.end is not None else 0
    if calls and not any(party.killed for party in history.parties.values()):
        yield Broken("FLOW-7", "broker", f"all calls have outcomes, and the broker holds {calls} calls")


def _made_up(history: RunHistory) -> Iterator[Broken]:
    # What a caller is given as the reply has come to it: the outcome is read after the message went by.
    asked = {(one.party, one.label) for one in history.record.came if one.kind == "request" and one.direction == UP}
    replied = {(one.party, one.label) for one in history.record.went if one.kind == "reply" and one.direction == DOWN}
    for party, one in history.observations:
        key = (party, one.label)
        if one.kind == "outcome" and one.fields.get("reply") is not None and key in asked and key not in replied:
            yield Broken("RPC-1", party, f"{one.label} has a reply as its outcome, and none was said to {party}")


def _never(history: RunHistory) -> Iterator[Broken]:
    for expectation in history.run.case.never:
        ((name, kinds),) = expectation.items()
        ((kind, unwanted),) = kinds.items()
        party = history.parties.get(name)
        if party is None or party.never_from is None:
            continue
        for one in history.seen(name)[: party.never_from]:
            if one["obs"] == kind and matching.matches(unwanted, one):
                yield Broken("", name, f"{name} saw {dict(one)!r}, which must never be")
