"""Where the parties of a run are: processes on this machine, or containers on networks of their own.

Containers need the package `docker`, an extra of the distribution: it is asked for only where it is used.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from parley_conformance import languages
from parley_conformance.broker import BrokerSource
from parley_conformance.cli.selection import Discover, HarnessFailure
from parley_conformance.launch import PROCESSES, Launch
from parley_conformance.model import HarnessError

if TYPE_CHECKING:
    from parley_conformance.containers.launching import Place

PROCESS = "process"
CONTAINER = "container"
BROKER_IMAGE = "parley-kit-broker"


@dataclass(frozen=True)
class Mode:
    """How parties are started, which adapters there are, and where brokers come from if nothing is said."""

    launch: Launch
    discover: Discover
    source: BrokerSource


def chosen(name: str, out: Path, files: Sequence[Path] = (), attached: Iterable[str] = ()) -> Mode:
    """The mode of this name. For `container` outside of one: the kit runs in a container, and the process ends with it.

    Args:
        name: `process` or `container`.
        out: For reports and logs.
        files: What the command line names of this machine's files.
        attached: Names of adapters that are started by hand; for processes.

    Raises:
        HarnessFailure: There is no container engine, or something that it needs.
    """
    if name == PROCESS:
        return Mode(PROCESSES, partial(languages.discover, attached=attached), BrokerSource())
    with _told():
        from parley_conformance.containers.launching import Place

        place = Place.here()
        if place is None:
            from parley_conformance.containers import outside

            sys.exit(outside.run(sys.argv[1:], out, files))
        return _inside(place)


def _inside(place: Place) -> Mode:
    from parley_conformance.containers.engine import connect
    from parley_conformance.containers.launching import Containers

    client = connect()
    tags = {tag.removesuffix(":latest") for image in client.images.list() for tag in image.tags}
    source = BrokerSource(command=(BROKER_IMAGE,))
    return Mode(Containers(client, place), partial(languages.in_images, images=tags), source)


@contextlib.contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name != "docker":
            raise
        text = "--mode container needs the package docker: pip install 'parley-conformance[containers]'"
        raise HarnessFailure(text) from error
    except HarnessError as error:
        raise HarnessFailure(str(error)) from error
