"""The command line: `parley-broker health`."""

from __future__ import annotations

import json
import os

import click

from parley_broker.config import DEFAULT_LISTEN

DEFAULT_TIMEOUT_MS = 3_000


@click.command()
@click.option(
    "--address", default=f"grpc://{DEFAULT_LISTEN}", show_default=True, envvar="PARLEY_BROKER_ADDRESS",
    show_envvar=True, help="Where the broker listens.",
)  # fmt: skip
@click.option("--timeout-ms", default=DEFAULT_TIMEOUT_MS, show_default=True, type=click.IntRange(1),
              help="How long the answer may take.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def health(address: str, timeout_ms: int, as_json: bool) -> None:
    """Says whether a broker serves: exit code 0 if it does, else 1 and why not."""
    # Before gRPC is imported: it would tell of a broker that is not there in its own words, beside ours.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    from parley_broker import app

    with app.admin(address, timeout_ms / 1000) as client:
        status = client.status()
    if as_json:
        click.echo(json.dumps(status, ensure_ascii=False))
    else:
        up = status["uptime_ms"] // 1000
        click.echo(f"serves: version {status['broker_version']}, incarnation {status['incarnation']}, for {up} s")
