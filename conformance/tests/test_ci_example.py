"""The workflow that authors copy: it can be read, and its commands are the kit's own."""

from __future__ import annotations

import re
import shlex
from typing import Any

import yaml
from click.testing import CliRunner

from parley_conformance.cli import main
from parley_conformance.paths import CONFORMANCE

WORKFLOW: dict[str, Any] = yaml.safe_load((CONFORMANCE / "examples" / "conformance.yml").read_text(encoding="utf-8"))
JOB = WORKFLOW["jobs"]["conformance"]


def commands() -> list[list[str]]:
    """The kit's commands in it, with the values of the first part."""
    told = []
    for step in JOB["steps"]:
        text = step.get("run", "").replace("${{ matrix.part }}", "1/4")
        if text.startswith("parley-conformance"):
            told.append(shlex.split(re.sub(r"\$\{\{.*?\}\}", "--profile core", text)))
    return told


def test_its_commands_are_understood() -> None:
    verbs = [command[1] for command in commands()]
    assert verbs == ["smoke", "run"]
    for command in commands():
        options = {option for one in main.commands[command[1]].params for option in one.opts}
        assert {word for word in command[2:] if word.startswith("--")} <= options
    selection = commands()[1][2:]
    for name in ("--out", "--jobs"):
        at = selection.index(name)
        del selection[at : at + 2]
    listed = CliRunner().invoke(main, ["list", *selection])
    assert listed.exit_code == 0, listed.output
    assert "[mine-python-json]" in listed.output


def test_the_parts_are_the_whole() -> None:
    parts = JOB["strategy"]["matrix"]["part"]
    assert parts == [f"{number}/{len(parts)}" for number in range(1, len(parts) + 1)]


def test_what_did_not_pass_is_kept() -> None:
    (upload,) = [step for step in JOB["steps"] if "upload-artifact" in step.get("uses", "")]
    assert upload["if"] == "always()"
    run = next(command for command in commands() if command[1] == "run")
    assert upload["with"]["path"] == run[run.index("--out") + 1]
