"""The README's ten minutes, as a reader copies them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from parley_conformance.cli import main
from parley_conformance.paths import CONFORMANCE

README = (CONFORMANCE / "README.md").read_text(encoding="utf-8")
DOCUMENTS = [
    CONFORMANCE / "README.md",
    CONFORMANCE / "adapters" / "PROTOCOL.md",
    *sorted((CONFORMANCE / "docs").glob("*.md")),
]
SET_UP = ("make setup", ". .venv/bin/activate")


@pytest.mark.timeout(220)
def test_from_nothing_to_the_first_verdict(tmp_path: Path) -> None:
    blocks = re.findall(r"^```sh\n(.*?)^```", README, re.M | re.S)
    lines = [line for block in blocks for line in block.splitlines() if line not in SET_UP]
    script = "\n".join(lines).replace("--pair", f"--out '{tmp_path}/out' --pair")
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-eu", "-c", script],
        cwd=tmp_path,
        env={**os.environ, "PATH": path},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("1 planned, 1 reported: 1 pass") == 1
    assert "2 planned, 2 reported: 2 pass" in done.stdout
    assert "It lacks: start, encode, decode." in done.stdout
    assert "next: register: " in done.stdout
    assert "rpc/unknown-agent-type  (MUST, profile core" in done.stdout


def test_every_verb_is_in_the_readme_and_every_command_there_is_one() -> None:
    told = set(re.findall(r"parley-conformance ([a-z]+)", README))
    assert told == set(main.commands)


def test_every_option_that_is_named_exists() -> None:
    known = {option for verb in main.commands.values() for one in verb.params for option in one.opts}
    for document in DOCUMENTS:
        for line in re.findall(r"parley-conformance [^\n`]*", document.read_text(encoding="utf-8")):
            assert set(re.findall(r" (--[a-z-]+)", line)) <= known, line


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_hold(document: Path) -> None:
    for link in re.findall(r"\]\(([^)#\s]+)\)", document.read_text(encoding="utf-8")):
        assert link.startswith("http") or (document.parent / link).exists(), link


def test_each_case_that_is_named_exists() -> None:
    listed = CliRunner().invoke(main, ["list"]).output
    for name in set(re.findall(r"(?:run|explain) ([a-z-]+/[a-z-]+)", README)):
        assert f"{name}[" in listed, name
