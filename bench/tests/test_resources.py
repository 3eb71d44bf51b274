import os
import subprocess
import sys
import time
from pathlib import Path

from parley_bench.resources import cpu_seconds, resident_bytes


def test_cpu_time_of_this_process_grows_with_what_it_does() -> None:
    before, clock = cpu_seconds([os.getpid()]), time.process_time()
    while time.process_time() - clock < 0.05:
        pass
    used = cpu_seconds([os.getpid()]) - before

    assert 0.03 < used < 0.05 + (time.process_time() - clock)


def test_threads_count() -> None:
    program = (
        "import threading, time\n"
        "def spin():\n"
        "    while time.process_time() < 0.4: pass\n"
        "thread = threading.Thread(target=spin); thread.start(); print(flush=True); input()"
    )
    child = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    deadline = time.monotonic() + 60
    while cpu_seconds([child.pid]) < 0.3:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    child.communicate(b"\n")


def test_without_the_schedulers_count_ticks_are_taken(tmp_path: Path) -> None:
    process = tmp_path / "7"
    process.mkdir()
    ticks = os.sysconf("SC_CLK_TCK")
    fields = ["S", *["0"] * 10, str(2 * ticks), str(ticks), *["0"] * 30]
    (process / "stat").write_text(f"7 (a (strange) name) {' '.join(fields)}")

    assert cpu_seconds([7], tmp_path) == 3.0


def test_memory_is_what_is_resident() -> None:
    assert 1_000_000 < resident_bytes([os.getpid()]) < 10_000_000_000


def test_a_process_that_has_ended_counts_nothing(tmp_path: Path) -> None:
    assert cpu_seconds([1], tmp_path) == 0
    assert resident_bytes([1], tmp_path) == 0
