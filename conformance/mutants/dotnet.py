"""Builds the .NET adapter over an SDK that has every bug of `mutants/dotnet/*.patch` in it, each of them asleep.

    python conformance/mutants/dotnet.py

Prints one line of JSON, `{"command": [...]}`: the adapter. The variable PARLEY_MUTANT of its environment wakes the one
bug of that name; without it the adapter is as good as the shipped one. A bug that is reached appends a line to the file
that PARLEY_MUTANT_REACHED names. The bugs are in a copy, build/mutants/dotnet, built anew when anything in it changed.

A patch that no longer applies is an error (exit code 1): a bug that is no longer there must not pass for one that
nobody notices. `conformance/mutants/dotnet.yaml` says which checks turn red for which bug.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PATCHES = Path(__file__).resolve().parent / "dotnet"
COPY = ROOT / "build" / "mutants" / "dotnet"
# What the adapter is built from, each at its place below the root.
SOURCES = (
    "proto",
    "dotnet/src",
    "dotnet/Directory.Build.props",
    "dotnet/Directory.Packages.props",
    "dotnet/global.json",
    "dotnet/README.md",
    "conformance/adapters/dotnet",
    "conformance/adapters/probe.proto",
    "conformance/vectors/messages.proto",
)
# The one file that bugs share: whether one is awake.
HELPER = (PATCHES / "Mutant.cs", "dotnet/src/Parley/Mutant.cs")
PROJECT = "conformance/adapters/dotnet"
ADAPTER = f"{PROJECT}/bin/Release/net10.0/ParleyAdapter.dll"
# The shipped sources are held to the rules of style; here only the code counts.
BUILD = ("dotnet", "build", "-c", "Release", "-nodeReuse:false", "--verbosity", "quiet", "-p:RunAnalyzers=false")


class PatchError(Exception):
    """Patches do not apply; the text names each and says why."""


def main() -> None:
    """Prints the command; what building says goes to stderr."""
    try:
        command = built()
    except PatchError as error:
        sys.exit(str(error))
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"the broken adapter cannot be built: {error}")
    sys.stdout.write(json.dumps({"command": command}) + "\n")


def built() -> list[str]:
    """The adapter's command, built if it is not, by one process at a time.

    Raises:
        PatchError: As `patched`.
        subprocess.CalledProcessError: It does not compile.
    """
    COPY.mkdir(parents=True, exist_ok=True)
    stamp = COPY / "built"
    with (COPY / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = fingerprint()
        if not (stamp.exists() and stamp.read_text() == wanted and (COPY / ADAPTER).exists()):
            stamp.unlink(missing_ok=True)
            with tempfile.TemporaryDirectory() as folder:
                patched(Path(folder), sorted(PATCHES.glob("*.patch")))
                bring(Path(folder), COPY)
            told = {**os.environ, "DOTNET_CLI_TELEMETRY_OPTOUT": "1", "DOTNET_NOLOGO": "1"}
            command = [*BUILD, str(COPY / PROJECT)]
            subprocess.run(command, env=told, stdin=subprocess.DEVNULL, stdout=sys.stderr, check=True)
            stamp.write_text(wanted)
    return ["dotnet", str(COPY / ADAPTER)]


def patched(folder: Path, patches: list[Path]) -> None:
    """Puts the sources into an empty folder, with these bugs and the helper that wakes them.

    Raises:
        PatchError: Some patch does not apply.
    """
    for name in sources():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, folder / name)
    shutil.copyfile(HELPER[0], folder / HELPER[1])
    refused = []
    for patch in patches:
        # Where the folder lies must not matter: not even within a repository.
        told = {**os.environ, "GIT_CEILING_DIRECTORIES": str(folder.parent)}
        applied = subprocess.run(["git", "apply", str(patch)], cwd=folder, env=told, capture_output=True, text=True)
        if applied.returncode:
            refused.append(f"{patch.name} no longer applies to dotnet/src:\n{applied.stderr.strip()}")
    if refused:
        raise PatchError("\n".join(refused))


def bring(folder: Path, target: Path) -> None:
    """Makes the target's sources those of the folder. What is alike is left alone, and so is what was built of it."""
    wanted = {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}
    for name in wanted:
        content = (folder / name).read_bytes()
        if not (target / name).exists() or (target / name).read_bytes() != content:
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            (target / name).write_bytes(content)
    for path in list(target.rglob("*.cs")):
        name = path.relative_to(target)
        if name not in wanted and not {"bin", "obj"} & set(name.parts):
            path.unlink()


def fingerprint() -> str:
    """Changes with everything that the copy is made of."""
    made = hashlib.sha256()
    for path in (Path(__file__), HELPER[0], *sorted(PATCHES.glob("*.patch")), *(ROOT / name for name in sources())):
        made.update(f"{path.relative_to(ROOT)} {path.stat().st_size}\n".encode())
        made.update(path.read_bytes())
    return made.hexdigest()


def sources() -> Iterator[str]:
    """The files that are copied, by their names below the root, in order."""
    for source in SOURCES:
        path = ROOT / source
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            name = file.relative_to(ROOT)
            if file.is_file() and not {"bin", "obj"} & set(name.parts):
                yield str(name)


if __name__ == "__main__":
    main()
