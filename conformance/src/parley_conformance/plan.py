"""The plan: cases times their axes, and which of them a filter leaves."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from parley_conformance.model import Case, Kind, Run


@dataclass(frozen=True)
class Filter:
    """What to run; what is empty does not restrict. Within one member any value suffices, all members must fit."""

    cases: Sequence[str] = ()
    families: Collection[str] = ()
    pairs: Collection[str] = ()
    contents: Collection[str] = ()
    kinds: Collection[str] = ()
    rules: Collection[str] = ()

    def takes(self, run: Run) -> bool:
        """True if the run is to be part of the plan. `cases` are globs over case ids or names of runs."""
        case = run.case
        return (
            (not self.cases or any(_fits(pattern, run) for pattern in self.cases))
            and (not self.families or case.family in self.families)
            and (not self.pairs or (case.kind is Kind.PAIR and f"{run.caller}-{run.handler}" in self.pairs))
            and (not self.contents or run.content in self.contents)
            and (not self.kinds or case.kind in self.kinds)
            and (not self.rules or any(rule in self.rules for rule in case.covers))
        )


def make(cases: Iterable[Case], languages: Sequence[str], wanted: Filter) -> list[Run]:
    """Lists the runs, in a stable order.

    Args:
        cases: As the suites have them.
        languages: The adapters that there are or should be; every ordered pair of them is one.
        wanted: Which to take.
    """
    runs: list[Run] = []
    for case in cases:
        if case.kind is Kind.BROKER:
            runs.append(Run(case))
            continue
        if case.kind is Kind.SDK:
            runs += [Run(case, handler=language) for language in languages]
            continue
        for caller in languages:
            for handler in languages:
                runs += [Run(case, caller, handler, content) for content in case.contents]
    return [run for run in runs if wanted.takes(run)]


def _fits(pattern: str, run: Run) -> bool:
    # Brackets of a run's name are no character class.
    return fnmatchcase(run.case.id, pattern) or run.name == pattern
