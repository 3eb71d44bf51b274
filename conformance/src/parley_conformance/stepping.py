"""Plays the steps of a case, of every kind, and notes how each of them ended."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from typing import Any

from parley_conformance.adapter import Refused
from parley_conformance.explain import step_text
from parley_conformance.journal import Journal
from parley_conformance.model import Case, Failed, Inconclusive, Step, Unsupported, Verdict

Perform = Callable[[Mapping[str, Any]], Awaitable[None]]


async def play(case: Case, journal: Journal, played: list[Step], perform: Perform) -> None:
    """Plays the steps one after the other, until one does not end well.

    Args:
        case: With the steps.
        journal: For the time.
        played: Gets each step that was begun.
        perform: Does one step.

    Raises:
        Failed: A step failed, or an adapter refused it; the text has its number.
        Inconclusive: Nothing can be said of a step; so has this.
        Unsupported: A party lacks what the step needs.
    """
    for number, (step, text) in enumerate(zip(case.steps, _texts(case), strict=True), 1):
        at_ms, verdict = journal.elapsed_ms(), Verdict.HARNESS_ERROR
        try:
            await perform(step)
            verdict = Verdict.PASS
        except Failed as failed:
            verdict = Verdict.FAIL
            raise Failed(f"step {number}: {failed}", rule=failed.rule, party=failed.party) from None
        except Refused as refused:
            verdict = Verdict.FAIL
            raise Failed(f"step {number}: {refused}") from None
        except Inconclusive as inconclusive:
            verdict = Verdict.INCONCLUSIVE
            raise Inconclusive(f"step {number}: {inconclusive}", lag=inconclusive.lag) from None
        except Unsupported:
            verdict = Verdict.UNSUPPORTED
            raise
        finally:
            played.append(Step(number, text, at_ms, verdict))


@cache
def _texts(case: Case) -> tuple[str, ...]:
    # One case has many runs, and making these texts takes longer than most steps.
    return tuple(step_text(step) for step in case.steps)
