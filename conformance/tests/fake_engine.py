"""A container engine in memory, with as much of the docker package's face as the kit uses."""

from __future__ import annotations

import io
import queue
import tarfile
from collections.abc import Iterator
from typing import Any

import docker.errors


class Thing:
    """A network, volume or container, with its labels and what was done to it."""

    def __init__(self, home: dict[str, Thing], name: str, attrs: dict[str, Any]) -> None:
        self.home, self.name, self.attrs = home, name, attrs
        self.stubborn = False
        home[name] = self

    def reload(self) -> None:
        """Does nothing: it is always as it is."""

    def remove(self, **_: bool) -> None:
        """Takes it away, unless it is stubborn."""
        if self.stubborn:
            raise docker.errors.APIError("it is in use")
        self.home.pop(self.name, None)


class Shelf:
    """All things of one kind."""

    def __init__(self, inside: str = "") -> None:
        self.things: dict[str, Thing] = {}
        self.asked: list[dict[str, Any]] = []
        self._inside = inside

    def put(self, name: str, labels: dict[str, str], **attrs: Any) -> Thing:
        told = {"Config": {"Labels": labels}} if self._inside else {"Labels": labels}
        return Thing(self.things, name, {**told, **attrs})

    def create(self, name: str, labels: dict[str, str], **settings: Any) -> Thing:
        self.asked.append({"name": name, **settings})
        return self.put(name, labels, IPAM={"Config": [{"Subnet": "172.30.0.0/16"}]})

    def list(self, filters: dict[str, str], **_: Any) -> list[Thing]:
        key, _, value = filters["label"].partition("=")
        return [one for one in self.things.values() if fits(one.attrs, key, value)]

    def get(self, name: str) -> Thing:
        return self.things[name]


def fits(attrs: dict[str, Any], key: str, value: str) -> bool:
    labels = attrs.get("Config", attrs)["Labels"]
    return key in labels and value in ("", labels[key])


class Api:
    """The low-level calls; each is written down as (call, container)."""

    def __init__(self) -> None:
        self.done: list[tuple[Any, ...]] = []
        self.events: queue.Queue[dict[str, Any]] = queue.Queue()
        self.fails: set[str] = set()
        self.taken = 0
        """How often the address of what is started is still in use."""
        self.output: list[bytes] = [b""]
        self.answers: dict[str, bytes] = {}

    def create_host_config(self, **settings: Any) -> dict[str, Any]:
        return settings

    def create_endpoint_config(self, **settings: Any) -> dict[str, Any]:
        return settings

    def create_networking_config(self, settings: dict[str, Any]) -> dict[str, Any]:
        return settings

    def create_container(self, image: str, **settings: Any) -> dict[str, str]:
        self._do("create", image, settings)
        return {"Id": "c1"}

    def start(self, identity: str) -> None:
        if self.taken:
            self.taken -= 1
            raise docker.errors.APIError("Address already in use")
        self._do("start", identity)

    def kill(self, identity: str) -> None:
        self._do("kill", identity)
        self.die(identity, 137)

    def die(self, identity: str, code: int) -> None:
        self.events.put({"Actor": {"ID": identity, "Attributes": {"exitCode": str(code)}}})

    def pause(self, identity: str) -> None:
        self._do("pause", identity)

    def unpause(self, identity: str) -> None:
        self._do("unpause", identity)

    def connect_container_to_network(self, identity: str, network: str, ipv4_address: str = "") -> None:
        self._do("connect", identity, network, ipv4_address)

    def disconnect_container_from_network(self, identity: str, network: str) -> None:
        self._do("disconnect", identity, network)

    def remove_container(self, identity: str, force: bool = False) -> None:
        self._do("remove", identity)

    def logs(self, identity: str, tail: int = 0) -> bytes:
        return b"".join(self.output)

    def attach(self, identity: str, **_: Any) -> Iterator[bytes]:
        return iter(self.output)

    def exec_create(self, identity: str, command: list[str]) -> dict[str, str]:
        self._do("exec", identity, command[-1])
        return {"Id": command[-1]}

    def exec_start(self, command: str) -> bytes:
        return self.answers.get(command, b"")

    def _do(self, call: str, *args: Any) -> None:
        if call in self.fails:
            raise docker.errors.APIError(f"{call} does not work")
        self.done.append((call, *args))


class FakeEngine:
    """What `docker.from_env()` gives."""

    def __init__(self) -> None:
        self.api = Api()
        self.containers = Shelf("Config")
        self.networks = Shelf()
        self.volumes = Shelf()

    def events(self, **_: Any) -> Iterator[dict[str, Any]]:
        while True:
            yield self.api.events.get()


def packed(files: dict[str, bytes]) -> bytes:
    """A tar archive with these files."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return out.getvalue()
