"""The verb `diff`: what is different between two results."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from parley_conformance import comparing, exitcode, schemas
from parley_conformance.cli.selection import HarnessFailure
from parley_conformance.comparing import Change, Difference

_FILE = click.Path(path_type=Path, exists=True)


@click.command(name="diff")
@click.argument("before", metavar="A", type=_FILE)
@click.argument("now", metavar="B", type=_FILE)
def command(before: Path, now: Path) -> None:
    """Compares two results.json (or the folders with them), the older one first; exit code 1 if B is worse.

    Worse is what held in A and does not in B, and what fails in B and was not in A. What is gone or slower is told.
    """
    found = comparing.compare(_read(before), _read(now))
    lines = list(_lines(found))
    click.echo("\n".join(lines) if lines else "no difference")
    sys.exit(exitcode.FAILS if found.worse else exitcode.CONFORMS)


def _read(path: Path) -> dict[str, Any]:
    file = path / "results.json" if path.is_dir() else path
    try:
        content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise HarnessFailure(f"{file}: {error}") from error
    if wrong := schemas.errors("results", content):
        raise HarnessFailure(f"{file} is no results.json of format 2: {wrong}")
    return content


def _lines(found: Difference) -> Iterator[str]:
    yield from _changes("worse", found.worse)
    yield from _changes("fixed", found.fixed)
    yield from _changes("otherwise", found.other)
    yield from _changes("appeared", found.appeared)
    yield from _changes("gone", found.gone)
    if found.slower:
        yield f"slower: {len(found.slower)}"
    for name, was_ms, now_ms in found.slower:
        yield f"  {name}  {was_ms} ms → {now_ms} ms"


def _changes(title: str, changes: Sequence[Change]) -> Iterator[str]:
    if changes:
        yield f"{title}: {len(changes)}"
    for one in changes:
        yield f"  {one.check}  {one.before or '(was not there)'} → {one.now or '(is not there)'}"
        if one.reason and one.now not in comparing.HOLDS:
            yield f"    {one.reason}"
