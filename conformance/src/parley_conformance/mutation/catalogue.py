"""The mutants that there are: `mutants/*.yaml`, with the runs in which each must be caught."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from parley_conformance import plan, schemas
from parley_conformance.model import Case, Kind, Run
from parley_conformance.paths import MUTANTS

LANGUAGES = ("python", "dotnet")
COMPONENTS = ("broker", *LANGUAGES, "wire")
"""The files, and what is broken: the broker, an SDK, or either as seen in its messages."""


class CatalogueError(Exception):
    """A file is wrong; the text has all that is wrong in all files."""


@dataclass(frozen=True)
class Check:
    """What a mutant must turn red: a rule in a run, and a part of the failure's text."""

    rule: str
    run: Run
    signature: str

    @property
    def name(self) -> str:
        """E.g. `rpc/echo#RPC-1@python-python-json`."""
        return f"{self.run.case.id}#{self.rule}@{self.run.axes}"


@dataclass(frozen=True, eq=False)
class Mutant:
    """One bug.

    Attributes:
        name: Its name in its component.
        component: `broker`, a language, or `wire`.
        what: What is wrong, as one sentence.
        family: Of the behaviour that it breaks.
        checks: Those that must catch it.
        at: `wire`: before whom it stands, see `front.py`.
        alter: `wire`: members of an `Alteration`.
        line: `wire`: what becomes of the lines of every adapter, see `mutants/lines.py`.
    """

    name: str
    component: str
    what: str
    family: str
    checks: tuple[Check, ...]
    at: str = ""
    alter: Mapping[str, Any] = field(default_factory=dict)
    line: Mapping[str, Any] = field(default_factory=dict)

    @property
    def runs(self) -> list[Run]:
        """The runs of its checks, each once."""
        return list(dict.fromkeys(check.run for check in self.checks))


def load(cases: Sequence[Case], folder: Path = MUTANTS, components: Iterable[str] = COMPONENTS) -> list[Mutant]:
    """Reads the files of a folder; one that is not there has no mutants.

    Args:
        cases: As the suites have them.
        folder: With a file `COMPONENT.yaml` each.
        components: Which of them.

    Raises:
        CatalogueError: A file breaks the schema, a name is there twice, a check is none of any case, a signature is
            of no check.
    """
    runs = {run.name: run for run in plan.make(cases, LANGUAGES, plan.Filter())}
    known = {case.id: case for case in cases}
    found: list[Mutant] = []
    wrong: list[str] = []
    for component in components:
        path = folder / f"{component}.yaml"
        if not path.exists():
            continue
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        if errors := schemas.errors("mutants", content):
            wrong.append(f"{path.name}: {errors}")
            continue
        for plain in content:
            try:
                mutant = _mutant(plain, component, known, runs)
            except CatalogueError as error:
                wrong.append(f"{path.name}: {plain['mutant']}: {error}")
                continue
            if any((one.name, one.component) == (mutant.name, component) for one in found):
                wrong.append(f"{path.name}: {mutant.name} is there twice")
            found.append(mutant)
    if wrong:
        raise CatalogueError("\n".join(wrong))
    return found


def uncaught(folder: Path = MUTANTS) -> dict[str, str]:
    """Reads `uncaught.yaml`: checks, as `CASE#RULE`, that need not catch a mutant, and why. Without it every one must.

    Raises:
        CatalogueError: The file breaks the schema.
    """
    path = folder / "uncaught.yaml"
    content = (yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else None) or []
    if errors := schemas.errors("mutants", content, "uncaught"):
        raise CatalogueError(f"{path.name}: {errors}")
    return {one["check"]: one["why"] for one in content}


def _mutant(plain: Mapping[str, Any], component: str, cases: Mapping[str, Case], runs: Mapping[str, Run]) -> Mutant:
    members = {"name": plain["mutant"], "component": component, "what": plain["what"], "family": plain["family"]}
    if component == "wire":
        members |= {"at": plain.get("at", ""), "alter": plain.get("alter", {}), "line": plain.get("line", {})}
        if ("alter" in plain) == ("line" in plain) or ("alter" in plain) != ("at" in plain):
            raise CatalogueError("a wire mutant has `at` and `alter`, or `line`")
    signature = plain["signature"]
    if isinstance(signature, Mapping) and set(signature) != set(plain["kills"]):
        raise CatalogueError("its signatures are not of its checks, one each")
    checks = []
    for text in plain["kills"]:
        case_id, _, rest = text.partition("#")
        rule, _, axes = rest.partition("@")
        case = cases.get(case_id)
        if case is None:
            raise CatalogueError(f"{text}: there is no such case")
        if rule not in case.covers:
            raise CatalogueError(f"{text}: the case does not cover {rule}, but {', '.join(case.covers)}")
        run = runs.get(f"{case_id}[{axes or _usual_axes(case, component)}]")
        if run is None:
            raise CatalogueError(f"{text}: the case has no such axes")
        checks.append(Check(rule, run, signature[text] if isinstance(signature, Mapping) else signature))
    return Mutant(**members, checks=tuple(checks))


def _usual_axes(case: Case, component: str) -> str:
    language = component if component in LANGUAGES else LANGUAGES[0]
    if case.kind is Kind.BROKER:
        return "broker"
    return f"sdk-{language}" if case.kind is Kind.SDK else f"{language}-{language}-{case.contents[0]}"
