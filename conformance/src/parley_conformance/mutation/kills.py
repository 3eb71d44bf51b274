"""What counts as a kill, and which checks have none. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from parley_conformance.model import Case, Result, Run, Verdict
from parley_conformance.mutation.catalogue import Check, Mutant
from parley_conformance.spec import Rule


class Fate(StrEnum):
    """What became of a mutant at one check."""

    KILLED = "killed"
    SURVIVED = "survived"
    UNREACHED = "unreached"
    NO_CONTROL = "no-control"
    NOT_RUN = "not-run"


@dataclass(frozen=True)
class Played:
    """A run of a mutant: its result, whether the bug was reached, and how often it was played so far."""

    result: Result
    reached: bool
    tries: int = 1


@dataclass(frozen=True)
class Kill:
    """One mutant at one check. `why` is empty for a kill, and a full sentence otherwise."""

    mutant: Mutant
    check: Check
    fate: Fate
    why: str = ""
    played: Played | None = None


def judge(mutant: Mutant, check: Check, played: Played, control: Result) -> Kill:
    """Says whether a check caught a mutant.

    Args:
        mutant: What was broken.
        check: Which must fail, and with what text.
        played: Its run.
        control: The same run of what is not broken.
    """
    result = played.result

    def fate(what: Fate, why: str = "") -> Kill:
        return Kill(mutant, check, what, why, played)

    if result.verdict is Verdict.NOT_RUN:
        return fate(Fate.NOT_RUN, result.reason)
    if control.verdict is not Verdict.PASS:
        return fate(Fate.NO_CONTROL, f"the unbroken run is {control.verdict}: {control.reason}")
    if not played.reached:
        return fate(Fate.UNREACHED, f"the bug was never reached; the run is {result.verdict}: {result.reason}")
    if result.verdict is not Verdict.FAIL:
        return fate(Fate.SURVIVED, f"the run is {result.verdict}: {result.reason}".removesuffix(": "))
    # Where no rule can be named, all of the case fail.
    if result.rule not in ("", check.rule):
        return fate(Fate.SURVIVED, f"it failed by {result.rule}: {result.reason}")
    if check.signature not in result.reason:
        return fate(Fate.SURVIVED, f"it failed, but not with {check.signature!r}: {result.reason}")
    return fate(Fate.KILLED)


def biting(kills: Iterable[Kill]) -> dict[str, list[str]]:
    """Which checks caught something: the names of mutants by `CASE#RULE`.

    A run that failed without naming a rule failed in every check of its case, as in results.json.
    """
    found: dict[str, list[str]] = {}
    for kill in kills:
        if kill.fate is Fate.KILLED:
            assert kill.played is not None
            case = kill.check.run.case
            for rule in [kill.check.rule] if kill.played.result.rule else case.covers:
                mutants = found.setdefault(f"{case.id}#{rule}", [])
                if kill.mutant.name not in mutants:
                    mutants.append(kill.mutant.name)
    return found


def toothless(
    cases: Iterable[Case], rules: Mapping[str, Rule], caught: Mapping[str, object], profiles: Collection[str]
) -> list[str]:
    """The checks of MUST rules of these profiles that no mutant was killed by, as `CASE#RULE`."""
    return [
        name
        for case in cases
        for rule in case.covers
        if case.level == "MUST" and rules[rule].level == "MUST" and rules[rule].profile in profiles
        if (name := f"{case.id}#{rule}") not in caught
    ]


def controls(mutants: Iterable[Mutant]) -> list[Run]:
    """The runs that must pass unbroken, each once."""
    return list(dict.fromkeys(run for mutant in mutants for run in mutant.runs))
