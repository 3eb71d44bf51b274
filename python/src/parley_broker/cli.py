"""The command line."""

from __future__ import annotations

from pathlib import Path

import click

from parley_broker import __version__


@click.group(context_settings={"auto_envvar_prefix": "PARLEY_BROKER"})
@click.version_option(__version__, prog_name="parley-broker")
def main() -> None:
    """The Parley broker."""


@main.command()
@click.option("--listen", default="127.0.0.1:50051", metavar="HOST:PORT")
@click.option("--data", type=click.Path(path_type=Path))
@click.option("--memory", is_flag=True)
@click.option("--ready-file", type=click.Path(path_type=Path))
@click.option("--log-format", default="text")
@click.option("--log-level", default="info")
def serve(
    listen: str, data: Path | None, memory: bool, ready_file: Path | None, log_format: str, log_level: str
) -> None:
    """Runs a broker until it is told to stop."""
    from parley_broker import app, logs
    from parley_broker.config import Config

    logs.configure(log_format, log_level)
    app.serve(Config(listen=listen, data=None, ready_file=ready_file))
