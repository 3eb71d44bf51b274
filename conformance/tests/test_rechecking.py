from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from conftest import broker_case, contract
from stories import pair_history

from parley_conformance import rechecking
from parley_conformance.history_file import Played, Stored
from parley_conformance.model import Result, Run, Verdict
from parley_conformance.rechecking import Rechecked
from parley_conformance.record import Record
from parley_conformance.run_history import RunHistory


def rechecked(
    history: RunHistory | None = None,
    verdict: Verdict = Verdict.PASS,
    cut: dict[str, int] | None = None,
    **more: Any,
) -> Rechecked:
    history = history or pair_history()
    stored = Stored(history, Result(history.run, verdict, **more), Played(), cut or {})
    return rechecking.recheck(stored, contract().reasons)


def broken() -> RunHistory:
    return pair_history(observations=pair_history().observations[:2])


def test_a_pass_is_a_pass() -> None:
    told = rechecked()
    assert (told.now.verdict, told.same) == (Verdict.PASS, True)
    assert told.stands == (
        "what its 2 steps expected while they ran, and how long things took",
        "that all processes lived, and the proof at the end that they still worked",
    )


def test_what_the_history_breaks_fails_whatever_it_was() -> None:
    for before in (Verdict.PASS, Verdict.INCONCLUSIVE, Verdict.HARNESS_ERROR):
        told = rechecked(broken(), before)
        assert (told.now.verdict, told.now.rule, told.now.party, told.same) == (Verdict.FAIL, "RPC-1", "caller", False)
        assert told.now.reason == "caller: c1 has no outcome (and 1 more)"


def test_a_failure_that_its_history_showed_is_judged_anew() -> None:
    told = rechecked(verdict=Verdict.FAIL, reason="bad", rule="RPC-1", judged=True)
    assert (told.now.verdict, told.now.rule, told.same) == (Verdict.PASS, "", False)


@pytest.mark.parametrize("verdict", [Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.UNSUPPORTED])
def test_what_only_the_run_could_show_stands(verdict: Verdict) -> None:
    told = rechecked(verdict=verdict, reason="step 2: it did not come", rule="RPC-1")
    assert (told.now.verdict, told.now.reason, told.same) == (verdict, "step 2: it did not come", True)


def test_what_was_expected_to_fail_is_a_failure() -> None:
    assert rechecked(verdict=Verdict.EXPECTED_FAIL, rule="RPC-1").now.verdict is Verdict.FAIL


def test_a_cut_history_cannot_pass_and_does_not_fail_for_what_was_cut() -> None:
    history = replace(broken(), record=Record())
    told = rechecked(history, cut={"observations": 4, "messages": 2})
    assert told.now.verdict is Verdict.INCONCLUSIVE
    assert told.now.reason.startswith("the history is cut: 4 observations and 2 messages are not in it")
    assert "4 observations that found no room in the file" in told.stands
    assert rechecked(broken(), Verdict.FAIL, {"observations": 4}, reason="bad").now.verdict is Verdict.FAIL


def test_what_no_history_shows_is_said() -> None:
    assert rechecked(pair_history(record=Record())).stands[-1] == "messages: nothing went by at a recorder"
    assert "what the broker held at the end is not known" in rechecked(pair_history(end=None)).stands[-1]
    peers = RunHistory(Run(broker_case(workload="storm", never=[{"a": {"drain": {}}}])))
    first, never, _ = rechecked(peers).stands
    assert first == "what the workload 'storm' expected while it ran"
    assert never.startswith("what must never come")
