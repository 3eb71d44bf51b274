"""Baselines: checks that are known to fail, each with a reason, a link and the failure's signature.

A baseline never hides anything new: an entry whose check passes, or does not exist, fails the run.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

from parley_conformance import checks, schemas
from parley_conformance.model import Result, Run, Verdict


class BaselineError(Exception):
    """A baseline file cannot be used; the text has all that is wrong in it."""


@dataclass(frozen=True)
class Entry:
    """One check that is known to fail; `signature` is a part of the text with which it does."""

    check: str
    reason: str
    link: str
    signature: str
    source: str


@dataclass(frozen=True)
class Baseline:
    """What is known to fail, by the name of the check."""

    entries: Mapping[str, Entry]

    def applied(self, result: Result) -> Result:
        """The result with those of its failures marked that are expected.

        A run whose failures are all expected is `expected-fail`. One that fails with another text than its entry's
        signature is a failure, and says so.
        """
        if result.verdict is not Verdict.FAIL:
            return result
        failing = checks.failing(result)
        listed = [self.entries[name] for name in failing if name in self.entries]
        text = " ".join(result.reason.split())
        expected = frozenset(one.check for one in listed if one.signature in text)
        other = [one for one in listed if one.check not in expected]
        if other:
            told = f"{result.reason} ({other[0].source} knows of another failure: {other[0].signature!r})"
            result = replace(result, reason=told)
        verdict = Verdict.EXPECTED_FAIL if expected.issuperset(failing) else Verdict.FAIL
        return replace(result, verdict=verdict, expected=expected)

    def wrong(self, results: Iterable[Result], known: Iterable[Run], rules: Collection[str]) -> list[str]:
        """What the baseline says that is not so, one text each.

        Args:
            results: Of the runs that were planned, after `applied`.
            known: All runs that there are, those outside of the selection included: an entry for another part or
                family is not wrong.
            rules: The rules that SPEC.md has.
        """
        return [*self._unmatched({run.name for run in known}, rules), *self._stale(results)]

    def _unmatched(self, known: Collection[str], rules: Collection[str]) -> Iterator[str]:
        for entry in self.entries.values():
            case, _, rest = entry.check.partition("#")
            rule, _, axes = rest.partition("@")
            if f"{case}[{axes}]" not in known or rule not in rules:
                yield f"{entry.source}: unmatched: there is no check {entry.check}; `list --json` has their names"

    def _stale(self, results: Iterable[Result]) -> Iterator[str]:
        for result in results:
            told = {check.name: check.verdict for check in checks.of(result)}
            head, tail = f"{result.run.case.id}#", f"@{result.run.axes}"
            for entry in self.entries.values():
                mine = entry.check.startswith(head) and entry.check.endswith(tail)
                # A rule that the case does not name is judged with every run, too.
                if mine and told.get(entry.check, result.verdict) is Verdict.PASS:
                    yield f"{entry.source}: stale: {entry.check} passes; take the entry out ({entry.link})"


def read(paths: Iterable[Path]) -> Baseline:
    """Reads baselines; a folder stands for all its `*.yaml`.

    Raises:
        BaselineError: One cannot be read, breaks `schema/baseline.schema.json`, or a check is there twice.
    """
    files = [file for path in paths for file in (sorted(path.glob("*.yaml")) if path.is_dir() else [path])]
    entries: dict[str, Entry] = {}
    wrong: list[str] = []
    for file in files:
        try:
            content = yaml.safe_load(file.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            wrong.append(f"{file.name}: {error}")
            continue
        if found := schemas.errors("baseline", content):
            wrong.append(f"{file.name}: {found}")
            continue
        for one in content:
            entry = Entry(**{**one, "signature": " ".join(one["signature"].split())}, source=file.name)
            if entry.check in entries:
                wrong.append(f"{file.name}: {entry.check} is there twice")
            entries[entry.check] = entry
    if wrong:
        raise BaselineError("\n".join(wrong))
    return Baseline(entries)
