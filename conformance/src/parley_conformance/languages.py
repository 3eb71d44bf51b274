"""The adapters that there are: by default Parley's own two, with the reason where one cannot run."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Container, Iterable
from dataclasses import dataclass, replace

from parley_conformance.attach import ATTACHED
from parley_conformance.paths import ADAPTERS, CONFORMANCE

DOTNET_PROJECT = ADAPTERS / "dotnet"
DOTNET_ADAPTER = DOTNET_PROJECT / "bin" / "Release" / "net10.0" / "ParleyAdapter.dll"
PYTHON_ADAPTER = ADAPTERS / "python" / "adapter.py"


@dataclass(frozen=True)
class Language:
    """One adapter: the command that starts it, or why it cannot be started."""

    name: str
    command: tuple[str, ...]
    missing: str = ""


def discover(added: Iterable[str] = (), attached: Iterable[str] = ()) -> dict[str, Language]:
    """Finds the adapters.

    Args:
        added: `NAME=COMMAND`, as a user writes it; the name of one that is there replaces it.
        attached: Names of adapters that are started by hand.

    Raises:
        ValueError: Not of that form.
    """
    own = (Language("python", (sys.executable, str(PYTHON_ADAPTER))), _dotnet())
    found = _with(added, {one.name: one for one in own})
    for name in attached:
        if not name.isidentifier():
            raise ValueError(f"{name!r}: an adapter to attach has a name of letters, digits and underscores")
        found[name] = Language(name, ATTACHED)
    return found


def in_images(added: Iterable[str] = (), *, images: Container[str]) -> dict[str, Language]:
    """Finds the adapters that are images; each command begins with the image's name.

    Args:
        added: `NAME=IMAGE`, or `NAME=IMAGE ARGUMENTS`.
        images: The names of those that there are.

    Raises:
        ValueError: Not of that form.
    """
    found = _with(added, {name: Language(name, (f"parley-adapter-{name}",)) for name in ("python", "dotnet")})
    return {name: one if one.command[0] in images else _no_image(one) for name, one in found.items()}


def _no_image(language: Language) -> Language:
    return replace(language, missing=f"there is no image {language.command[0]}; scripts/images builds the kit's own")


def _with(added: Iterable[str], found: dict[str, Language]) -> dict[str, Language]:
    for text in added:
        name, equals, command = text.partition("=")
        if not (equals and name.isidentifier() and command.strip()):
            raise ValueError(f"{text!r}: an adapter is given as NAME=COMMAND, e.g. rust='target/release/adapter'")
        found[name] = Language(name, tuple(shlex.split(command)))
    return found


def _dotnet() -> Language:
    command = ("dotnet", str(DOTNET_ADAPTER))
    if shutil.which("dotnet") is None:
        return Language("dotnet", command, "dotnet is not installed")
    if not DOTNET_PROJECT.is_dir():
        return Language("dotnet", command, "the .NET adapter is only in a checkout of the repository")
    if not DOTNET_ADAPTER.exists():
        project = DOTNET_PROJECT.relative_to(CONFORMANCE.parent)
        return Language("dotnet", command, f"the adapter is not built: dotnet build -c Release {project}")
    return Language("dotnet", command)
