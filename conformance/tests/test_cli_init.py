from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from parley_conformance.cli import main


def test_it_says_what_comes_next(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["init", "generic", str(tmp_path / "rust")])
    assert done.exit_code == 0, done.output
    assert f"written: {tmp_path}/rust/adapter.sh" in done.output
    assert f"next:    parley-conformance smoke --adapter 'rust=bash {tmp_path}/rust/adapter.sh'" in done.output
    again = CliRunner().invoke(main, ["init", "generic", str(tmp_path / "rust")])
    assert again.exit_code == 2
    assert "is not empty" in again.output


def test_what_must_be_built_is_said(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["init", "dotnet", str(tmp_path / "net")])
    assert f"build:   dotnet build -c Release {tmp_path}/net" in done.output


@pytest.mark.parametrize("kind", ["cobol", ""])
def test_a_kind_that_there_is_not(kind: str) -> None:
    done = CliRunner().invoke(main, ["init", kind])
    assert done.exit_code == 2
    assert "generic" in done.output
