"""Child processes of the kit: each in a process group of its own, logging into a file, ended for certain."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

from parley_conformance.model import HarnessError

_TAIL_BYTES = 4_000
_COMMAND_LENGTH = 300
_LOOKS, _LOOK_S = 500, 0.01
"""How often, and how far apart in s, the kit looks whether what it killed has ended."""


class Child:
    """A started program. Kill, pause and resume act on its whole process group."""

    def __init__(self, process: asyncio.subprocess.Process, name: str, log: Path, mark: str = "") -> None:
        self.process = process
        self.name = name
        self.log = log
        self._mark = mark

    @classmethod
    async def start(
        cls,
        command: Sequence[str],
        *,
        name: str,
        log: Path,
        env: Mapping[str, str] | None = None,
        lines_out: bool = False,
        mark: str = "",
    ) -> Child:
        """Starts a program.

        Args:
            command: Program and arguments.
            name: For texts, e.g. `broker`.
            log: The file that gets its standard error, and its standard output unless `lines_out`.
            env: Added to the kit's own environment.
            lines_out: Standard output and input are pipes that the kit reads and writes.
            mark: A variable of `env` whose value no other program has: what this one starts inherits it, and is found
                by it in the end, wherever it hides.

        Raises:
            HarnessError: It cannot be started.
        """
        pipe = asyncio.subprocess.PIPE
        try:
            with log.open("ab") as out:
                process = await asyncio.create_subprocess_exec(
                    *command,
                    stdin=pipe if lines_out else asyncio.subprocess.DEVNULL,
                    stdout=pipe if lines_out else out,
                    stderr=out,
                    env={**os.environ, **(env or {})},
                    start_new_session=True,
                )
        except OSError as error:
            raise HarnessError(f"{name} cannot be started: {' '.join(command)}: {error}") from error
        return cls(process, name, log, f"{mark}={(env or {})[mark]}" if mark else "")

    @property
    def alive(self) -> bool:
        """True until it has ended."""
        return self.process.returncode is None

    async def wait(self) -> int:
        """Waits until it ends; returns its exit code."""
        return await self.process.wait()

    async def first_line(self) -> bytes:
        """The first line of its standard output; empty if it ends without one. Needs `lines_out`."""
        assert self.process.stdout is not None
        return await self.process.stdout.readline()

    async def kill(self) -> None:
        """SIGKILL to the whole group."""
        self._signal(signal.SIGKILL)

    async def pause(self) -> None:
        """SIGSTOP to the whole group."""
        self._signal(signal.SIGSTOP)

    async def resume(self) -> None:
        """SIGCONT to the whole group."""
        self._signal(signal.SIGCONT)

    async def unplug(self) -> None:
        """Does nothing: a process has no network of its own, the recorder is all that is between it and the others."""

    async def plug(self) -> None:
        """Does nothing, as `unplug`."""

    async def ask_to_end(self, pid: int) -> None:
        """SIGTERM to one process."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)

    async def resident_bytes(self, pid: int) -> int:
        """Resident memory of one process; raises HarnessError if there is no such process."""
        return resident_bytes(pid)

    def runs(self, pid: int) -> bool:
        """True while there is such a process."""
        return runs(pid)

    async def end(self) -> int:
        """Kills what is left of the group; returns the exit code of its leader.

        Raises:
            HarnessError: It had started what is not of its group; that is killed too.
        """
        self._signal(signal.SIGKILL)
        code = await self.process.wait()
        strays: dict[int, str] = {}
        # The others of the group were killed with the leader, and need not have ended as soon.
        for _ in range(_LOOKS):
            strays = _marked(self._mark)
            if not any(_is_ending(pid, self.process.pid) for pid in strays):
                break
            await asyncio.sleep(_LOOK_S)
        if strays:
            for pid in strays:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            told = ", ".join(f"{pid} ({command})" for pid, command in strays.items())
            raise HarnessError(f"{self.name} left processes behind that are not of its group: {told}; they were killed")
        return code

    def tail(self) -> str:
        """The end of its log, for texts."""
        with contextlib.suppress(OSError):
            return self.log.read_bytes()[-_TAIL_BYTES:].decode(errors="replace").strip()
        return ""

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)


def _marked(mark: str) -> dict[int, str]:
    """The processes whose environment has this, with their commands; none without a mark or without /proc."""
    found: dict[int, str] = {}
    for folder in Path("/proc").glob("[0-9]*") if mark else ():
        with contextlib.suppress(OSError):
            if mark.encode() in (folder / "environ").read_bytes().split(b"\0") and runs(int(folder.name)):
                command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
                found[int(folder.name)] = command[:_COMMAND_LENGTH]
    return found


def _is_ending(pid: int, group: int) -> bool:
    """True if a process is of a group that was killed, or has ended since it was found."""
    try:
        return os.getpgid(pid) == group
    except ProcessLookupError:
        return True


def runs(pid: int) -> bool:
    """True if there is such a process and it is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def resident_bytes(pid: int) -> int:
    """Resident memory of a process.

    Raises:
        HarnessError: There is no such process, or no /proc.
    """
    try:
        for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
    except OSError as error:
        raise HarnessError(f"the memory of process {pid} cannot be read: {error}") from error
    raise HarnessError(f"process {pid} has ended: no memory to read")
