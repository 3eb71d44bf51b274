"""What a run left behind for its report: history, diagram, what was said, the ends of the logs."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from parley_conformance.reports import culprit, diagram, timeline, view

Json = Mapping[str, Any]

_LOG_BYTES = 8_000
_SAID_LINES = 150
_SHORT_ROWS = 24


@dataclass(frozen=True)
class Evidence:
    """What the page shows of one run.

    Attributes:
        diagram: SVG, or empty.
        said: The last lines of what was said.
        logs: Names and ends of the parties' logs.
        steps: Of the case, each with its verdict in this run.
        checks: Verdicts by rule.
        party: Who broke the rule, in words.
    """

    diagram: str = ""
    said: str = ""
    logs: tuple[tuple[str, str], ...] = ()
    steps: tuple[Json, ...] = ()
    checks: tuple[Json, ...] = ()
    party: str = ""
    message: str = ""


def of_run(run: Json, folder: Path, *, brief: bool) -> Evidence:
    """Gathers what there is of a run; what is missing or cannot be read is left out.

    Args:
        run: As results.json has it.
        folder: Of results.json.
        brief: It passed: a small diagram, and nothing else.
    """
    history = _history(run, folder)
    steps, checks = tuple(run.get("steps", ())), tuple(run.get("checks", ()))
    if brief:
        drawn = timeline.timeline(history, most=_SHORT_ROWS, short=True) if history else None
        return Evidence(
            diagram=diagram.svg(drawn, run["name"]) if drawn and drawn.rows else "", steps=steps, checks=checks
        )
    about = culprit.find(run, history) if history else None
    due = culprit.missing(run)
    drawn = timeline.timeline(history, culprit=about, failure=run.get("reason", "")) if history else None
    lines = history.get("lines") or run.get("trace", ())
    return Evidence(
        diagram=diagram.svg(drawn, run["name"]) if drawn and drawn.rows else "",
        said="\n".join(lines[-_SAID_LINES:]),
        logs=_logs(run, folder),
        steps=steps,
        checks=checks,
        party=view.party_in_words(run),
        message=about.text if about else f"did not come: {due}" if due else "",
    )


def _history(run: Json, folder: Path) -> Json:
    if not run.get("history"):
        return {}
    try:
        data = (folder / run["history"]).read_bytes()
        history: Json = json.loads(gzip.decompress(data) if run["history"].endswith(".gz") else data)
    except (OSError, ValueError):
        return {}
    return history


def _logs(run: Json, folder: Path) -> tuple[tuple[str, str], ...]:
    """The ends of the logs; the folder's name is relative to that of results.json, or whole."""
    if not run.get("logs"):
        return ()
    found = []
    for path in sorted((folder / run["logs"]).glob("*.log")):
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - _LOG_BYTES))
            text = file.read().decode(errors="replace")
        if size > _LOG_BYTES:
            text = f"… (the last {_LOG_BYTES} of {size} bytes)\n{text.partition(chr(10))[2]}"
        if text.strip():
            found.append((path.name, text))
    return tuple(found)
