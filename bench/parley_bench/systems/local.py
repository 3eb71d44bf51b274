"""What the alternatives share: where their clients live, programs of the machine, servers on a free loopback port."""

import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from importlib.metadata import distributions
from pathlib import Path

from parley_bench.processes import BENCH, ROOT, Process

SETUP = "scripts/bench-alternatives"
"""The command that brings what is missing."""
CLIENTS = ROOT / "build/bench/venv-alternatives"
"""The virtual environment of the alternatives' clients."""
PARTIES = BENCH / "parties/python"
SYSTEM_FOLDERS = ("/usr/sbin", "/sbin", "/usr/local/sbin")
"""Where Debian puts servers; not on everybody's PATH."""


def program(name: str) -> str:
    """Returns the path of a program; nothing if there is none."""
    return shutil.which(name) or next((found for at in SYSTEM_FOLDERS if (found := shutil.which(name, path=at))), "")


def packages_in(environment: Path) -> dict[str, str]:
    """Returns the versions of the Python packages in a virtual environment, by name as pip has it."""
    folders = [str(folder) for folder in environment.glob("lib/python3*/site-packages")]
    return {found.metadata["Name"].lower().replace("_", "-"): found.version for found in distributions(path=folders)}


def missing_of(
    environment: Path, packages: Mapping[str, str] | Sequence[str] = (), programs: Sequence[str] = ()
) -> str:
    """Returns what is missing, with the command that brings it; nothing if all is there.

    Args:
        environment: the virtual environment that is to hold the packages.
        packages: names as pip has them; a mapping says which versions they must have.
        programs: names of commands.
    """
    there = packages_in(environment)
    versions = packages if isinstance(packages, Mapping) else {}
    lacking = [name for name in programs if not program(name)]
    for name in packages:
        wanted = versions.get(name)
        if name not in there or wanted not in (None, there[name]):
            lacking.append(f"Python's {name}" + (f" {wanted}" if wanted else ""))
    return f"no {', no '.join(lacking)} here; {SETUP} installs what it can" if lacking else ""


def versions_in(environment: Path, *packages: str) -> dict[str, str]:
    """Returns the versions of those of these packages that are there."""
    there = packages_in(environment)
    return {name: there[name] for name in packages if name in there}


def output_of(*command: str) -> str:
    """Returns what a command writes, in one line; `unknown` if it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return " ".join(done.stdout.split())


def free_port() -> int:
    """Returns a loopback port that nobody has."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def answers(port: int) -> bool:
    """Tells whether somebody listens at a loopback port."""
    with closing(socket.socket()) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@asynccontextmanager
async def listening(name: str, command: Sequence[str], port: int, log: Path) -> AsyncIterator[Process]:
    """Runs a server until the context ends; enters when its port answers.

    Args:
        name: for messages.
        command: its command line.
        port: where it listens.
        log: the file for what it says.

    Raises:
        BenchError: it does not start, ended, or was not ready in time.
    """
    process = await Process.start(name, command, log)
    try:
        await process.ready(lambda: answers(port))
        yield process
    finally:
        await process.stop()


def python_party(environment: Path, file: str, role: str, url: str) -> list[str]:
    """Returns the command line of a party in Python that runs in a virtual environment."""
    return [str(environment / "bin/python"), str(PARTIES / file), role, url]
