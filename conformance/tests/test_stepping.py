from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from conftest import pair_case

from parley_conformance import stepping
from parley_conformance.adapter import Refused
from parley_conformance.journal import Journal
from parley_conformance.model import Failed, Inconclusive, Step, Unsupported, Verdict

CASE = pair_case(steps=[{"fence": True}, {"heal": "cut"}, {"fence": True}])


async def played(error: Exception) -> tuple[list[Step], Exception]:
    steps: list[Step] = []

    async def perform(step: Mapping[str, Any]) -> None:
        if "heal" in step:
            raise error

    with pytest.raises(Exception) as raised:  # noqa: PT011  # which one is the subject
        await stepping.play(CASE, Journal(), steps, perform)
    return steps, raised.value  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("error", "verdict", "kind", "text"),
    [
        (Failed("bad", rule="RPC-1", party="handler"), Verdict.FAIL, Failed, "step 2: bad"),
        (Refused("register", "X", "no"), Verdict.FAIL, Failed, "step 2: register was refused: X: no"),
        (Inconclusive("late", lag=False), Verdict.INCONCLUSIVE, Inconclusive, "step 2: late"),
        (Unsupported("lacks it"), Verdict.UNSUPPORTED, Unsupported, "lacks it"),
        (KeyError("cut"), Verdict.HARNESS_ERROR, KeyError, "'cut'"),
    ],
)
async def test_the_first_step_that_does_not_end_well_is_the_last(
    error: Exception, verdict: Verdict, kind: type[Exception], text: str
) -> None:
    steps, raised = await played(error)
    assert [(step.number, step.text, step.verdict) for step in steps] == [
        (1, "{fence: true}", Verdict.PASS),
        (2, "{heal: cut}", verdict),
    ]
    assert steps[0].at_ms <= steps[1].at_ms
    assert (type(raised), str(raised)) == (kind, text)


async def test_what_is_known_of_a_failure_is_kept() -> None:
    _, failed = await played(Failed("bad", rule="RPC-1", party="handler"))
    assert isinstance(failed, Failed)
    assert (failed.rule, failed.party) == ("RPC-1", "handler")
    _, inconclusive = await played(Inconclusive("late", lag=False))
    assert isinstance(inconclusive, Inconclusive)
    assert not inconclusive.lag


async def test_all_steps_that_end_well() -> None:
    steps: list[Step] = []

    async def perform(step: Mapping[str, Any]) -> None:
        pass

    await stepping.play(CASE, Journal(), steps, perform)
    assert [step.verdict for step in steps] == [Verdict.PASS] * 3
