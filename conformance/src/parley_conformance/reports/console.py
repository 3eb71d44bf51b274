"""The console when all has run: the matrix, what did not pass, the verdict."""

from __future__ import annotations

import os
from typing import TextIO

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from parley_conformance.reports.progress import STYLES
from parley_conformance.reports.view import SIGNS, Cell, Problem, View, first_sentence

_COLUMN, _MOST_PROBLEMS = 9, 12
_BEGINNING, _END = 220, 120
"""Characters of a long text that are told: what was expected, and who had it last."""


def console_for(stream: TextIO) -> Console:
    """A console on a stream: as wide as the terminal, and wide enough for the matrix where there is none."""
    console = Console(file=stream, highlight=False)
    return (
        console if console.is_terminal or "COLUMNS" in os.environ else Console(file=stream, highlight=False, width=120)
    )


def conclude(console: Console, shown: View) -> None:
    """Prints the matrix, what did not pass with rule, party, message and command, and last the verdict."""
    _matrix(console, shown)
    for problem in shown.problems[:_MOST_PROBLEMS]:
        _problem(console, problem)
    if (more := len(shown.problems) - _MOST_PROBLEMS) > 0:
        console.print(f"and {more} more, in the report\n", soft_wrap=True)
    for reason, number in shown.left_out:
        console.print(f"not run: {number}: {escape(reason)}", soft_wrap=True)
    told = ", ".join(f"[{STYLES[name]}]{number} {name}[/]" for name, number in shown.counts)
    planned = sum(number for _, number in shown.counts)
    console.print(f"{planned} planned, {planned} reported: {told}", soft_wrap=True)
    style = STYLES[shown.verdict]
    console.print(f"[{style}]{SIGNS[shown.verdict]} {shown.headline}[/]", soft_wrap=True)


def _matrix(console: Console, shown: View) -> None:
    """Families by parties; on a narrow terminal the sums alone."""
    width = max((len(family) for family, _ in shown.matrix), default=0) + (_COLUMN + 1) * len(shown.columns)
    columns = range(len(shown.columns)) if width <= console.width else range(len(shown.columns) - 1, len(shown.columns))
    table = Table(
        title="Passed of planned", title_justify="left", title_style="bold", box=SIMPLE_HEAD, show_edge=False, padding=0
    )
    table.add_column("", no_wrap=True)
    for at in columns:
        table.add_column(shown.columns[at].replace("→", "\n→").replace(" ", "\n"), justify="right", min_width=_COLUMN)
    for family, cells in shown.matrix:
        table.add_row(family, *(_cell(cells[at]) for at in columns), end_section=family == shown.matrix[-2:][0][0])
    console.print(table)
    others = [name for name, _ in shown.counts if name != "pass"]
    if others:
        console.print(f"also: {', '.join(f'{SIGNS[name]} {name}' for name in others)}", soft_wrap=True)
    console.print()


def _problem(console: Console, problem: Problem) -> None:
    style, sign = STYLES[problem.verdict], SIGNS[problem.verdict]
    console.print(f"[{style}]{sign} {problem.verdict}[/] [bold]{escape(problem.case)}[/]", soft_wrap=True)
    for rule in problem.rules[:3]:
        text = first_sentence(rule.text).replace("**", "").replace("`", "")
        console.print(f"  {'rule' if problem.certain else 'judges'} {rule.id}: {escape(text)}", soft_wrap=True)
    for name, value in (("by", problem.party), ("message", problem.message), ("", problem.reason)):
        if value:
            console.print(
                f"  {name}{': ' if name else ''}{escape(_shortened(' '.join(value.split())))}", soft_wrap=True
            )
    if len(problem.runs) > 1:
        console.print(f"  in {len(problem.runs)} runs", soft_wrap=True)
    console.print(f"  again: {escape(problem.runs[0]['repeat'])}\n", soft_wrap=True)


def _shortened(text: str) -> str:
    return text if len(text) <= _BEGINNING + _END else f"{text[:_BEGINNING]} … {text[-_END:]}"


def _cell(cell: Cell | None) -> str:
    if cell is None:
        return ""
    others = "".join(f" [{STYLES[name]}]{number}{SIGNS[name]}[/]" for name, number in cell.others)
    return f"[{'red' if cell.others else 'green'}]{cell.passed}/{cell.planned}[/]{others}"
