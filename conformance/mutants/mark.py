"""What launchers of mutants share: how a bug is put in, how it says that it was reached, and how one is chosen."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from functools import cache, wraps
from pathlib import Path
from typing import Any


@cache
def reached() -> None:
    """Appends a line to the file that PARLEY_MUTANT_REACHED names, once per process."""
    if path := os.environ.get("PARLEY_MUTANT_REACHED"):
        with Path(path).open("a", encoding="utf-8") as file:
            file.write("reached\n")


def wrap(owner: Any, name: str, make: Callable[[Any], Any]) -> None:
    """Replaces `owner.name` by what `make` returns for the original; a constant is reached as soon as it is there.

    Raises:
        AttributeError: There is nothing of that name: the bug is gone.
    """
    made = make(getattr(owner, name))
    if isinstance(made, property):
        setattr(owner, name, property(_marked(made.fget)))
    elif callable(made):
        setattr(owner, name, _marked(made))
    else:
        reached()
        setattr(owner, name, made)


def put_in(bugs: Iterable[Callable[[], None]]) -> None:
    """Puts the bug in that the first argument names, and takes the argument away."""
    known = {bug.__name__: bug for bug in bugs}
    if len(sys.argv) < 2 or sys.argv[1] not in known:
        sys.exit(f"name one of the bugs: {', '.join(known)}")
    known[sys.argv.pop(1)]()


def _marked(made: Any) -> Any:
    @wraps(made)
    def marked(*arguments: Any, **named: Any) -> Any:
        reached()
        return made(*arguments, **named)

    return marked
