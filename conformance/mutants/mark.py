"""How a bug says that it was reached."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path


@cache
def reached() -> None:
    """Appends a line to the file that PARLEY_MUTANT_REACHED names, once per process."""
    if path := os.environ.get("PARLEY_MUTANT_REACHED"):
        with Path(path).open("a", encoding="utf-8") as file:
            file.write("reached\n")
