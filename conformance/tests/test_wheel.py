"""The kit as a user installs it: a wheel, used from a folder that knows nothing of a checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from parley_conformance.paths import CONFORMANCE

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the wheel has, as an installation lays it out."""
    folder = tmp_path_factory.mktemp("wheel")
    options = ["--no-deps", "--no-index", "--no-build-isolation", "--quiet", "--wheel-dir", str(folder)]
    command = [sys.executable, "-m", "pip", "wheel", *options, str(CONFORMANCE)]
    built = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    assert built.returncode == 0, built.stderr
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as content:
        content.extractall(folder / "site")
    return folder / "site"


def kit(installed: Path, where: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    where.mkdir(exist_ok=True)
    others = [path for path in os.environ.get("PYTHONPATH", "").split(":") if path and "conformance" not in path]
    return subprocess.run(
        [sys.executable, "-m", "parley_conformance.cli", *arguments],
        cwd=where,
        env={**os.environ, "PYTHONPATH": ":".join([str(installed), *others])},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def test_it_lists_and_runs_from_another_folder(installed: Path, tmp_path: Path) -> None:
    listed = kit(installed, tmp_path / "elsewhere", "list", "rpc/echo")
    assert listed.returncode == 0, listed.stderr
    assert "rpc/echo[python-python-json]" in listed.stdout
    done = kit(installed, tmp_path / "elsewhere", "run", "rpc/echo", "--pair", "python-python")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "elsewhere" / "build" / "conformance" / "report.html").exists()


def test_it_scaffolds_with_all_that_there_is_to_read(installed: Path, tmp_path: Path) -> None:
    done = kit(installed, tmp_path / "elsewhere", "init", "generic", "rust")
    assert done.returncode == 0, done.stderr
    reference = tmp_path / "elsewhere" / "rust" / "reference"
    assert (reference / "proto" / "parley" / "v1" / "broker_service.proto").exists()
    assert (reference / "conformance" / "adapters" / "PROTOCOL.md").exists()


def test_what_it_lacks_is_said(installed: Path, tmp_path: Path) -> None:
    done = kit(installed, tmp_path / "elsewhere", "run", "rpc/echo", "--pair", "dotnet-python", "--require", "dotnet")
    assert done.returncode == 2
    assert "dotnet" in done.stdout
