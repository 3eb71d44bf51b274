from __future__ import annotations

from dataclasses import replace

import pytest
from conftest import pair_case

from parley_conformance import exitcode
from parley_conformance.model import Result, Run, Verdict


def result(verdict: Verdict, level: str = "MUST") -> Result:
    return Result(Run(pair_case(level=level), "python", "dotnet", "json"), verdict, "because")


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [
        ([], 2),
        ([Verdict.PASS], 0),
        ([Verdict.PASS, Verdict.NOT_RUN], 0),
        ([Verdict.PASS, Verdict.FAIL], 1),
        ([Verdict.FAIL, Verdict.HARNESS_ERROR, Verdict.INCONCLUSIVE], 1),
        ([Verdict.UNSUPPORTED], 1),
        ([Verdict.PASS, Verdict.HARNESS_ERROR, Verdict.INCONCLUSIVE], 2),
        ([Verdict.PASS, Verdict.INCONCLUSIVE], 3),
        ([Verdict.PASS, Verdict.EXPECTED_FAIL], 0),
    ],
)
def test_codes(verdicts: list[Verdict], code: int) -> None:
    assert exitcode.of([result(v) for v in verdicts]) == code


def test_an_unsupported_may_is_no_failure() -> None:
    assert exitcode.of([result(Verdict.UNSUPPORTED, "MAY"), result(Verdict.PASS)]) == 0


def test_a_required_language_that_was_left_out_is_a_harness_error() -> None:
    told = [result(Verdict.PASS), result(Verdict.NOT_RUN)]
    assert exitcode.of(told, ["dotnet"]) == 2
    assert exitcode.of(told, ["rust"]) == 0


def test_what_a_bare_address_cannot_do_is_no_failure() -> None:
    excused = Result(Run(pair_case(), "python", "python", "json"), Verdict.UNSUPPORTED, "only an address", excused=True)
    assert exitcode.of([excused, result(Verdict.PASS)]) == 0


def test_what_an_interrupt_left_out_is_a_harness_error() -> None:
    left_out = replace(result(Verdict.NOT_RUN), interrupted=True)
    assert exitcode.of([result(Verdict.PASS), left_out]) == 2
    assert exitcode.of([result(Verdict.FAIL), left_out]) == 1


def test_a_baseline_that_is_wrong_fails() -> None:
    assert exitcode.of([result(Verdict.PASS)], wrong_baseline=True) == 1
