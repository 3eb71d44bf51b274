"""Profiles: the frozen sets of rules that an implementation claims as a whole.

What a party claims decides what its lacks mean. A case is of every profile of a rule that it covers or of a capability
that it requires. Beyond `core` a party is tried only with what it claims; and what is unsupported of a profile that it
does not claim does not count.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from parley_conformance.model import Case, HarnessError
from parley_conformance.paths import PROFILES
from parley_conformance.spec import Rule

CORE = "core"


@dataclass(frozen=True)
class Profiles:
    """One revision: of each profile its rules, each with level and whom it binds, and the profiles of capabilities."""

    revision: int
    rules: Mapping[str, Mapping[str, str]]
    capabilities: Mapping[str, str]

    @property
    def names(self) -> tuple[str, ...]:
        """The profiles that there are."""
        return tuple(self.rules)

    def of(self, case: Case) -> tuple[str, ...]:
        """The profiles of a case, in the order of `names`."""
        needed = {self.capabilities.get(capability, CORE) for capability in case.requires}
        return tuple(
            name for name, rules in self.rules.items() if name in needed or any(rule in rules for rule in case.covers)
        )

    def claimed(self, announced: Collection[str] | None, who: str) -> frozenset[str]:
        """What a party claims: what it announced, or everything if it announced nothing at all.

        Raises:
            HarnessError: It announced what is no profile.
        """
        if announced is None:
            return frozenset(self.names)
        if unknown := sorted(set(announced) - set(self.names)):
            raise HarnessError(f"{who} claims the profile {unknown[0]!r}; there are {', '.join(self.names)}")
        return frozenset(announced)

    def untried(self, case: Case, claimed: Collection[str]) -> list[str]:
        """The profiles for which a case is not tried with a party that claims these."""
        return [] if case.claimed else [name for name in self.of(case) if name != CORE and name not in claimed]

    def counts(self, case: Case, claimed: Collection[str]) -> bool:
        """True if what such a party lacks for a case counts."""
        return case.claimed or set(self.of(case)) <= set(claimed)


def changes(frozen: Profiles, rules: Mapping[str, Rule]) -> list[str]:
    """What of the specification is not as a revision has it; each needs the next revision."""
    now = {rule.id: f"{rule.profile} {rule.level} {rule.binds}" for rule in rules.values()}
    then = {rule: f"{name} {as_was}" for name, known in frozen.rules.items() for rule, as_was in known.items()}
    return [
        f"{rule}: {then.get(rule, 'not there')} in revision {frozen.revision}, {now.get(rule, 'not there')} in SPEC.md"
        for rule in sorted({**then, **now})
        if then.get(rule) != now.get(rule)
    ]


@cache
def current(folder: Path = PROFILES) -> Profiles:
    """Reads the newest revision."""
    newest = max(folder.glob("*.yaml"), key=lambda path: int(path.stem))
    content = yaml.safe_load(newest.read_text(encoding="utf-8"))
    capabilities = {one: name for name, some in content["capabilities"].items() for one in some}
    return Profiles(content["revision"], content["profiles"], capabilities)
