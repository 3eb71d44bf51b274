from datetime import datetime
from pathlib import Path

import pytest

from parley_bench.machine import provenance, versions_of


def test_says_where_and_of_what_a_result_was_made() -> None:
    made = provenance(Path(__file__).parent, dotnet=False)

    assert datetime.fromisoformat(made["date"]).tzinfo is not None
    assert made["machine"]["cores"] >= 1
    assert made["versions"]["python"]
    assert "dotnet" not in made["versions"]


def test_a_tree_without_git_is_unknown_and_not_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")

    made = provenance(tmp_path, dotnet=True)

    assert made["commit"] == "unknown"
    assert made["versions"]["dotnet"] == "unknown"


def test_versions_are_those_of_what_is_installed() -> None:
    assert set(versions_of("grpcio", "no-such-package")) == {"grpcio"}
