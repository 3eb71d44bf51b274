"""Writes all reports that are made of results.json: the page, the summary, the badge."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from parley_conformance.reports import badge, evidence, page, summary, view

KILL_MATRIX = "kill-matrix.json"
_NO_TEXT = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What an adapter or a broker may say and no document may have: control characters, half a character."""


def publish(results: Mapping[str, Any], folder: Path, out: Path | None = None) -> tuple[view.View, list[Path]]:
    """Writes report.html, summary.md and badge.svg; returns what they show, and their paths, the page first.

    Args:
        results: What results.json has.
        folder: Of results.json: histories, logs and the kill matrix are read from there, where they are.
        out: Gets the files; None: the same folder.
    """
    bad = [run for run in results["runs"] if run["verdict"] not in ("pass", "not-run")]
    found = {run["name"]: evidence.of_run(run, folder, brief=False) for run in bad}
    shown = view.make(results, _kill_matrix(folder), {name: one.message for name, one in found.items()})
    out = out or folder
    out.mkdir(parents=True, exist_ok=True)
    made = {
        "report.html": page.render(shown, found, folder),
        "summary.md": summary.render(shown),
        "badge.svg": badge.render(shown),
    }
    for name, text in made.items():
        (out / name).write_text(_NO_TEXT.sub("\ufffd", text), encoding="utf-8")
    return shown, [out / name for name in made]


def _kill_matrix(folder: Path) -> Mapping[str, Any]:
    try:
        content: Mapping[str, Any] = json.loads((folder / KILL_MATRIX).read_bytes())
    except (OSError, ValueError):
        return {}
    return content
