"""What the kit says to a person who looks on: how to start an adapter, and what is still up."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import click

from parley_conformance.model import Result


def say(text: str) -> None:
    """Says something now, beside the progress."""
    click.echo(text, err=True)


async def until_enter(result: Result, broker: str, folder: Path) -> None:
    """Leaves everything up until Enter; where nobody can press it, not at all."""
    say(f"{result.run.name}: {result.verdict.value}{': ' if result.reason else ''}{result.reason}")
    say(f"still up: {f'the broker at {broker}, ' if broker else ''}its parties; logs and data in {folder}")
    say("Enter ends it")
    loop = asyncio.get_running_loop()
    entered: asyncio.Future[None] = loop.create_future()

    def read() -> None:
        sys.stdin.readline()
        if not entered.done():
            entered.set_result(None)

    try:
        loop.add_reader(sys.stdin, read)
    except (OSError, ValueError):
        # No terminal and no pipe: a file, or nothing at all.
        return
    try:
        await entered
    finally:
        loop.remove_reader(sys.stdin)
