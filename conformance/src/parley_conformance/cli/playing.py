"""What `run` and `replay` share: plays runs, tells what comes of them, and writes the reports."""

from __future__ import annotations

import asyncio
import shlex
import sys
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.markup import escape

from parley_conformance import exitcode, runner
from parley_conformance.cli.selection import HarnessFailure
from parley_conformance.model import HarnessError, Result, Run
from parley_conformance.paths import BUILD
from parley_conformance.reports import console as shown
from parley_conformance.reports import files
from parley_conformance.reports.progress import Progressing
from parley_conformance.reports.publish import publish
from parley_conformance.reports.view import View

DEFAULT_OUT = BUILD


@dataclass(frozen=True)
class Wanted:
    """What is to be played.

    Attributes:
        kit: What the runs need.
        runs: The plan.
        known: All runs that there are; what a baseline may name.
        plan: How the plan came about, for the results.
        required: Languages that must take part.
    """

    kit: runner.Kit
    runs: Sequence[Run]
    known: Sequence[Run]
    plan: Mapping[str, Any]
    required: Collection[str] = ()


def play(wanted: Wanted, out: Path) -> int:
    """Plays the runs, writes the reports to `out`, and returns the exit code.

    Raises:
        HarnessFailure: The results cannot be written as their schema says.
    """
    kit = wanted.kit
    console = shown.console_for(sys.stdout)
    out.mkdir(parents=True, exist_ok=True)
    begin = time.monotonic()
    with Progressing(console, len(wanted.runs), kit.contract.rules) as progress:
        results = asyncio.run(runner.run_all(kit, wanted.runs, begun=progress.begun, ended=progress.ended))
    duration_ms = round((time.monotonic() - begin) * 1000)
    wrong = kit.baseline.wrong(results, wanted.known, kit.contract.rules)
    code = exitcode.of(results, wanted.required, wrong_baseline=bool(wrong))
    occasion = files.Occasion(
        exit_code=code,
        duration_ms=duration_ms,
        broker=kit.source.address or shlex.join(kit.source.command),
        adapters={name: shlex.join(one.command) for name, one in kit.languages.items()},
        plan=wanted.plan,
        baseline=wrong,
    )
    view, written = _write(results, kit, occasion, out)
    shown.conclude(console, view)
    for language in wanted.required:
        if missing := kit.languages[language].missing:
            console.print(f"[bold red]required: {escape(language)}: {escape(missing)}[/]", soft_wrap=True)
    for text in wrong:
        console.print(f"[bold red]baseline: {escape(text)}[/]", soft_wrap=True)
    page, *others = written
    console.print(f"report: {escape(str(page))}", style="bold", soft_wrap=True)
    console.print(f"beside it: {escape(', '.join(path.name for path in others))}", style="dim", soft_wrap=True)
    return code


def _write(results: Sequence[Result], kit: runner.Kit, occasion: files.Occasion, out: Path) -> tuple[View, list[Path]]:
    """Writes all reports; the page is the first."""
    try:
        content = files.as_json(results, kit.contract, occasion)
    except HarnessError as error:
        raise HarnessFailure(str(error)) from error
    results_json, junit_xml = out / "results.json", out / "junit.xml"
    files.write_json(content, results_json)
    files.write_junit(results, junit_xml)
    view, written = publish(content, out)
    return view, [*written, results_json, junit_xml]
