"""Starts adapters and brokers as containers: `launch.Launch` for the kit that is in a container itself."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from docker import DockerClient

from parley_conformance.containers import belongings
from parley_conformance.containers.container import Container
from parley_conformance.containers.engine import Engine, addresses
from parley_conformance.launch import Started

PLACE = "PARLEY_KIT_PLACE"
"""The environment variable that tells the kit in a container where it is: a `Place` as JSON."""
_BROKER_PORT = 50051
_DATA = "/data"


@dataclass(frozen=True)
class Place:
    """Where the kit runs: its run, who answers for that, and its networks.

    Attributes:
        data: The network between parties, recorder and broker.
        control: The network between the kit and the adapters.
        subnet: Of `data`.
    """

    run: str
    owner: str
    data: str
    control: str
    subnet: str

    def told(self) -> str:
        """As the environment variable has it."""
        return json.dumps(asdict(self))

    @classmethod
    def here(cls) -> Place | None:
        """What the environment variable says; None outside of a run's container."""
        text = os.environ.get(PLACE)
        return cls(**json.loads(text)) if text else None


class Containers:
    """Every program is a container on the network `data`; adapters are on `control` too. Commands begin with an image.

    Args:
        client: The engine.
        place: Where the kit is.
    """

    def __init__(self, client: DockerClient, place: Place) -> None:
        mine = client.containers.get(socket.gethostname()).attrs["NetworkSettings"]["Networks"]
        self.data_host: str = mine[place.data]["IPAddress"]
        self.control_host: str = mine[place.control]["IPAddress"]
        self._client = client
        self._place = place
        self._labels = belongings.labels(place.run, place.owner)
        self._free: Iterator[str] = iter(addresses(place.subnet))
        self._volumes: dict[Path, str] = {}
        self._engine: Engine | None = None

    async def adapter(self, command: Sequence[str], *, name: str, log: Path, port: int) -> Started:
        """As `Launch.adapter`."""
        env = {"PARLEY_KIT": f"{self.control_host}:{port}"}
        return await self._start(command, name, log, next(self._free), control=True, environment=env)

    async def broker(self, command: Sequence[str], settings: Mapping[str, Any], folder: Path) -> Started:
        """As `Launch.broker`; the data lie in a volume that outlives the container, at an address that does, too."""
        address = str(settings["listen"]).rpartition(":")[0] if "listen" in settings else next(self._free)
        given = {"listen": f"{address}:{_BROKER_PORT}", **settings, "data_dir": f"{_DATA}/broker"}
        engine = self._running()
        if folder not in self._volumes:
            volume = f"parley-{self._place.run}-{len(self._volumes)}"
            self._volumes[folder] = volume
            await engine.ask(self._client.volumes.create, volume, labels=self._labels)
        bind = f"{self._volumes[folder]}:{_DATA}"
        log = folder / "broker.log"
        return await self._start([*command, json.dumps(given)], "broker", log, address, bind=bind)

    def _running(self) -> Engine:
        # Made where the first case is played: it belongs to that event loop.
        if self._engine is None:
            self._engine = Engine(self._client, self._place.run)
        return self._engine

    async def _start(
        self,
        command: Sequence[str],
        name: str,
        log: Path,
        address: str,
        *,
        control: bool = False,
        bind: str = "",
        environment: Mapping[str, str] | None = None,
    ) -> Container:
        engine, place = self._running(), self._place
        api: Any = self._client.api
        host = api.create_host_config(
            network_mode=place.data,
            binds=[bind] if bind else None,
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
        )
        endpoint = api.create_networking_config({place.data: api.create_endpoint_config(ipv4_address=address)})
        made = await engine.ask(
            api.create_container,
            command[0],
            command=list(command[1:]) or None,
            environment=dict(environment or {}),
            labels=self._labels,
            # A launcher ends its broker when its standard input ends.
            stdin_open=True,
            host_config=host,
            networking_config=endpoint,
        )
        container = Container(engine, made["Id"], name, log, place.data, address)
        try:
            if control:
                await engine.ask(api.connect_container_to_network, made["Id"], place.control)
            await container.start()
        except BaseException:
            await asyncio.shield(engine.try_to(api.remove_container, made["Id"], force=True))
            raise
        return container
