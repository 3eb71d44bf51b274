"""Which rules of SPEC.md nothing shows: neither a case of the kit nor a test that names them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from parley_conformance.model import Case
from parley_conformance.paths import CONFORMANCE
from parley_conformance.spec import Rule

TESTS = tuple(CONFORMANCE.parent / name for name in ("python/tests", "dotnet/tests", "conformance/tests"))
_SUFFIXES = frozenset({".py", ".cs"})
_NAMED = re.compile(r"\bcovers: ((?:[A-Z]+-\d+)(?:, [A-Z]+-\d+)*)", re.IGNORECASE)


def shown(cases: Iterable[Case], folders: Iterable[Path] = TESTS) -> dict[str, list[str]]:
    """What shows each rule.

    Args:
        cases: Each names its rules in `covers`.
        folders: With tests; one names its rules in a comment or docstring, `covers: SES-9, SES-14`.

    Returns:
        By rule the ids of cases and the names of files.
    """
    found: dict[str, list[str]] = {}
    for case in cases:
        for rule in case.covers:
            found.setdefault(rule, []).append(case.id)
    for folder in folders:
        for path in sorted(one for one in folder.rglob("*") if one.suffix in _SUFFIXES):
            for match in _NAMED.finditer(path.read_text(encoding="utf-8", errors="replace")):
                for rule in match[1].upper().split(", "):
                    found.setdefault(rule, []).append(path.name)
    return found


def missing(rules: Mapping[str, Rule], known: Mapping[str, object]) -> list[Rule]:
    """The MUSTs that nothing shows, in the order of SPEC.md."""
    return [rule for rule in rules.values() if rule.level == "MUST" and rule.id not in known]


def unheard_of(rules: Mapping[str, Rule], known: Mapping[str, list[str]]) -> list[str]:
    """What is named and is no rule: a name that was mistyped shows nothing."""
    wrong = [(where[0], rule) for rule, where in known.items() if rule not in rules]
    return [f"{where} names {rule}, which SPEC.md does not have" for where, rule in wrong]
