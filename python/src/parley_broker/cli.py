"""The command line: `parley-broker serve`, and what operators ask a running broker.

Only what parses the command line is imported here, so that a mistake in it is told at once.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from parley_broker import __version__, config
from parley_broker.cli_dead_letters import dead_letters
from parley_broker.cli_health import health
from parley_broker.errors import BrokerError, StartupError

ENV_PREFIX = "PARLEY_BROKER_"
EXIT_FAILED = 1
EXIT_USAGE = 2
_PATH = click.Path(path_type=Path)
_PRECEDENCE = (
    ParameterSource.COMMANDLINE,
    ParameterSource.ENVIRONMENT,
    ParameterSource.DEFAULT_MAP,
    ParameterSource.DEFAULT,
)


def main() -> None:
    """Runs the command line and ends the process: 0 after a clean end, else one line on standard error."""
    try:
        sys.exit(cli.main(prog_name="parley-broker", standalone_mode=False))
    except click.Abort:
        sys.exit(EXIT_FAILED)
    except click.ClickException as failure:
        _complain(_place(failure) + failure.format_message())
        sys.exit(failure.exit_code)
    except BrokerError as failure:
        _complain(str(failure))
        sys.exit(EXIT_FAILED)


def _complain(text: str) -> None:
    click.echo(f"parley-broker: error: {' '.join(text.split())}", err=True)


def _place(failure: click.ClickException) -> str:
    """Where a bad value came from, if not from the command line."""
    if isinstance(failure, click.BadParameter) and failure.ctx and failure.param and failure.param.name:
        name = failure.param.name
        source = failure.ctx.get_parameter_source(name)
        if source is ParameterSource.ENVIRONMENT:
            return f"{ENV_PREFIX}{name.upper()}: "
        if source is ParameterSource.DEFAULT_MAP:
            return f"config file, {name}: "
    return ""


def _read_config(context: click.Context, _option: click.Parameter, path: Path | None) -> None:
    if path is not None:
        context.default_map = config.read_file(path)


def _option(name: str, **attributes: Any) -> Callable[[Any], Any]:
    """An option that the environment sets too."""
    envvar = ENV_PREFIX + name.upper()
    return click.option("--" + name.replace("_", "-"), name, envvar=envvar, show_envvar=True, **attributes)


def _settings(command: Callable[..., None]) -> Callable[..., None]:
    """Adds an option for each number of the policy."""
    for setting in reversed(config.SETTINGS):
        command = _option(
            setting.name,
            type=click.IntRange(setting.minimum, setting.maximum),
            default=setting.default,
            show_default=True,
            help=setting.help,
        )(command)
    return command


@click.group(context_settings={"max_content_width": 120}, invoke_without_command=True)
@click.version_option(__version__, prog_name="parley-broker", message="%(prog)s %(version)s")
@click.pass_context
def cli(context: click.Context) -> None:
    """The Parley broker: agents in different processes and languages talk through it."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help(), err=True)
        context.exit(EXIT_USAGE)


cli.add_command(dead_letters)
cli.add_command(health)


@cli.command()
@_option("config", type=_PATH, is_eager=True, expose_value=False, callback=_read_config,
         help="TOML file; its keys are the names of these options with underscores.")  # fmt: skip
@_option("listen", default=config.DEFAULT_LISTEN, show_default=True, metavar="HOST:PORT",
         help="Where to listen; port 0 picks one.")  # fmt: skip
@_option("data", type=_PATH, default=config.DEFAULT_DATA, show_default=True, metavar="DIR",
         help="Directory of the database; is made when it is not there.")  # fmt: skip
@_option("memory", is_flag=True, help="Keep everything in memory; a restart forgets it.")
@_option("log_format", type=click.Choice(("text", "json")), default="text", show_default=True, help="Log lines.")
@_option("log_level", type=click.Choice(("debug", "info", "warning", "error")), default="info", show_default=True,
         help="Least level to log.")  # fmt: skip
@_option("ready_file", type=_PATH, metavar="PATH", help="Write one JSON line with address and pid here when it serves.")
@_settings
@click.pass_context
def serve(
    context: click.Context,
    /,
    listen: str,
    data: Path,
    memory: bool,
    log_format: str,
    log_level: str,
    ready_file: Path | None,
    **numbers: int,
) -> None:
    """Runs a broker until it gets SIGTERM or SIGINT."""
    settings = config.Config(
        listen=config.check_listen(listen),
        data=None if memory and _memory_wins(context) else data,
        ready_file=ready_file,
        policy=config.make_policy(numbers),
    )
    # Before gRPC is imported: it would tell of a taken port in its own words, beside ours.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    from parley_broker import app, logs

    logs.configure(log_format, log_level)
    app.serve(settings)


def _memory_wins(context: click.Context) -> bool:
    """Whether `--memory` was said with more weight than `--data`."""
    memory, data = (context.get_parameter_source(name) or ParameterSource.DEFAULT for name in ("memory", "data"))
    if memory is data and memory is not ParameterSource.DEFAULT:
        raise StartupError("both --memory and --data are given: one of them says where events are kept")
    return _PRECEDENCE.index(memory) < _PRECEDENCE.index(data)
