from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import pytest

from parley_conformance import blame, wire
from parley_conformance.blame import Blame, of_different, of_missing, of_see
from parley_conformance.faults import Fault
from parley_conformance.labels import Labels
from parley_conformance.model import Kind
from parley_conformance.record import Record, Said
from parley_conformance.relay import DOWN, UP

PROBE = {"type": "probe_v1", "data": '{"label": "c1"}'}
OTHER = {"type": "probe_v1", "data": '{"label": "c1", "value": 7}'}
Line = tuple[str, str, dict[str, Any]]
ASKED: Line = ("caller", UP, {"id": 1, "request": {"target": "a/k", "envelope": PROBE}})
SENT: Line = ("handler", DOWN, {"id": 9, "request": {"target": "a/k", "envelope": PROBE}})
REPLIED: Line = ("handler", UP, {"re": 9, "reply": {"envelope": PROBE}})
TOLD: Line = ("caller", DOWN, {"re": 1, "reply": {"envelope": PROBE}})
PUBLISHED: Line = ("caller", UP, {"id": 2, "publish": {"topic": "t/k", "envelope": PROBE}})
DELIVERED: Line = ("handler", DOWN, {"delivery": {"recipient": "a/k", "position": 1, "envelope": PROBE}})
CANCEL: Line = ("caller", UP, {"cancel": {"request_id": 1}})
PASSED_ON: Line = ("handler", DOWN, {"cancel": {"request_id": 9}})


def error(party: str, way: str, re: int, reason: str) -> Line:
    return party, way, {"re": re, "error": {"reason": reason, "message": "no"}}


def record(*lines: Line) -> Record:
    labels: defaultdict[str, Labels] = defaultdict(Labels)
    made = Record()
    for at, (party, way, plain) in enumerate(lines):
        message = wire.message(plain)
        made.went.append(Said(at, party, 1, way, at, False, labels[party].of(way, message), message))
    return made


@pytest.mark.parametrize(
    ("lines", "kind", "party", "blamed"),
    [
        ((ASKED, SENT), "enter", "handler", "handler"),
        ((PUBLISHED, DELIVERED), "enter", "handler", "handler"),
        ((ASKED,), "enter", "handler", "broker"),
        ((PUBLISHED,), "enter", "handler", "broker"),
        ((ASKED, error("caller", DOWN, 1, "NOT_FOUND")), "enter", "handler", ""),
        ((), "enter", "handler", ""),
        ((ASKED, SENT, CANCEL, PASSED_ON), "cancelled", "handler", "handler"),
        ((ASKED, SENT, CANCEL), "cancelled", "handler", "broker"),
        ((ASKED, SENT), "cancelled", "handler", ""),
        ((ASKED, SENT, REPLIED, TOLD), "outcome", "caller", "caller"),
        ((ASKED, SENT, REPLIED), "outcome", "caller", "broker"),
        ((ASKED, SENT), "outcome", "caller", "handler"),
        ((ASKED,), "outcome", "caller", "broker"),
        ((), "outcome", "caller", "caller"),
        ((ASKED, SENT, REPLIED, TOLD), "session", "caller", "caller"),
    ],
)
def test_who_had_it_last(lines: tuple[Line, ...], kind: str, party: str, blamed: str) -> None:
    assert of_missing(record(*lines), party, kind, "c1").party == blamed


def test_why_is_told() -> None:
    assert of_missing(record(PUBLISHED), "handler", "enter", "c1") == Blame(
        "broker", "the broker got publish c1 from caller, and sent handler nothing of it"
    )


def test_messages_of_others_are_nobodys_business() -> None:
    assert of_missing(record(ASKED, SENT), "handler", "enter", "c2") == Blame()


@pytest.mark.parametrize(
    ("lines", "seen", "blamed"),
    [
        ((), {"reason": "TIMEOUT"}, "caller"),
        ((error("caller", DOWN, 1, "CANCELLED"),), {"reason": "INTERNAL"}, "caller"),
        (
            (SENT, error("handler", UP, 9, "INTERNAL"), error("caller", DOWN, 1, "INTERNAL")),
            {"reason": "INTERNAL"},
            "handler",
        ),
        (
            (SENT, error("handler", UP, 9, "CANCELLED"), error("caller", DOWN, 1, "INTERNAL")),
            {"reason": "INTERNAL"},
            "broker",
        ),
        ((error("caller", DOWN, 1, "INTERNAL"),), {"reason": "INTERNAL"}, "broker"),
        ((SENT, REPLIED, ("caller", DOWN, {"re": 1, "reply": {"envelope": OTHER}})), None, "broker"),
        ((SENT, REPLIED, TOLD), None, ""),
        ((TOLD,), None, "broker"),
    ],
)
def test_who_made_it_wrong(lines: tuple[Line, ...], seen: dict[str, Any] | None, blamed: str) -> None:
    assert of_different(record(ASKED, *lines), "caller", "c1", {"error": seen}).party == blamed


def test_a_step_is_judged_by_the_first_of_it_that_did_not_come() -> None:
    told = [{"obs": "enter", "label": "c1"}]

    def seen(party: str, kind: str, members: Mapping[str, Any]) -> list[dict[str, Any]]:
        return [one for one in told if one["obs"] == kind and members.items() <= one.items()]

    step = {"handler": [{"enter": {"label": "c1"}}, {"cancelled": {"label": "c1"}}]}
    found = of_see(record(ASKED, SENT, CANCEL), step, seen)
    assert found is not None
    assert found.party == "broker"
    assert of_see(record(ASKED), {"handler": {"enter": {"label": "c1"}}}, seen) is None
    assert of_see(record(ASKED), {"handler": {"session": {"state": "lost"}}}, seen) is None
    assert of_see(Record(), step, seen) is None
    told.append({"obs": "outcome", "label": "c1", "error": {"reason": "INTERNAL"}})
    found = of_see(record(ASKED), {"caller": {"outcome": {"label": "c1", "reply": {}}}}, seen)
    assert found == Blame("caller", "caller was told nothing of c1")


def test_where_all_others_are_the_kits_own_there_is_one_to_blame() -> None:
    assert [blame.alone(kind) for kind in (Kind.BROKER, Kind.SDK, Kind.PAIR)] == ["broker", "client", ""]


def test_nobody_is_blamed_for_what_the_case_did() -> None:
    made = record(ASKED)
    made.faults["drop"] = Fault("drop", "handler", "drop")
    assert of_missing(made, "handler", "enter", "c1") == Blame()
    assert of_different(made, "caller", "c1", {"error": {"reason": "X"}}) == Blame()
