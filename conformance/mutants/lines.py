"""An adapter between the kit and another one, which alters what that one writes: an adapter that observes wrongly.

    python conformance/mutants/lines.py '{"do": "drop", "obs": "leave"}' ADAPTER [ARGUMENTS]

Members: `do`, drop, duplicate or rewrite; `obs`, the kind of the lines; `has`, members that they have; `nth`, which of
those that fit, absent: every one; `value`, what rewrite sets. Numbers of observations stay without gaps. Appends to the
file in PARLEY_MUTANT_REACHED where it does something.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

_CHUNK = 65536


class Lines:
    """The lines of one adapter, as they go on."""

    def __init__(self, bug: dict[str, Any]) -> None:
        self._bug = bug
        self._seen = 0
        self._observed = 0

    def pass_on(self, line: dict[str, Any]) -> list[dict[str, Any]]:
        """The lines that go on for one that came."""
        if "obs" not in line:
            return [line]
        went = [line]
        if self._fits(line):
            reached()
            if self._bug["do"] == "drop":
                went = []
            elif self._bug["do"] == "duplicate":
                went = [line, dict(line)]
            else:
                line.update(self._bug["value"])
        for one in went:
            self._observed += 1
            one["i"] = self._observed
        return went

    def _fits(self, line: dict[str, Any]) -> bool:
        if line["obs"] != self._bug["obs"] or not line.items() >= self._bug.get("has", {}).items():
            return False
        self._seen += 1
        return self._bug.get("nth", self._seen) == self._seen


def reached() -> None:
    """Says that the bug is at work."""
    with Path(os.environ["PARLEY_MUTANT_REACHED"]).open("a", encoding="utf-8") as file:
        file.write("reached\n")


def main() -> None:
    """Dials the kit, starts the adapter with an address of its own, and passes lines on until either hangs up."""
    host, _, port = os.environ["PARLEY_KIT"].rpartition(":")
    kit = socket.create_connection((host, int(port)))
    listener = socket.create_server(("127.0.0.1", 0))
    # In the same process group: killed and paused with this one.
    told = {"PARLEY_KIT": f"127.0.0.1:{listener.getsockname()[1]}"}
    adapter = subprocess.Popen(sys.argv[2:], env={**os.environ, **told}, stdin=subprocess.DEVNULL)
    threading.Thread(target=lambda: os._exit(adapter.wait()), daemon=True).start()
    control, _ = listener.accept()
    threading.Thread(target=_commands, args=(kit, control), daemon=True).start()
    lines = Lines(json.loads(sys.argv[1]))
    for raw in control.makefile("rb"):
        for line in lines.pass_on(json.loads(raw)):
            kit.sendall(json.dumps(line, ensure_ascii=False).encode() + b"\n")
    kit.close()
    adapter.wait()


def _commands(kit: socket.socket, control: socket.socket) -> None:
    while data := kit.recv(_CHUNK):
        control.sendall(data)
    control.close()


if __name__ == "__main__":
    main()
