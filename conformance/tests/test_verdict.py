from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from conftest import broker_case, contract, pair_case
from stories import HANDLER, pair_history, said

from parley_conformance import verdict, wire
from parley_conformance.history import End
from parley_conformance.judge import Broken
from parley_conformance.model import Kind, Run
from parley_conformance.record import Record
from parley_conformance.relay import DOWN
from parley_conformance.run_history import RunHistory
from parley_conformance.tape import Tape
from parley_wire.v1 import broker_service_pb2 as pb

REASONS = contract().reasons


def rules(history: RunHistory) -> list[str]:
    return [one.rule for one in verdict.judge_run(history, REASONS)]


def test_what_went_well_breaks_nothing() -> None:
    assert verdict.judge_run(pair_history(), REASONS) == []


def without(kind: str, party: str) -> RunHistory:
    history = pair_history()
    left = [one for one in history.record.came if (one.kind, one.party) != (kind, party)]
    assert len(left) == len(history.record.came) - 1
    return replace(history, record=Record(left, list(left)))


def test_messages_and_observations_are_held_against_each_other() -> None:
    found = verdict.judge_run(without("reply", "caller"), REASONS)
    assert [(one.rule, one.party) for one in found] == [("RPC-1", "caller")]
    assert found[0].text == "c1 has a reply as its outcome, and none was said to caller"


def test_a_lost_acknowledgement_is_a_lost_event() -> None:
    assert "PUB-1" in rules(without("ack", "handler"))


def test_a_delivery_twice() -> None:
    doubled = said("handler", [*HANDLER[:4], HANDLER[3], *HANDLER[4:]])
    history = pair_history(record=Record(doubled, doubled), observations=(), parties={})
    assert rules(history) == ["DLV-11"]


def test_calls_that_are_left_count_unless_a_party_was_killed() -> None:
    assert rules(pair_history(end=End(calls=1))) == ["FLOW-7"]
    parties = {name: replace(one, killed=name == "handler") for name, one in pair_history().parties.items()}
    assert rules(pair_history(end=End(calls=1), parties=parties)) == []


@pytest.mark.parametrize(("never_from", "expected"), [(None, []), (0, []), (4, ["RPC-1"])])
def test_never_is_judged_up_to_where_the_case_judged_it(never_from: int | None, expected: list[str]) -> None:
    run = Run(pair_case(never=[{"handler": {"leave": {"label": "e1"}}}]), "python", "dotnet", "json")
    parties = {**pair_history().parties}
    parties["handler"] = replace(parties["handler"], never_from=never_from)
    found = verdict.judge_run(pair_history(run=run, parties=parties), REASONS)
    assert len(found) == len(expected)
    assert all("must never be" in one.text for one in found)


def scripted(kind: Kind, *entries: tuple[str, tuple[int, ...], dict[str, Any] | None]) -> RunHistory:
    tape = Tape()
    for op, values, plain in entries:
        frame = pb.Frame(first_seq=5, messages=[wire.message(plain)]) if plain else None
        tape.note("a", 1, op, *values, frame=frame)
    case = broker_case() if kind is Kind.BROKER else pair_case(kind=kind)
    return RunHistory(Run(case), tape=tape.entries)


def test_scripted_parties_are_judged_by_their_tape() -> None:
    assert rules(scripted(Kind.BROKER, ("begin", (0, 0), None), ("read", (), {"drain": {}}))) == ["SES-7"]
    assert rules(scripted(Kind.SDK, ("session", (1, 1), None), ("read", (), {"drain": {}}))) == ["SES-7"]


def test_the_first_broken_rule_is_the_failure() -> None:
    failed = verdict.failed([Broken("RPC-1", "caller", "bad"), Broken("RPC-2", "", "worse")])
    assert (str(failed), failed.rule, failed.party, failed.judged) == (
        "caller: bad (and 1 more)",
        "RPC-1",
        "caller",
        True,
    )
    assert str(verdict.failed([Broken("RPC-2", "", "worse")])) == "worse"


def test_what_the_broker_said_counts_as_it_came() -> None:
    history = pair_history()
    came = [one for one in history.record.came if not (one.kind == "reply" and one.direction == DOWN)]
    # The reply came, and a fault took it out: nobody can say that it was made up, and the caller got none.
    assert rules(replace(history, record=Record(history.record.came, came))) == ["RPC-1"]
