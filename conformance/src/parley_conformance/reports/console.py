"""The console: progress with what runs now, what did not pass at once, and the matrix at the end."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from typing import TextIO

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from parley_conformance.model import Kind, Result, Run, Verdict
from parley_conformance.reports.files import repeat

_WIDE = 100
_STYLE = {
    Verdict.PASS: "green",
    Verdict.FAIL: "bold red",
    Verdict.EXPECTED_FAIL: "cyan",
    Verdict.UNSUPPORTED: "yellow",
    Verdict.INCONCLUSIVE: "magenta",
    Verdict.HARNESS_ERROR: "bold magenta",
    Verdict.NOT_RUN: "dim",
}
_LETTER = {
    Verdict.FAIL: "F",
    Verdict.EXPECTED_FAIL: "X",
    Verdict.UNSUPPORTED: "U",
    Verdict.INCONCLUSIVE: "I",
    Verdict.HARNESS_ERROR: "H",
    Verdict.NOT_RUN: "–",
}


def console_for(stream: TextIO) -> Console:
    """A console on a stream: as wide as the terminal, and wide enough for the matrix where there is none."""
    console = Console(file=stream, highlight=False)
    return (
        console if console.is_terminal or "COLUMNS" in os.environ else Console(file=stream, highlight=False, width=120)
    )


class Progressing:
    """Shows a plan while it runs; use as a context manager."""

    def __init__(self, console: Console, total: int) -> None:
        self._console = console
        self._now: list[str] = []
        self._progress = Progress(
            TextColumn("{task.completed:>4}/{task.total}"),
            BarColumn(bar_width=30),
            TimeElapsedColumn(),
            TextColumn("{task.description}", markup=False),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._progress.add_task("", total=total)

    def __enter__(self) -> Progressing:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def begun(self, run: Run) -> None:
        """A run begins."""
        self._now.append(run.name)
        self._progress.update(self._task, description=", ".join(self._now))

    def ended(self, result: Result, *, final: bool) -> None:
        """A run ended; what failed is told at once. What is not final is run again."""
        self._now.remove(result.run.name)
        self._progress.update(self._task, advance=int(final), description=", ".join(self._now))
        if final and result.verdict not in (Verdict.PASS, Verdict.NOT_RUN):
            tell(self._console, result)


def tell(console: Console, result: Result) -> None:
    """Prints what did not pass: which, why, which rule, the last lines that were said, and how to repeat it."""
    style = _STYLE[result.verdict]
    rule = f"  rule {result.rule}" if result.rule else f"  rules {', '.join(result.run.case.covers)}"
    blame = f", by {result.party}" if result.party else ""
    console.print(f"[{style}]{result.verdict.value}[/] {escape(result.run.name)}{rule}{blame}", soft_wrap=True)
    console.print(f"  {escape(result.reason)}", soft_wrap=True)
    if result.verdict in (Verdict.FAIL, Verdict.HARNESS_ERROR, Verdict.INCONCLUSIVE):
        for line in result.trace[-6:]:
            console.print(f"    {escape(line[:200])}", style="dim", soft_wrap=True)
        console.print(f"  again: {escape(repeat(result))}", style="dim", soft_wrap=True)


def matrix(console: Console, results: Sequence[Result]) -> None:
    """Prints parties by families: passed of planned, and what else there was."""
    families = list(dict.fromkeys(r.run.case.family for r in results))
    rows = list(dict.fromkeys(_row(r.run) for r in results))
    narrow = console.width < _WIDE
    table = Table(
        title="Conformance: passed of planned",
        title_justify="left",
        box=SIMPLE_HEAD,
        show_edge=False,
        padding=0,
    )
    table.add_column("", no_wrap=True)
    for family in [*families, "all"]:
        table.add_column(f"{family[:5]}…" if narrow and len(family) > 6 else family, justify="right", no_wrap=True)
    for row in rows:
        own = [r for r in results if _row(r.run) == row]
        table.add_row(
            row, *(_cell([r for r in own if r.run.case.family == f], narrow) for f in families), _cell(own, narrow)
        )
    console.print(table)
    count = Counter(r.verdict for r in results)
    legend = ", ".join(f"{letter} {verdict.value}" for verdict, letter in _LETTER.items() if count[verdict])
    if legend:
        console.print(f"also: {legend}", soft_wrap=True)
    for reason, number in Counter(r.reason for r in results if r.verdict is Verdict.NOT_RUN).items():
        console.print(f"not run: {number}: {escape(reason)}", soft_wrap=True)
    told = ", ".join(f"[{_STYLE[v]}]{count[v]} {v.value}[/]" for v in Verdict if count[v])
    console.print(f"{len(results)} planned, {sum(count.values())} reported: {told}", soft_wrap=True)


def _row(run: Run) -> str:
    return f"{run.caller}→{run.handler} {run.content}" if run.case.kind is Kind.PAIR else run.axes


def _cell(results: Sequence[Result], narrow: bool) -> str:
    if not results:
        return ""
    count = Counter(r.verdict for r in results)
    style = "green" if count[Verdict.PASS] == len(results) else "red"
    gap = "\n" if narrow else " "
    others = "".join(f"{gap}[{_STYLE[v]}]{count[v]}{letter}[/]" for v, letter in _LETTER.items() if count[v])
    return f"[{style}]{count[Verdict.PASS]}/{len(results)}[/]{others}"
