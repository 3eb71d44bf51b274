"""While a plan runs: how far it is, what runs now, and at once what did not pass.

On a terminal a few lines at its bottom change in place; elsewhere, in CI, there is a line for each thing that did not
pass, and one now and then that says how far it is.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from parley_conformance.model import Result, Run, Verdict
from parley_conformance.reports.files import repeat
from parley_conformance.reports.view import SIGNS, duration, first_sentence
from parley_conformance.spec import Rule

STYLES = {
    "pass": "green",
    "fail": "bold red",
    "expected-fail": "cyan",
    "unsupported": "yellow",
    "inconclusive": "magenta",
    "harness-error": "bold magenta",
    "not-run": "dim",
}
HEARTBEAT_S = 30.0
_MOST_NOW = 4
_TRACE_LINES = 4
_QUIET = frozenset({Verdict.PASS, Verdict.NOT_RUN})


class Progressing:
    """Shows a plan while it runs; use as a context manager.

    Args:
        console: Where.
        total: Number of planned runs.
        rules: Of SPEC.md, by number, so that a broken one is told in words.
        heartbeat_s: Without a terminal: seconds between two lines that say how far it is.
    """

    def __init__(
        self, console: Console, total: int, rules: Mapping[str, Rule], *, heartbeat_s: float = HEARTBEAT_S
    ) -> None:
        self._console = console
        self._total = total
        self._rules = rules
        self._began = time.monotonic()
        self._now: dict[Run, float] = {}
        self._done = 0
        self._told: dict[Verdict, int] = {}
        # Colours may be wanted without a terminal; what changes in place needs a real one.
        self._live = Live(self, console=console, refresh_per_second=8, transient=True) if _is_screen(console) else None
        self._heartbeat_s = heartbeat_s
        self._over = threading.Event()
        self._beating = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def __enter__(self) -> Progressing:
        self._began = time.monotonic()
        if self._live is not None:
            self._live.start()
        else:
            self._beating.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()
        else:
            self._over.set()
            self._beating.join()

    def begun(self, run: Run) -> None:
        """A run begins."""
        self._now[run] = time.monotonic()

    def ended(self, result: Result, *, final: bool) -> None:
        """A run ended; what did not pass is told at once. What is not final is run again."""
        self._now.pop(result.run, None)
        if not final:
            return
        self._done += 1
        self._told[result.verdict] = self._told.get(result.verdict, 0) + 1
        if result.verdict in _QUIET:
            return
        if self._live is not None:
            tell(self._console, result, self._rules)
        else:
            self._console.print(_line(result), soft_wrap=True)

    def status(self) -> str:
        """How far it is, in one line."""
        others = [f"{number} {verdict.value}" for verdict, number in self._told.items() if verdict is not Verdict.PASS]
        now = [run.name for run in self._now]
        more = f" and {len(now) - _MOST_NOW} more" if len(now) > _MOST_NOW else ""
        told = [f"{self._done}/{self._total} after {duration((time.monotonic() - self._began) * 1000)}", *others]
        return ", ".join(told) + (f"; now {', '.join(now[:_MOST_NOW])}{more}" if now else "")

    def __rich__(self) -> RenderableType:
        elapsed = time.monotonic() - self._began
        head = Table.grid(padding=(0, 1))
        # A bar takes what the words leave, and goes first where there is little.
        bar = ProgressBar(total=self._total, completed=self._done, width=max(0, min(30, self._console.width - 50)))
        counts = Text(" ").join(
            Text(f"{SIGNS[verdict.value]} {number}", style=STYLES[verdict.value])
            for verdict, number in sorted(self._told.items(), key=lambda told: list(SIGNS).index(told[0].value))
        )
        head.add_row(f"{self._done:>4}/{self._total}", bar, duration(elapsed * 1000), counts)
        lines: list[RenderableType] = [head]
        for run, begin in list(self._now.items())[:_MOST_NOW]:
            line = Text(f"  {duration((time.monotonic() - begin) * 1000):>8}  {run.name}", style="dim")
            line.truncate(self._console.width, overflow="ellipsis")
            lines.append(line)
        if len(self._now) > _MOST_NOW:
            lines.append(Text(f"            and {len(self._now) - _MOST_NOW} more", style="dim"))
        return Group(*lines)

    def _beat(self) -> None:
        while not self._over.wait(self._heartbeat_s):
            self._console.print(self.status(), style="dim", markup=False, soft_wrap=True)


def tell(console: Console, result: Result, rules: Mapping[str, Rule]) -> None:
    """Prints what did not pass: which, which rule in words, by whom, why, what was said last, and how to repeat it."""
    console.print(_head(result), soft_wrap=True)
    if result.rule in rules:
        text = first_sentence(rules[result.rule].text).replace("**", "").replace("`", "")
        console.print(f"  {escape(text)}", style="italic", soft_wrap=True)
    console.print(f"  {escape(result.reason)}", soft_wrap=True)
    if result.verdict in (Verdict.FAIL, Verdict.HARNESS_ERROR, Verdict.INCONCLUSIVE):
        for line in result.trace[-_TRACE_LINES:]:
            console.print(Text(f"    {line}", style="dim"), no_wrap=True, overflow="ellipsis")
        console.print(f"  again: {escape(repeat(result))}", style="dim", soft_wrap=True)


def _line(result: Result) -> str:
    return f"{_head(result)}: {escape(' '.join(result.reason.split()))}"


def _head(result: Result) -> str:
    style, sign = STYLES[result.verdict.value], SIGNS[result.verdict.value]
    rules = f"rule {result.rule}" if result.rule else f"rules {', '.join(result.run.case.covers)}"
    blame = f", by {result.party}" if result.party else ""
    return f"[{style}]{sign} {result.verdict.value}[/] {escape(result.run.name)}, {rules}{blame}"


def _is_screen(console: Console) -> bool:
    return console.is_terminal and not console.is_dumb_terminal and console.file.isatty()
