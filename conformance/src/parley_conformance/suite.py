"""Suites: the YAML files with the cases, validated before anything runs."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import MISSING, fields, replace
from pathlib import Path
from typing import Any

import yaml

from parley_conformance import schemas
from parley_conformance.model import Case, Kind
from parley_conformance.paths import SUITES

_LONG_LIMIT_MS = 600_000


# The parser in C, where there is one, reads the suites in a tenth of the time.
_Safe: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Safe):  # type: ignore[misc]  # which of two classes it is, is known at run time
    """YAML 1.2's booleans: `yes`, `no`, `on` and `off` are texts, as everybody who writes a case expects."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), list("tf"))


class SuiteError(Exception):
    """A suite file is wrong; the text has all that is wrong in all files."""


def load(folder: Path = SUITES, *, rules: Collection[str], workloads: Mapping[Kind, Collection[str]]) -> list[Case]:
    """Reads every `*.yaml` of a folder.

    Args:
        folder: With the suites; one behaviour family each.
        rules: The rule numbers that SPEC.md has.
        workloads: The names that `workload` may have, by kind.

    Returns:
        All cases, in the order of file names and within a file as written.

    Raises:
        SuiteError: A file breaks the schema, an id is there twice, a rule or workload is not known.
    """
    cases: list[Case] = []
    wrong: list[str] = []
    for path in sorted(folder.glob("*.yaml")):
        try:
            content = yaml.load(path.read_text(encoding="utf-8"), _Loader)
        except yaml.YAMLError as error:
            wrong.append(f"{path.name}: {error}")
            continue
        if found := schemas.errors("suite", content):
            wrong.append(f"{path.name}: {found}")
            continue
        read = [case_of(one, path.name) for one in content]
        wrong += [
            f"{path.name}: {case.id}: the family is not the file's name" for case in read if case.family != path.stem
        ]
        cases += read
    wrong += _unknown(cases, rules, workloads)
    if wrong:
        raise SuiteError("\n".join(wrong))
    return cases


def at_length(case: Case) -> Case:
    """The case as a long run has it."""
    if not case.full:
        return case
    return replace(case, arguments={**case.arguments, **case.full}, limit_ms=_LONG_LIMIT_MS)


def case_of(plain: Mapping[str, Any], source: str) -> Case:
    """Makes a case of what a suite says, or of what `plain` made of one."""
    known = dict(plain)
    known["kind"] = Kind(known["kind"])
    for name in ("covers", "requires", "contents"):
        if name in known:
            known[name] = tuple(known[name])
    return Case(source=source, **known)


def plain(case: Case) -> dict[str, Any]:
    """The case as a suite would say it; what is as usual is left out."""
    told: dict[str, Any] = {}
    for one in fields(Case):
        value = getattr(case, one.name)
        usual = one.default if one.default_factory is MISSING else one.default_factory()
        if one.name != "source" and value != usual:
            told[one.name] = list(value) if isinstance(value, tuple) else value
    return told | {"kind": case.kind.value}


def _unknown(cases: Iterable[Case], rules: Collection[str], workloads: Mapping[Kind, Collection[str]]) -> Iterable[str]:
    seen: set[str] = set()
    for case in cases:
        if case.id in seen:
            yield f"{case.source}: {case.id} is there twice"
        seen.add(case.id)
        for rule in case.covers:
            if rule not in rules:
                yield f"{case.source}: {case.id} covers {rule}, which SPEC.md does not have"
        if case.workload and case.workload not in workloads[case.kind]:
            there = ", ".join(sorted(workloads[case.kind]))
            yield f"{case.source}: {case.id} names the workload {case.workload!r}; there are {there}"
