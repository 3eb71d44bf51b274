from __future__ import annotations

import pytest
from conftest import broker_case

from parley_conformance import checks
from parley_conformance.model import HarnessError, Result, Run, Verdict

RUN = Run(broker_case(id="rpc/a", covers=("RPC-1", "RPC-2")))


def verdicts(result: Result) -> dict[str, Verdict]:
    return {check.name: check.verdict for check in checks.of(result)}


@pytest.mark.parametrize("verdict", sorted(set(Verdict) - checks.BROKEN))
def test_all_checks_of_a_run_that_broke_no_rule_are_alike(verdict: Verdict) -> None:
    told = checks.of(Result(RUN, verdict, "why"))
    assert [(check.rule, check.verdict, check.reason) for check in told] == [
        ("RPC-1", verdict, "why"),
        ("RPC-2", verdict, "why"),
    ]


def test_the_rule_that_broke_fails_and_the_others_were_not_run() -> None:
    first, second = checks.of(Result(RUN, Verdict.FAIL, "wrong", "RPC-2"))
    assert (first.name, first.verdict) == ("rpc/a#RPC-1@broker", Verdict.NOT_RUN)
    assert first.reason == "the case ended early: RPC-2 was broken"
    assert (second.name, second.verdict, second.reason) == ("rpc/a#RPC-2@broker", Verdict.FAIL, "wrong")


def test_without_a_rule_all_fail() -> None:
    assert set(verdicts(Result(RUN, Verdict.FAIL, "wrong")).values()) == {Verdict.FAIL}


def test_a_rule_that_the_case_does_not_cover_is_one_more_check() -> None:
    told = verdicts(Result(RUN, Verdict.FAIL, "wrong", "SES-7"))
    assert told["rpc/a#SES-7@broker"] is Verdict.FAIL
    assert len(told) == 3


def test_what_is_expected_is_told_per_check() -> None:
    result = Result(RUN, Verdict.FAIL, "wrong", expected=frozenset({"rpc/a#RPC-1@broker"}))
    assert verdicts(result) == {"rpc/a#RPC-1@broker": Verdict.EXPECTED_FAIL, "rpc/a#RPC-2@broker": Verdict.FAIL}
    assert checks.failing(result) == ["rpc/a#RPC-1@broker", "rpc/a#RPC-2@broker"]


def test_what_is_planned_is_reported_once_and_nothing_else() -> None:
    result, other = Result(RUN, Verdict.PASS), Run(broker_case(id="rpc/b"))
    checks.all_reported([RUN], [result])
    with pytest.raises(HarnessError, match=r"planned and not reported: rpc/b\[broker\]"):
        checks.all_reported([RUN, other], [result])
    with pytest.raises(HarnessError, match=r"not planned: rpc/a\[broker\]"):
        checks.all_reported([RUN], [result, result])
