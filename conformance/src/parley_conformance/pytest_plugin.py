"""A pytest plugin: every run of the kit over your adapter is an item of your own test run.

`pytest_plugins = ["parley_conformance.pytest_plugin"]` in a conftest.py, and `--parley-adapter NAME=COMMAND` or the
same in the ini file; without an adapter it does nothing. docs/ci.md has the options.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from parley_conformance import languages, plan, profiles, runner, spec, suite
from parley_conformance.broker import BrokerSource
from parley_conformance.model import Kind, Result, Run, Verdict
from parley_conformance.workloads import registry

_TRACE_LINES = 25
_OPTIONS = {
    "adapter": "NAME=COMMAND: an adapter whose SDK is tested with Parley's conformance kit",
    "select": "only these cases of the kit: ids or globs",
    "kind": "only cases of this kind: sdk, pair or broker",
    "profile": "only cases of this profile, which is then claimed",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Each option is there on the command line and, a line each, in the ini file."""
    group = parser.getgroup("parley", "Parley's conformance kit")
    for name, text in _OPTIONS.items():
        group.addoption(f"--parley-{name}", action="append", default=[], metavar=name.upper(), help=text)
        parser.addini(f"parley_{name}", text, type="linelist", default=[])


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Adds the kit's runs to what was collected; not to a selection of single tests."""
    adapters = _given(config, "adapter")
    if adapters and not any("::" in argument for argument in config.args):
        collector: Conformance = Conformance.from_parent(session, name="conformance", nodeid="conformance")
        items.extend(collector.runs(adapters))


class Conformance(pytest.Collector):
    """The runs of the kit that the options ask for."""

    def collect(self) -> list[pytest.Item | pytest.Collector]:
        """Its items."""
        return list(self.runs(_given(self.config, "adapter")))

    def runs(self, adapters: list[str]) -> Iterator[Item]:
        """One item for each run.

        Raises:
            pytest.UsageError: An option names what there is not.
        """
        try:
            known = languages.discover(adapters)
        except ValueError as error:
            raise pytest.UsageError(f"--parley-adapter {error}") from error
        claimed, kinds = _given(self.config, "profile"), _given(self.config, "kind")
        for name, there, asked in (
            ("profile", profiles.current().names, claimed),
            ("kind", tuple(kind.value for kind in Kind), kinds),
        ):
            if unknown := sorted(set(asked) - set(there)):
                raise pytest.UsageError(f"--parley-{name} {unknown[0]}: there are {', '.join(there)}")
        contract = spec.read()
        cases = suite.load(rules=contract.rules, workloads=registry.ALL)
        wanted = plan.Filter(cases=_given(self.config, "select"), kinds=kinds, profiles=claimed)
        folder = Path(tempfile.mkdtemp(prefix="parley-conformance-"))
        kit = runner.Kit(contract, BrokerSource(), known, folder, jobs=1)
        mine = {text.partition("=")[0] for text in adapters}
        chosen = [
            run for run in plan.make(cases, list(known), wanted) if mine & set(run.languages) or not run.languages
        ]
        if not kinds:
            chosen = [run for run in chosen if run.case.kind is not Kind.BROKER]
        if not chosen:
            raise pytest.UsageError("the kit has no case that fits the options --parley-…")
        for run in chosen:
            claiming = replace(run, case=replace(run.case, claimed=bool(claimed)))
            yield Item.from_parent(self, name=run.name, kit=kit, run=claiming)


class Item(pytest.Item):
    """One run of the kit."""

    def __init__(self, *, kit: runner.Kit, run: Run, **known: Any) -> None:
        super().__init__(**known)
        self._kit = kit
        self._run = run

    def runtest(self) -> None:
        """Plays the run.

        Raises:
            NotPassed: It did not pass.
        """
        (result,) = asyncio.run(
            runner.run_all(self._kit, [self._run], begun=lambda _: None, ended=lambda result, *, final: None)
        )
        if result.interrupted:
            raise KeyboardInterrupt
        if result.verdict is Verdict.PASS:
            return
        lacks = result.verdict is Verdict.UNSUPPORTED and (result.excused or self._run.case.level != "MUST")
        if lacks or result.verdict is Verdict.NOT_RUN:
            pytest.skip(f"{result.verdict.value}: {result.reason}")
        raise NotPassed(result)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """What a person reads: rule, party, message, what was said, and the command that repeats it."""
        if not isinstance(excinfo.value, NotPassed):
            return super().repr_failure(excinfo, style)
        result, case = excinfo.value.result, self._run.case
        rules = [result.rule] if result.rule else list(case.covers)
        lines = [f"{result.verdict.value}: {case.title}", ""]
        lines += [
            f"{rule}: {self._kit.contract.rules[rule].text}" for rule in rules if rule in self._kit.contract.rules
        ]
        lines += [f"by {result.party}"] if result.party else []
        lines += ["", result.reason, "", "what was said last (-> from the kit, <- to it):"]
        lines += [f"  {line}" for line in result.trace[-_TRACE_LINES:]]
        adapters = " ".join(
            f"--adapter {name}='{' '.join(self._kit.languages[name].command)}'"
            for name in self._run.languages
            if name in {text.partition("=")[0] for text in _given(self.config, "adapter")}
        )
        lines += ["", f"logs: {result.logs}", f"again: parley-conformance run --keep '{self._run.name}' {adapters}"]
        return "\n".join(lines).rstrip()

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Where it is: the suite, and the run's name."""
        return Path(self._run.case.source), None, self._run.name


class NotPassed(Exception):
    """A run of the kit did not pass."""

    def __init__(self, result: Result) -> None:
        super().__init__(result.reason)
        self.result = result


def _given(config: pytest.Config, name: str) -> list[str]:
    """An option's values: those of the command line, or else those of the ini file."""
    return list(config.getoption(f"--parley-{name}") or config.getini(f"parley_{name}"))
