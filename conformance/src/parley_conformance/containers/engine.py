"""The container engine as the kit uses it: one connection, networks, and the calls that must not block the kit."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import docker.errors
import requests.exceptions
from docker import DockerClient
from docker.types import IPAMConfig, IPAMPool

from parley_conformance.containers import belongings
from parley_conformance.model import HarnessError

T = TypeVar("T")
_THREADS = 16
_LIMIT_S = 120
FAILURES = (docker.errors.DockerException, requests.exceptions.RequestException, OSError)
"""What the engine's calls raise."""


def connect(limit_s: int = _LIMIT_S) -> DockerClient:
    """Connects to the engine that DOCKER_HOST names, or else the usual one.

    Args:
        limit_s: How long one call may take, in seconds.

    Raises:
        HarnessError: None answers.
    """
    try:
        client = docker.from_env(timeout=limit_s)
        client.ping()
    except FAILURES as error:
        raise HarnessError(f"no container engine answers: {error}") from error
    return client


def make_network(client: DockerClient, name: str, labels: dict[str, str]) -> str:
    """Makes a network that leads nowhere else, where addresses can be chosen; returns its subnet, `a.b.c.d/n`.

    The engine picks a subnet that is free, and is then told to use that one: only so does it let addresses be chosen.
    """
    settings: dict[str, Any] = {"driver": "bridge", "internal": True, "labels": labels}
    found = client.networks.create(name, **settings)
    found.reload()
    subnet = str(found.attrs["IPAM"]["Config"][0]["Subnet"])
    found.remove()
    client.networks.create(name, ipam=IPAMConfig(pool_configs=[IPAMPool(subnet=subnet)]), **settings)
    return subnet


def addresses(subnet: str) -> list[str]:
    """The addresses of a subnet that a run gives away, lowest first: the first are the gateway's and the kit's."""
    network = ipaddress.ip_network(subnet)
    return [str(network[number]) for number in range(8, min(network.num_addresses - 1, 1 << 14))]


class Engine:
    """The engine, asked from asyncio, and told by it which containers of a run have ended."""

    def __init__(self, client: DockerClient, run: str) -> None:
        self.client = client
        self.api: Any = client.api
        self._run = run
        self._pool = ThreadPoolExecutor(_THREADS, "engine")
        self._loop = asyncio.get_running_loop()
        self._ends: dict[str, asyncio.Future[int]] = {}
        self._listening = threading.Event()
        threading.Thread(target=self._listen, name="engine: events", daemon=True).start()

    async def ask(self, call: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Makes a call of the engine.

        Raises:
            HarnessError: It failed.
        """
        try:
            return await self._loop.run_in_executor(self._pool, lambda: call(*args, **kwargs))
        except FAILURES as error:
            raise HarnessError(f"the container engine: {error}") from error

    async def try_to(self, call: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        """Makes a call that has nothing to do when the container is gone already."""
        with contextlib.suppress(HarnessError):
            await self.ask(call, *args, **kwargs)

    async def watch(self, identity: str) -> asyncio.Future[int]:
        """The exit code that a container will have; to be asked for before it is started."""
        await self._loop.run_in_executor(self._pool, self._listening.wait, _LIMIT_S)
        future: asyncio.Future[int] = self._loop.create_future()
        self._ends[identity] = future
        return future

    def _listen(self) -> None:
        filters = {"type": "container", "event": "die", "label": f"{belongings.RUN}={self._run}"}
        events = self.client.events(decode=True, filters=filters)
        self._listening.set()
        # It ends with the process that listens, or with the engine.
        with contextlib.suppress(*FAILURES, RuntimeError):
            for event in events:
                actor = event["Actor"]
                code = int(actor["Attributes"].get("exitCode", -1))
                self._loop.call_soon_threadsafe(self._ended, actor["ID"], code)

    def _ended(self, identity: str, code: int) -> None:
        future = self._ends.pop(identity, None)
        if future is not None and not future.done():
            future.set_result(code)
