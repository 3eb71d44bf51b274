from __future__ import annotations

import subprocess
import sys

import pytest
from click.testing import CliRunner

from parley_conformance.cli import main


def test_every_verb_tells_what_it_does() -> None:
    told = CliRunner().invoke(main, ["--help"]).output
    for name, verb in main.commands.items():
        assert verb.help, name
        assert f"\n  {name} " in told


@pytest.mark.parametrize("package", ["parley_conformance", "parley_conformance.cli"])
def test_the_package_is_a_program(package: str) -> None:
    done = subprocess.run([sys.executable, "-m", package, "--version"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("parley-conformance, version")
