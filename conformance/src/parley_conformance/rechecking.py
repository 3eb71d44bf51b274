"""Judges stored histories again, and says plainly what no history can show.

Pure: what a file has in, a verdict with its reasons out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from parley_conformance import verdict
from parley_conformance.history_file import Stored
from parley_conformance.model import Kind, Result, Verdict
from parley_conformance.spec import Flags


@dataclass(frozen=True)
class Rechecked:
    """What a history is worth, judged again.

    Attributes:
        before: As the run ended.
        now: As it is judged from the history; what only the run could show stands.
        stands: What was not judged again, one text each.
    """

    before: Result
    now: Result
    stands: tuple[str, ...]

    @property
    def same(self) -> bool:
        """True if the verdict is the one that the run had, for the same rule."""
        return (self.before.verdict, self.before.rule) == (self.now.verdict, self.now.rule)


def recheck(stored: Stored, reasons: Mapping[str, Flags]) -> Rechecked:
    """Judges one history with the code that judges runs.

    Args:
        stored: As read.
        reasons: The flags of each error reason, from SPEC.md.
    """
    before, history = stored.result, stored.history
    # A baseline says what is expected of a run, not what is in its history.
    verdict_before = Verdict.FAIL if before.verdict is Verdict.EXPECTED_FAIL else before.verdict
    now = replace(before, verdict=verdict_before)
    if "observations" in stored.cut:
        history = replace(history, observations=(), parties={})
    if "messages" in stored.cut and not history.tape:
        history = replace(history, record=replace(history.record, came=[], went=[]))
    if broken := verdict.judge_run(history, reasons):
        failed = verdict.failed(broken)
        now = replace(now, verdict=Verdict.FAIL, reason=str(failed), rule=failed.rule, party=failed.party, judged=True)
    elif before.judged:
        text = "as it is judged now, nothing in its history breaks a rule"
        now = replace(now, verdict=Verdict.PASS, reason=text, rule="", party="")
    if stored.cut and now.verdict is Verdict.PASS:
        left_out = " and ".join(f"{number} {what}" for what, number in stored.cut.items())
        text = f"the history is cut: {left_out} are not in it, so a pass cannot be judged again"
        now = replace(now, verdict=Verdict.INCONCLUSIVE, reason=text)
    return Rechecked(before, now, tuple(_stands(stored)))


def _stands(stored: Stored) -> Iterator[str]:
    case, history = stored.history.run.case, stored.history
    if case.workload:
        yield f"what the workload {case.workload!r} expected while it ran"
    elif case.steps:
        yield f"what its {len(case.steps)} steps expected while they ran, and how long things took"
    if case.never and case.kind is Kind.BROKER:
        yield "what must never come: the peers' inboxes are not in the history"
    yield "that all processes lived, and the proof at the end that they still worked"
    if case.kind is Kind.PAIR and not history.record.came and "messages" not in stored.cut:
        yield "messages: nothing went by at a recorder"
    elif case.kind is Kind.PAIR and history.end is None:
        yield "that no event was lost: what the broker held at the end is not known"
    for what, number in stored.cut.items():
        yield f"{number} {what} that found no room in the file"
