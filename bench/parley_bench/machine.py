"""Where and of what a result was made."""

import os
import platform
import subprocess
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any


def provenance(root: Path, dotnet: bool) -> dict[str, Any]:
    """Returns commit, date, machine and versions.

    Args:
        root: the repository.
        dotnet: whether .NET parties take part.
    """
    versions = {"python": platform.python_version()}
    if dotnet:
        versions["dotnet"] = _output(root, "dotnet", "--version")
    return {
        "commit": _output(root, "git", "describe", "--always", "--abbrev=40", "--dirty=-changed", "--exclude=*"),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {
            "system": platform.platform(),
            "processor": _processor(),
            "cores": os.cpu_count() or 1,
            "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        },
        "versions": versions,
    }


def versions_of(*packages: str) -> dict[str, str]:
    """Returns the versions of those of these Python packages that are installed here."""
    versions = {}
    for package in packages:
        with suppress(PackageNotFoundError):
            versions[package] = version(package)
    return versions


def _output(root: Path, *command: str) -> str:
    try:
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True, timeout=30)
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return done.stdout.strip()


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or "unknown"
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
