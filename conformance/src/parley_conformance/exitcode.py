"""The exit code of a run of the kit."""

from __future__ import annotations

from collections.abc import Iterable

from parley_conformance.model import Result, Verdict

CONFORMS = 0
FAILS = 1
HARNESS_ERROR = 2
INCONCLUSIVE = 3


def of(results: Iterable[Result], required: Iterable[str] = (), *, wrong_baseline: bool = False) -> int:
    """What the process exits with.

    A failure beats a harness error, which beats what is inconclusive. A MUST that is unsupported is a failure, unless
    that is due to how the kit was called; so is a baseline that says what is not so. What is expected to fail is none.
    No results at all are a harness error, as is a run that was left out for lack of a required language, or because
    the kit was interrupted.

    Args:
        results: Of all planned runs.
        required: Languages that must have taken part.
        wrong_baseline: A baseline has an entry that is stale or matches nothing.
    """
    told = list(results)
    if not told:
        return HARNESS_ERROR
    verdicts = {result.verdict for result in told}
    if wrong_baseline or Verdict.FAIL in verdicts or any(_lacks_a_must(result) for result in told):
        return FAILS
    needed = set(required)
    left_out = any(r.verdict is Verdict.NOT_RUN and needed & set(r.run.languages) for r in told)
    if Verdict.HARNESS_ERROR in verdicts or left_out or any(result.interrupted for result in told):
        return HARNESS_ERROR
    return INCONCLUSIVE if Verdict.INCONCLUSIVE in verdicts else CONFORMS


def _lacks_a_must(result: Result) -> bool:
    return result.verdict is Verdict.UNSUPPORTED and result.run.case.level == "MUST" and not result.excused
