import subprocess
from pathlib import Path

import pytest

from parley_bench.processes import BenchError
from parley_bench.trees import checked_out


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    identity = ["-c", "user.name=Bench", "-c", "user.email=bench@example.com", "-c", "commit.gpgsign=false"]
    (folder / "file").write_text("first")
    for command in (["init", "--quiet"], ["add", "file"], [*identity, "commit", "--quiet", "--message", "First"]):
        subprocess.run(["git", *command], cwd=folder, check=True, timeout=30)
    (folder / "file").write_text("changed")
    return folder


def test_a_commit_is_checked_out_for_as_long_as_it_is_needed(repository: Path, tmp_path: Path) -> None:
    with checked_out(repository, "HEAD", tmp_path / "build/tree") as tree:
        assert (tree / "file").read_text() == "first"

    assert not tree.exists()
    assert (repository / "file").read_text() == "changed"


def test_what_a_killed_run_left_behind_is_no_obstacle(repository: Path, tmp_path: Path) -> None:
    left = checked_out(repository, "HEAD", tmp_path / "tree")
    left.__enter__()

    with checked_out(repository, "HEAD", tmp_path / "tree") as tree:
        assert (tree / "file").exists()


@pytest.mark.parametrize("commit", ["no-such-commit", "--help", ""])
def test_a_commit_that_is_not_there_is_named(repository: Path, tmp_path: Path, commit: str) -> None:
    with (
        pytest.raises(BenchError, match=f"no commit {commit!r} in repository"),
        checked_out(repository, commit, tmp_path / "t"),
    ):
        pass
