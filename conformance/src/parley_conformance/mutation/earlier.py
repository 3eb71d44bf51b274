"""Runs of what is not broken that `make conformance` made before: they need not be made again."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from parley_conformance.model import Result, Run, Verdict
from parley_conformance.paths import CONFORMANCE

ROOT = CONFORMANCE.parent
SOURCES = (
    *(CONFORMANCE / name for name in ("src", "suites", "adapters", "vectors")),
    *(ROOT / name for name in ("python/src", "dotnet/src", "proto")),
)
"""What a verdict depends on."""
_SUFFIXES = frozenset({".py", ".yaml", ".json", ".cs", ".csproj", ".proto", ".md"})
_BUILT = frozenset({"bin", "obj", "__pycache__"})


def passed(path: Path, runs: Iterable[Run], sources: Iterable[Path] = SOURCES) -> dict[Run, Result]:
    """Those of the runs that passed in a results.json; none if anything has changed since it was written.

    Args:
        path: The file; it need not be there.
        runs: Which are asked for.
        sources: Folders; a file in them that is newer than the results makes them worth nothing.
    """
    if not path.exists() or _newest(sources) >= path.stat().st_mtime:
        return {}
    told = json.loads(path.read_text(encoding="utf-8"))["runs"]
    good = {one["name"]: one["duration_ms"] for one in told if one["verdict"] == Verdict.PASS}
    return {run: Result(run, Verdict.PASS, duration_ms=good[run.name]) for run in runs if run.name in good}


def _newest(sources: Iterable[Path]) -> float:
    files = (path for folder in sources for path in folder.rglob("*") if path.suffix in _SUFFIXES)
    return max((path.stat().st_mtime for path in files if _BUILT.isdisjoint(path.parts)), default=0.0)
