"""RabbitMQ: a quorum queue on one node."""

import contextlib
import os
import re
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

from parley_bench.processes import Process
from parley_bench.systems import local
from parley_bench.systems.base import Server, ServerOptions, System

SERVER = "rabbitmq-server"
INSTALLED = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
"""Debian's server itself; the command of the same name on the PATH changes to a user of its own."""
NAMES = "epmd"
"""Erlang's name server, of which a node needs one."""
PACKAGES = ("aio-pika", "uvloop")
START_LIMIT = 300.0
"""How long a node may take to start, in s; on a machine that is busy with something else it takes minutes."""


def environment(folder: Path, ports: Mapping[str, int]) -> dict[str, str]:
    """Returns the variables of a node that keeps all that it has below the folder.

    Args:
        folder: where its data and logs go.
        ports: of `amqp`, the node's `distribution`, and the `names` server.
    """
    return {
        "HOME": str(folder),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "ERL_EPMD_PORT": str(ports["names"]),
        "RABBITMQ_NODENAME": "bench@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(ports["amqp"]),
        "RABBITMQ_DIST_PORT": str(ports["distribution"]),
        "RABBITMQ_MNESIA_BASE": str(folder / "data"),
        "RABBITMQ_LOG_BASE": str(folder / "logs"),
        "RABBITMQ_PID_FILE": str(folder / "pid"),
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq"),
        "RABBITMQ_CONF_ENV_FILE": str(folder / "rabbitmq-env.conf"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
        # RabbitMQ's documentation names this for nodes that share their cores with others: threads without work give
        # the core back instead of spinning.
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+sbwt none +sbwtdcpu none +sbwtdio none",
    }


def versions_of_log(text: str) -> dict[str, str]:
    """Returns what a node's log says of its versions."""
    found = re.search(r"Starting RabbitMQ (\S+) on Erlang (\S+)", text)
    return {SERVER: found[1], "erlang": found[2]} if found else {}


@contextlib.asynccontextmanager
async def _server(folder: Path, options: ServerOptions) -> AsyncIterator[Server]:
    ports = {name: local.free_port() for name in ("amqp", "distribution", "names")}
    (folder / "rabbitmq.conf").write_text("log.console = false\n")
    (folder / "rabbitmq-env.conf").write_text("")
    (folder / "enabled_plugins").write_text("[].\n")
    variables = [f"{name}={value}" for name, value in environment(folder, ports).items()]
    program = str(INSTALLED) if INSTALLED.exists() else local.program(SERVER)
    names = [local.program(NAMES), "-port", str(ports["names"]), "-address", "127.0.0.1"]
    async with local.listening(NAMES, names, ports["names"], folder / "epmd.log"):
        node = await Process.start(SERVER, ["env", *variables, program], folder / "log")
        try:
            await node.ready(lambda: local.answers(ports["amqp"]), START_LIMIT)
            log = "".join(file.read_text() for file in sorted((folder / "logs").glob("*.log")))
            versions = versions_of_log(log) | local.versions_in(local.CLIENTS, *PACKAGES)
            yield Server(f"amqp://guest:guest@127.0.0.1:{ports['amqp']}/", _group(node.pid), versions)
        finally:
            # What it has is thrown away: nobody waits for it to put that in order.
            await node.kill()


def _group(leader: int) -> tuple[int, ...]:
    """Returns the processes of a group: the node is a child of the script that starts it."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if os.getpgid(int(entry.name)) == leader:
                found.append(int(entry.name))
    return tuple(found)


RABBITMQ = System(
    name="rabbitmq",
    title="RabbitMQ quorum queue (aio-pika)",
    kinds=frozenset({"publish-stored"}),
    languages=("python",),
    missing=lambda: local.missing_of(local.CLIENTS, PACKAGES, [SERVER, NAMES]),
    server=_server,
    party=lambda _, role, url: local.python_party(local.CLIENTS, "rabbitmq_party.py", role, url),
)
