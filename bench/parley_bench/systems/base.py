"""What the bench has to know of a system that it measures."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from parley_bench.vocabulary import Kind, Language, Role, Storage


@dataclass(frozen=True)
class ServerOptions:
    """How a server is to be run.

    Attributes:
        storage: where it keeps what must be kept: `memory`, or `sqlite` for files with fsync before the answer; `own`
            for a system that has one way only.
    """

    storage: Storage = "sqlite"


@dataclass(frozen=True)
class Server:
    """A server that runs.

    Attributes:
        url: where parties find it; what it looks like is between `System.server` and `System.party`.
        pids: its processes, whose CPU and memory count as the server's.
        versions: of the server and the libraries in use, by name.
    """

    url: str
    pids: tuple[int, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class System:
    """Something that carries messages between processes.

    Attributes:
        name: in scenarios and results, e.g. `nats`.
        title: for people, e.g. `NATS core (nats-py)`.
        kinds: the work that it can do.
        languages: of its parties.
        missing: returns what is missing here, with the command that installs it; nothing if all is there.
        server: runs its server on a free loopback port, with its data below the folder, until the context ends.
        party: returns the command line of a party, which takes the JSON lines of bench/parties/python/harness.py;
            the role `in-process` has no server, and its url is empty.
        storages: the ways to keep things that it has; none: one of its own.
        in_process: whether caller and host are one process, without a server.
    """

    name: str
    title: str
    kinds: frozenset[Kind]
    languages: tuple[Language, ...]
    missing: Callable[[], str]
    server: Callable[[Path, ServerOptions], AbstractAsyncContextManager[Server]]
    party: Callable[[Language, Role, str], list[str]]
    storages: tuple[Storage, ...] = ()
    in_process: bool = False


@asynccontextmanager
async def no_server(folder: Path, options: ServerOptions) -> AsyncIterator[Server]:
    """Is the server of a system that is in one process."""
    yield Server("")
