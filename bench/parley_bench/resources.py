"""What processes have used: CPU time and memory, from /proc."""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

PROC = Path("/proc")
_PAGE = os.sysconf("SC_PAGE_SIZE")


def cpu_seconds(pids: Iterable[int], proc: Path = PROC) -> float:
    """Returns the CPU time that the threads of these processes have used, user and system, in s.

    The scheduler's own count, in ns, where the kernel keeps one (it leaves out threads that have ended); else the
    count in ticks, mostly of 10 ms. A process that has ended counts nothing.
    """
    return sum(_cpu_seconds(proc / str(pid)) for pid in pids)


def resident_bytes(pids: Iterable[int], proc: Path = PROC) -> int:
    """Returns the memory that these processes hold, in bytes; a process that has ended holds none."""
    total = 0
    for pid in pids:
        with suppress(OSError):
            total += int((proc / str(pid) / "statm").read_text().split()[1]) * _PAGE
    return total


def _cpu_seconds(process: Path) -> float:
    nanoseconds = 0
    with suppress(OSError):
        for thread in (process / "task").iterdir():
            with suppress(OSError):
                nanoseconds += int((thread / "schedstat").read_text().split()[0])
    if nanoseconds:
        return nanoseconds / 1e9
    with suppress(OSError):
        # The second field is a name in brackets, which may have blanks in it.
        fields = (process / "stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return 0.0
