import asyncio
import sys

import pytest

from parley_bench.processes import BenchError, Process

ECHO = "import sys\nfor line in sys.stdin: print(line, end='', flush=True)"


async def child(program: str) -> Process:
    return await Process.start("child", [sys.executable, "-c", program])


async def test_a_child_answers_a_line_with_a_line() -> None:
    process = await child(ECHO)

    assert await process.ask({"kind": "call"}, 10) == {"kind": "call"}
    await process.stop()
    with pytest.raises(BenchError, match="child ended with exit code -15"):
        process.check_alive()


async def test_a_child_that_reports_an_error_ends_the_run_with_it() -> None:
    process = await child(ECHO)

    with pytest.raises(BenchError, match=r"^child: nothing works$"):
        await process.ask({"error": "nothing works"}, 10)
    await process.stop()


async def test_a_child_that_dies_is_named_with_its_exit_code() -> None:
    process = await child("raise SystemExit(3)")

    with pytest.raises(BenchError, match="child ended with exit code 3"):
        await process.read(10)


async def test_a_silent_child_does_not_hang_the_run() -> None:
    process = await child("input()")

    with pytest.raises(BenchError, match="child said nothing for 0 s"):
        await process.read(0.01)
    await process.stop()


async def test_a_child_that_ignores_the_request_to_end_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("parley_bench.processes.STOP_LIMIT", 0.2)
    process = await child(
        "import signal, sys\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('{}', flush=True)\nsys.stdin.read()"
    )
    await process.read(10)

    await asyncio.wait_for(process.stop(), 10)

    with pytest.raises(BenchError, match="exit code -9"):
        process.check_alive()


async def test_a_program_that_does_not_exist_is_named() -> None:
    with pytest.raises(BenchError, match="party does not start"):
        await Process.start("party", ["/does/not/exist"])
