"""The verb `init`: a first adapter for an author."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from parley_conformance import scaffold
from parley_conformance.cli.selection import HarnessFailure


@click.command(name="init")
@click.argument("kind", type=click.Choice([one.name for one in scaffold.KINDS]))
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=Path("adapter"))
def command(kind: str, folder: Path) -> None:
    """Writes a first adapter into FOLDER (default: adapter), with all that there is to read about it.

    It starts at once and answers `unsupported` to what is not filled in; its comments say what comes next. `generic` is
    a shell script to be translated into any other language.
    """
    chosen = next(one for one in scaffold.KINDS if one.name == kind)
    try:
        written = scaffold.write(chosen, folder)
    except OSError as error:
        raise HarnessFailure(str(error)) from error
    for path in written:
        click.echo(f"written: {path}")
    click.echo(f"written: {folder / 'reference'}/: the protocol, the specification, the messages, the golden payloads")
    if chosen.build:
        click.echo(f"build:   {chosen.built(folder)}")
    adapter = f"{scaffold.adapter_name(folder)}={chosen.started(folder)}"
    click.echo(f"next:    parley-conformance smoke --adapter {shlex.quote(adapter)}")
