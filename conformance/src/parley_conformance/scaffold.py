"""A first adapter for an author: a program that starts, what to fill in, and all that there is to read."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from parley_conformance.paths import ADAPTERS, CONFORMANCE, SCAFFOLDS, SCHEMAS, SPEC, VECTORS


@dataclass(frozen=True)
class Scaffold:
    """One kind of first adapter: `command` starts it and `build` builds it, where `{folder}` is its folder."""

    name: str
    command: str
    build: str = ""

    def started(self, folder: Path) -> str:
        """The command that starts the one in a folder, as it is written in a shell."""
        return self.command.format(folder=shlex.quote(str(folder)))

    def built(self, folder: Path) -> str:
        """The command that builds it; empty: nothing is to be built."""
        return self.build.format(folder=shlex.quote(str(folder)))


KINDS: Sequence[Scaffold] = (
    Scaffold("python", "python3 {folder}/adapter.py"),
    Scaffold("dotnet", "dotnet {folder}/bin/Release/net10.0/Adapter.dll", "dotnet build -c Release {folder}"),
    Scaffold("generic", "bash {folder}/adapter.sh"),
)


def write(kind: Scaffold, folder: Path) -> list[Path]:
    """Writes a scaffold into a folder that is empty or not there.

    Returns:
        The files of the adapter itself, without those of the reference.

    Raises:
        FileExistsError: There is something in the folder.
    """
    if folder.exists() and any(folder.iterdir()):
        raise FileExistsError(f"{folder} is not empty: name a folder that is")
    shutil.copytree(
        SCAFFOLDS / kind.name, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("bin", "obj", "__*")
    )
    name = adapter_name(folder)
    text = (SCAFFOLDS / "README.md").read_text(encoding="utf-8")
    text = text.replace("@COMMAND@", kind.started(folder)).replace("@NAME@", name)
    if kind.build:
        text = text.replace("```sh\n", f"```sh\n{kind.built(folder)}\n", 1)
    (folder / "README.md").write_text(text, encoding="utf-8")
    written = sorted(path for path in folder.iterdir() if path.is_file())
    _write_reference(folder / "reference")
    return written


def adapter_name(folder: Path) -> str:
    """A name for the adapter in a folder that the kit's options take: letters, digits and underscores."""
    name = re.sub(r"\W", "_", folder.resolve().name)
    return name if name.isidentifier() else f"adapter_{name}"


def _write_reference(folder: Path) -> None:
    """Puts what an author reads beside the adapter, so that links among the texts hold."""
    kit = folder / CONFORMANCE.name
    (kit / "adapters").mkdir(parents=True)
    for name in ("PROTOCOL.md", "probe.proto"):
        shutil.copy(ADAPTERS / name, kit / "adapters")
    (kit / "schema").mkdir()
    shutil.copy(SCHEMAS / "adapter.schema.json", kit / "schema")
    generated = shutil.ignore_patterns("*_pb2.py", "*_pb2.pyi", "__pycache__")
    shutil.copytree(VECTORS, kit / "vectors", ignore=generated)
    shutil.copytree(SPEC.parent / "parley", folder / "proto" / "parley")
    shutil.copy(SPEC, folder / "proto")
