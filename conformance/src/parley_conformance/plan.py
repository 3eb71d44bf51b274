"""The plan: cases times their axes, and which of them a filter leaves."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from parley_conformance import profiles
from parley_conformance.model import Case, Kind, Run


@dataclass(frozen=True)
class Filter:
    """What to run; what is empty does not restrict.

    Within one member any value suffices, and all members must fit; but a case is taken only if all its profiles are.
    """

    cases: Sequence[str] = ()
    families: Collection[str] = ()
    pairs: Collection[str] = ()
    contents: Collection[str] = ()
    kinds: Collection[str] = ()
    rules: Collection[str] = ()
    levels: Collection[str] = ()
    profiles: Collection[str] = ()

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
            and (not self.levels or case.level in self.levels)
            and (not self.profiles or set(profiles.current().of(case)) <= set(self.profiles))
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


@dataclass(frozen=True)
class Part:
    """One of several shares of a plan, e.g. the first of four; all of them together are the plan."""

    number: int = 1
    of: int = 1

    @classmethod
    def read(cls, text: str) -> Part:
        """Takes `1/4` as a user writes it.

        Raises:
            ValueError: Not of that form, or there is no such part.
        """
        found = re.fullmatch(r"(\d+)/(\d+)", text)
        if found is None or not 1 <= int(found[1]) <= int(found[2]):
            raise ValueError(f"{text!r}: a part is written as NUMBER/OF, e.g. 1/4 to 4/4")
        return cls(int(found[1]), int(found[2]))

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"

    def take(self, runs: Sequence[Run]) -> list[Run]:
        """The runs of this part, in the plan's order.

        Each lane and family is dealt out evenly; who gets which run depends on nothing but the names of the runs.
        """
        dealt = sorted(runs, key=lambda run: (run.case.lane, run.case.family, _shuffled(run.name)))
        mine = set(dealt[self.number - 1 :: self.of])
        return [run for run in runs if run in mine]


def _shuffled(name: str) -> bytes:
    # Else the axes of a case with as many runs as there are parts would always fall into the same ones.
    return hashlib.sha256(name.encode()).digest()


def _fits(pattern: str, run: Run) -> bool:
    # Brackets of a run's name are no character class.
    return fnmatchcase(run.case.id, pattern) or run.name == pattern
