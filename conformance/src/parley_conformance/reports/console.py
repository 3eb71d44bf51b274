"""The console: progress with what runs now, what did not pass at once, and the matrix at the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from parley_conformance.model import Kind, Result, Run, Verdict
from parley_conformance.reports.files import repeat

_STYLE = {
    Verdict.PASS: "green",
    Verdict.FAIL: "bold red",
    Verdict.UNSUPPORTED: "yellow",
    Verdict.INCONCLUSIVE: "magenta",
    Verdict.HARNESS_ERROR: "bold magenta",
    Verdict.NOT_RUN: "dim",
}
_LETTER = {
    Verdict.FAIL: "failed",
    Verdict.UNSUPPORTED: "unsupported",
    Verdict.INCONCLUSIVE: "inconclusive",
    Verdict.HARNESS_ERROR: "harness error",
    Verdict.NOT_RUN: "not run",
}


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
    """Prints families by pairs: passed of planned, and what else there was."""
    columns = list(dict.fromkeys(_column(r.run) for r in results))
    table = Table(title="Conformance", title_justify="left")
    table.add_column("family")
    for column in columns:
        table.add_column(column, justify="right")
    for family in dict.fromkeys(r.run.case.family for r in results):
        cells = [_cell([r for r in results if r.run.case.family == family and _column(r.run) == c]) for c in columns]
        table.add_row(family, *cells)
    table.add_section()
    table.add_row("all", *(_cell([r for r in results if _column(r.run) == c]) for c in columns))
    console.print(table)
    for reason, number in Counter(r.reason for r in results if r.verdict is Verdict.NOT_RUN).items():
        console.print(f"not run: {number}: {escape(reason)}", soft_wrap=True)
    count = Counter(r.verdict for r in results)
    told = ", ".join(f"[{_STYLE[v]}]{count[v]} {v.value}[/]" for v in Verdict if count[v])
    console.print(f"{len(results)} planned, {len(results)} reported: {told}", soft_wrap=True)


def _column(run: Run) -> str:
    return "broker" if run.case.kind is Kind.BROKER else f"{run.caller}→{run.handler} {run.content}"


def _cell(results: Sequence[Result]) -> str:
    if not results:
        return ""
    count = Counter(r.verdict for r in results)
    lines = [f"[{'green' if count[Verdict.PASS] == len(results) else 'red'}]{count[Verdict.PASS]}/{len(results)}[/]"]
    lines += [f"[{_STYLE[v]}]{count[v]} {_LETTER[v]}[/]" for v in _LETTER if count[v]]
    return "\n".join(lines)
