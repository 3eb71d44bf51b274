from __future__ import annotations

from typing import Any

import pytest
from conftest import broker_case

from parley_conformance.model import Result, Run, Verdict
from parley_conformance.mutation.catalogue import Check, Mutant
from parley_conformance.mutation.kills import Fate, Kill, Played, biting, controls, judge, toothless
from parley_conformance.spec import Rule

CASE = broker_case(covers=("RPC-1", "RPC-2"))
RUN = Run(CASE)
CHECK = Check("RPC-2", RUN, "the signature")
MUTANT = Mutant("a_bug", "broker", "It is wrong.", "rpc", (CHECK,))
PASSED = Result(RUN, Verdict.PASS)


def failed(**members: Any) -> Result:
    return Result(RUN, **{"verdict": Verdict.FAIL, "reason": "here is the signature", "rule": "RPC-2", **members})


def kill(result: Result, *, reached: bool = True, control: Result = PASSED) -> Kill:
    return judge(MUTANT, CHECK, Played(result, reached), control)


@pytest.mark.parametrize("rule", ["RPC-2", ""])
def test_a_failure_of_the_check_with_its_signature_is_a_kill(rule: str) -> None:
    assert kill(failed(rule=rule)).fate is Fate.KILLED


@pytest.mark.parametrize(
    ("result", "reached", "control", "fate", "why"),
    [
        (PASSED, True, PASSED, Fate.SURVIVED, "the run is pass"),
        (failed(verdict=Verdict.HARNESS_ERROR), True, PASSED, Fate.SURVIVED, "the run is harness-error"),
        (failed(verdict=Verdict.UNSUPPORTED), True, PASSED, Fate.SURVIVED, "the run is unsupported"),
        (failed(rule="RPC-1"), True, PASSED, Fate.SURVIVED, "it failed by RPC-1"),
        (failed(reason="something else"), True, PASSED, Fate.SURVIVED, "but not with 'the signature': something else"),
        (failed(), False, PASSED, Fate.UNREACHED, "the bug was never reached"),
        (PASSED, False, PASSED, Fate.UNREACHED, "the bug was never reached"),
        (failed(), True, failed(), Fate.NO_CONTROL, "the unbroken run is fail: here is"),
        (failed(verdict=Verdict.NOT_RUN), False, PASSED, Fate.NOT_RUN, "here is the signature"),
    ],
)
def test_all_else_is_none(result: Result, reached: bool, control: Result, fate: Fate, why: str) -> None:
    judged = kill(result, reached=reached, control=control)
    assert judged.fate is fate
    assert why in judged.why


def test_what_names_no_rule_fails_in_all_checks_of_its_case() -> None:
    assert biting([kill(failed())]) == {"rpc/made-up#RPC-2": ["a_bug"]}
    both = {"rpc/made-up#RPC-1": ["a_bug"], "rpc/made-up#RPC-2": ["a_bug"]}
    assert biting([kill(failed(rule="")), kill(failed())]) == both
    assert biting([kill(PASSED)]) == {}


def test_checks_that_caught_nothing() -> None:
    rules = {
        "RPC-1": Rule("RPC-1", "MUST", "core", "both", ""),
        "RPC-2": Rule("RPC-2", "MUST", "core", "both", ""),
        "MSG-8": Rule("MSG-8", "SHOULD", "core", "both", ""),
        "TRC-1": Rule("TRC-1", "MUST", "tracing", "both", ""),
    }
    cases = [broker_case(covers=("RPC-1", "RPC-2", "MSG-8", "TRC-1")), broker_case(id="rpc/may", level="MAY")]
    assert toothless(cases, rules, {"rpc/made-up#RPC-1": []}, ["core"]) == ["rpc/made-up#RPC-2"]


def test_each_run_is_controlled_once() -> None:
    assert controls([MUTANT, MUTANT]) == [RUN]
