"""The command line: `parley-broker dead-letters`."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from parley_broker.config import DEFAULT_LISTEN
from parley_broker.core.messages import DeadLetterFilter
from parley_broker.errors import Reason

if TYPE_CHECKING:
    from parley_broker.frontends.grpc_v1.admin_client import AdminClient

DEFAULT_LIMIT = 100
PIPE_WIDTH = 200
"""Columns of a table that nobody looks at in a terminal."""
_REASONS = [reason.name for reason in Reason if reason]


@click.group("dead-letters")
def dead_letters() -> None:
    """Events that were given up: list them, put them back, delete them."""


def _filters(command: Callable[..., None]) -> Callable[..., None]:
    """Adds where the broker is, and which dead letters are meant."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="One JSON object per line."),
        click.option("--id", "ids", type=click.IntRange(1), multiple=True, help="With this id; may be repeated."),
        click.option("--reason", type=click.Choice(_REASONS, case_sensitive=False), metavar="REASON",
                     help="With this reason, e.g. HANDLER_FAILED."),
        click.option("--topic", default="", metavar="TYPE", help="About topics of this type."),
        click.option("--agent-key", default="", metavar="KEY", help="Of the agents with this key."),
        click.option("--agent-type", default="", metavar="TYPE", help="Of agents of this type."),
        click.option(
            "--address", default=f"grpc://{DEFAULT_LISTEN}", show_default=True, envvar="PARLEY_BROKER_ADDRESS",
            show_envvar=True, help="Where the broker listens.",
        ),
    ):  # fmt: skip
        command = option(command)
    return command


@dead_letters.command("list")
@_filters
@click.option("--limit", type=click.IntRange(1), default=DEFAULT_LIMIT, show_default=True, help="At most so many.")
def list_them(address: str, as_json: bool, limit: int, **filters: Any) -> None:
    """Shows dead letters, oldest first."""
    with _admin(address) as client:
        letters = list(islice(client.list_dead_letters(_filter(**filters)), limit + 1))
    shown = letters[:limit]
    if as_json:
        for letter in shown:
            click.echo(json.dumps(letter, ensure_ascii=False))
    elif shown:
        _print_table(shown)
    else:
        click.echo("no dead letters")
    if len(letters) > limit:
        click.echo(f"there are more than {limit}: raise --limit, or filter", err=True)


@dead_letters.command()
@_filters
@click.option("--all", "everything", is_flag=True, help="All of them, when nothing else says which.")
def replay(address: str, as_json: bool, everything: bool, **filters: Any) -> None:
    """Puts dead letters back at the tails of their recipients' queues, as if they had never been delivered."""
    wanted = _filter(**filters)
    _be_sure(wanted, everything)
    with _admin(address) as client:
        _print_count("replayed", client.replay_dead_letters(wanted), as_json)


@dead_letters.command()
@_filters
@click.option("--all", "everything", is_flag=True, help="All of them, when nothing else says which.")
def purge(address: str, as_json: bool, everything: bool, **filters: Any) -> None:
    """Deletes dead letters for good."""
    wanted = _filter(**filters)
    _be_sure(wanted, everything)
    with _admin(address) as client:
        _print_count("purged", client.purge_dead_letters(wanted), as_json)


def _admin(address: str) -> AdminClient:
    # Before gRPC is imported: it would tell of a broker that is not there in its own words, beside ours.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    from parley_broker import app

    return app.admin(address)


def _filter(agent_type: str, agent_key: str, topic: str, reason: str | None, ids: tuple[int, ...]) -> DeadLetterFilter:
    return DeadLetterFilter(agent_type, agent_key, topic, Reason[reason.upper()] if reason else 0, ids)


def _be_sure(wanted: DeadLetterFilter, everything: bool) -> None:
    if wanted == DeadLetterFilter() and not everything:
        raise click.UsageError("say which dead letters: --id, --agent-type, --agent-key, --topic, --reason, or --all")


def _print_count(done: str, count: int, as_json: bool) -> None:
    click.echo(json.dumps({done: count}) if as_json else f"{done}: {count}")


def _print_table(letters: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    if not console.is_terminal:
        console = Console(width=PIPE_WIDTH)
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("id", "recipient", "topic", "attempts", "reason", "age", "error"):
        table.add_column(column, overflow="fold", justify="right" if column in ("id", "attempts", "age") else "left")
    for letter in letters:
        cells = (
            letter["id"], letter["recipient"], letter["topic"], letter["attempts"], letter["reason"],
            age(letter["age_ms"]), letter["error"],
        )  # fmt: skip
        table.add_row(*(Text(str(cell)) for cell in cells))
    console.print(table)


def age(milliseconds: int) -> str:
    """A time in its largest unit, for people."""
    seconds = milliseconds // 1000
    for unit, length in (("d", 86_400), ("h", 3600), ("m", 60)):
        if seconds >= length:
            return f"{seconds // length}{unit}"
    return f"{seconds}s"
