"""The verb `recheck`: judges stored histories again, without running anything."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from parley_conformance import exitcode, history_file, rechecking, spec
from parley_conformance.cli.selection import HarnessFailure
from parley_conformance.model import Verdict
from parley_conformance.rechecking import Rechecked


@click.command(name="recheck")
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path, exists=True))
@click.option("--quiet", is_flag=True, help="Only what does not pass, or is judged otherwise than before.")
def command(files: tuple[Path, ...], quiet: bool) -> None:
    """Judges stored histories again, without running anything. FILE may be a folder with histories.

    What only the run itself could show is not judged again: its old verdict stands, and the output says so. Exit codes
    are those of `run`.
    """
    reasons = spec.read().reasons
    told: list[Rechecked] = []
    for path in _histories(files):
        try:
            stored = history_file.read(path)
        except history_file.HistoryError as error:
            raise HarnessFailure(str(error)) from error
        told.append(one := rechecking.recheck(stored, reasons))
        if not (quiet and one.same and one.now.verdict is Verdict.PASS):
            click.echo("\n".join(_lines(one)))
    if not told:
        raise HarnessFailure(f"no history in {', '.join(map(str, files))}")
    count = Counter(one.now.verdict.value for one in told)
    otherwise = sum(not one.same for one in told)
    verdicts = ", ".join(f"{number} {name}" for name, number in count.items())
    click.echo(f"{len(told)} histories: {verdicts}; {otherwise} judged otherwise than when they ran")
    sys.exit(exitcode.of([one.now for one in told]))


def _histories(files: Iterable[Path]) -> Iterator[Path]:
    for path in files:
        if path.is_dir():
            yield from sorted([*path.glob("*.json.gz"), *path.glob("*.json")])
        else:
            yield path


def _lines(one: Rechecked) -> Iterator[str]:
    now, before = one.now, one.before
    rule = f"  rule {now.rule}" if now.rule else ""
    blame = f", by {now.party}" if now.party else ""
    was = "" if one.same else f"  (was: {before.verdict.value}{f', rule {before.rule}' if before.rule else ''})"
    yield f"{now.verdict.value} {now.run.name}{rule}{blame}{was}"
    if now.reason:
        how = "" if now.judged or one.before.verdict is not now.verdict else "as it ran: "
        yield f"  {how}{now.reason}"
    yield f"  not judged again: {'; '.join(one.stands)}"
