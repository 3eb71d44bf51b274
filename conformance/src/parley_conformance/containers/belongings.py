"""What a run has at the container engine: all of it is labelled, so that nothing of it stays behind.

Every container, network and volume carries the run that it belongs to and the process that answers for the run. What
belongs to a process that is gone is left over, and the next run puts it away.
"""

from __future__ import annotations

import contextlib
import os
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import docker.errors
from docker import DockerClient

RUN = "parley.kit.run"
OWNER = "parley.kit.owner"
_AT_ONCE = 4


def owner() -> str:
    """Who answers for a run that is begun now: this machine, this process, and when it began."""
    return f"{socket.gethostname()} {os.getpid()} {_began(os.getpid())}"


def labels(run: str, owned_by: str) -> dict[str, str]:
    """The labels of all that a run makes."""
    return {RUN: run, OWNER: owned_by}


def is_left_over(owned_by: str) -> bool:
    """True if the owner was a process of this machine and is gone; of another machine's nothing is known."""
    host, _, rest = owned_by.partition(" ")
    pid, _, began = rest.partition(" ")
    return host == socket.gethostname() and pid.isdigit() and _began(int(pid)) != began


def sweep(client: DockerClient, run: str = "") -> int:
    """Puts away all that belongs to a run, or without one what earlier runs left behind; returns how many things.

    What is gone already, or cannot be removed while another sweep does, is no error.
    """

    def ours(thing: Any) -> bool:
        found = _labels(thing)
        return found.get(RUN) == run if run else is_left_over(found.get(OWNER, ""))

    def remove(thing: Any, **how: bool) -> bool:
        with contextlib.suppress(docker.errors.APIError):
            thing.remove(**how)
            return True
        return False

    only: dict[str, Any] = {"label": f"{RUN}={run}" if run else RUN}
    containers = [one for one in client.containers.list(all=True, filters=only, ignore_removed=True) if ours(one)]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        removed = sum(pool.map(lambda one: remove(one, force=True, v=True), containers))
    removed += sum(remove(one, force=True) for one in client.volumes.list(filters=only) if ours(one))
    return removed + sum(remove(one) for one in client.networks.list(filters=only) if ours(one))


def _labels(thing: Any) -> dict[str, str]:
    attributes = thing.attrs
    return dict(attributes.get("Config", attributes).get("Labels") or {})


def _began(pid: int) -> str:
    """When a process began, in the kernel's ticks; empty if there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19]
    except OSError:
        return ""
