"""Runs the kit in a container: makes its networks, shows what it says, fetches its reports, and puts all away."""

from __future__ import annotations

import contextlib
import io
import os
import secrets
import shutil
import signal
import sys
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import click
from docker import DockerClient

from parley_conformance import exitcode
from parley_conformance.containers import belongings
from parley_conformance.containers.engine import FAILURES, connect, make_network
from parley_conformance.containers.launching import PLACE, Place
from parley_conformance.model import HarnessError

IMAGE = "parley-kit"
_OUT = "/out"
_SOCKET = "/var/run/docker.sock"
_LONG_S = 6 * 3600
_CODES = (exitcode.CONFORMS, exitcode.FAILS, exitcode.HARNESS_ERROR, exitcode.INCONCLUSIVE)
_SHOWN = ("TERM", "NO_COLOR", "CI")


def run(arguments: Sequence[str], out: Path, files: Sequence[Path] = ()) -> int:
    """Runs `parley-conformance` with these arguments in a container; returns its exit code.

    Args:
        arguments: The command line without the program's name; `--out` is added.
        out: Gets the reports and logs.
        files: What the arguments name of this machine's files; they are at the same places in the container.

    Raises:
        HarnessError: No engine answers, an image is not there, the engine failed, or the kit was ended from outside.
    """
    client = connect(_LONG_S)
    socket = _socket(client)
    if left := belongings.sweep(client):
        click.echo(f"removed {left} containers, networks and volumes that earlier runs left behind", err=True)
    identity = secrets.token_hex(4)
    owner = belongings.owner()
    with _terminating(), _swept(client, identity):
        try:
            labels = belongings.labels(identity, owner)
            data, control = f"parley-{identity}-data", f"parley-{identity}-control"
            place = Place(identity, owner, data, control, make_network(client, data, labels))
            make_network(client, control, labels)
            kit = _create(client, place, [*arguments, "--out", _OUT], socket)
            client.networks.get(control).connect(kit)
            if files:
                kit.put_archive("/", _packed(files))
            kit.start()
            code = _shown(kit)
            _fetch(kit, out)
            click.echo(f"fetched to {out}")
            if code not in _CODES:
                raise HarnessError(f"the container of the kit ended with exit code {code}")
        except FAILURES as error:
            raise HarnessError(f"the container engine: {error}") from error
    return code


def _socket(client: DockerClient) -> str:
    address = os.environ.get("DOCKER_HOST", f"unix://{_SOCKET}")
    if not address.startswith("unix://"):
        raise HarnessError(f"the kit in a container needs the engine's socket, and DOCKER_HOST is {address}")
    return address.removeprefix("unix://")


def _create(client: DockerClient, place: Place, arguments: Sequence[str], socket: str) -> Any:
    environment = {name: os.environ[name] for name in _SHOWN if name in os.environ}
    environment["COLUMNS"] = str(shutil.get_terminal_size((120, 40)).columns)
    return client.containers.create(
        IMAGE,
        list(arguments),
        environment={**environment, PLACE: place.told(), "DOCKER_HOST": f"unix://{_SOCKET}"},
        labels=belongings.labels(place.run, place.owner),
        network=place.data,
        volumes={socket: {"bind": _SOCKET, "mode": "rw"}},
        # The image's user may use the socket, and nothing else of this machine.
        group_add=[str(os.stat(socket).st_gid)],
        cap_drop=["ALL"],
        security_opt=["no-new-privileges"],
        tty=sys.stdout.isatty(),
        # Relative names of files in the arguments mean the same there.
        working_dir=str(Path.cwd()),
    )


def _shown(kit: Any) -> int:
    """Shows what the kit says until it ends. An interrupt is handed on, once; a second one ends it all."""
    interrupted = False
    seen = 0
    while True:
        try:
            # After an interrupt the log is taken up where it was left.
            for piece in _after(kit.logs(stream=True, follow=True), seen):
                seen += len(piece)
                sys.stdout.buffer.write(piece)
                sys.stdout.buffer.flush()
            return int(kit.wait()["StatusCode"])
        except KeyboardInterrupt:
            if interrupted:
                raise
            interrupted = True
            with contextlib.suppress(*FAILURES):
                kit.kill("SIGINT")


def _after(pieces: Iterator[bytes], count: int) -> Iterator[bytes]:
    """The pieces without the first `count` bytes."""
    for piece in pieces:
        rest = piece[count:]
        count = max(0, count - len(piece))
        if rest:
            yield rest


def _packed(files: Sequence[Path]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for file in files:
            archive.add(file, arcname=str(file.absolute()).lstrip("/"))
    return packed.getvalue()


def _fetch(kit: Any, out: Path) -> None:
    pieces, _ = kit.get_archive(_OUT)
    out.mkdir(parents=True, exist_ok=True)
    with tarfile.open(fileobj=io.BytesIO(b"".join(pieces))) as archive:
        for member in archive.getmembers():
            parts = PurePosixPath(member.name).parts[1:]
            if ".." in parts:
                raise HarnessError(f"the kit's container has a report outside of its folder: {member.name}")
            # Not `extract`: Python 3.11.2 has no filter for it yet.
            if content := archive.extractfile(member):
                out.joinpath(*parts).parent.mkdir(parents=True, exist_ok=True)
                out.joinpath(*parts).write_bytes(content.read())


@contextlib.contextmanager
def _swept(client: DockerClient, identity: str) -> Iterator[None]:
    try:
        yield
    finally:
        belongings.sweep(client, identity)


@contextlib.contextmanager
def _terminating() -> Iterator[None]:
    """SIGTERM is an interrupt: what was begun is put away."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
