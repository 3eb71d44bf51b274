"""The specification as the kit reads it: rule numbers, levels, and the flags of each error reason."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from parley_conformance.paths import SPEC

_RULE = re.compile(r"^- \*\*([A-Z]+-\d+)\*\* · (MUST|SHOULD|MAY) · (\w+) · (\w+)\. (.*)$")
_REASON = re.compile(r"^\| ([A-Z_]+) \| [^|]* \| ([^|]*) \| ([^|]*) \|$")


@dataclass(frozen=True)
class Rule:
    """One numbered rule: its level, profile, who it binds, and its text."""

    id: str
    level: str
    profile: str
    binds: str
    text: str


@dataclass(frozen=True)
class Flags:
    """The values that a reason's flags may have: one, or both where the table names an exception."""

    retryable: frozenset[bool]
    may_have_run: frozenset[bool]


@dataclass(frozen=True)
class Spec:
    """What SPEC.md says, by rule number and by reason."""

    rules: dict[str, Rule]
    reasons: dict[str, Flags]


def read(path: Path = SPEC) -> Spec:
    """Reads the rules and the table of reasons.

    Raises:
        ValueError: The file has no rules or no table: it is not the specification.
    """
    rules: dict[str, Rule] = {}
    reasons: dict[str, Flags] = {}
    current: list[str] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if found := _RULE.match(line):
            identity, level, profile, binds, text = found.groups()
            rules[identity] = Rule(identity, level, profile, binds, text)
            current = [identity]
        elif line.startswith("  ") and current:
            rule = rules[current[0]]
            rules[rule.id] = Rule(rule.id, rule.level, rule.profile, rule.binds, f"{rule.text} {line.strip()}")
        else:
            current = []
            if found := _REASON.match(line):
                reasons[found[1]] = Flags(_values(found[2]), _values(found[3]))
    if not rules or not reasons:
        raise ValueError(f"{path} has no numbered rules or no table of reasons: it is not Parley's SPEC.md")
    return Spec(rules, reasons)


def _values(cell: str) -> frozenset[bool]:
    words = {"yes": True, "no": False}
    return frozenset(words[word] for word in re.findall(r"\b(yes|no)\b", cell))
