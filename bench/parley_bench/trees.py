"""Other commits of this repository, checked out beside it for as long as they are measured."""

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

from parley_bench.processes import BenchError


@contextlib.contextmanager
def checked_out(repository: Path, commit: str, folder: Path) -> Iterator[Path]:
    """Checks a commit out as a worktree in a folder that is not there yet; the folder goes again.

    Yields:
        The folder.

    Raises:
        BenchError: there is no such commit, or git cannot check it out.
    """
    sha = _git(repository, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{commit}^{{commit}}")
    if not sha:
        raise BenchError(f"no commit {commit!r} in {repository.name}")
    folder.parent.mkdir(parents=True, exist_ok=True)
    # What a run left behind that was killed.
    _git(repository, "worktree", "remove", "--force", str(folder))
    try:
        subprocess.run(
            ["git", "worktree", "add", "--quiet", "--detach", str(folder), sha],
            cwd=repository, capture_output=True, text=True, check=True, timeout=60,
        )  # fmt: skip
    except subprocess.CalledProcessError as error:
        raise BenchError(f"git does not check out {commit}: {error.stderr.strip()}") from error
    try:
        yield folder
    finally:
        _git(repository, "worktree", "remove", "--force", str(folder))


def _git(repository: Path, *arguments: str) -> str:
    """Returns what git says; nothing if it fails."""
    done = subprocess.run(["git", *arguments], cwd=repository, capture_output=True, text=True, check=False, timeout=60)
    return done.stdout.strip() if done.returncode == 0 else ""
