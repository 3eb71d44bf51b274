"""A small run of everything against a real broker: shows that it works, not how fast."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from parley_bench.processes import BenchError
from parley_bench.scale import values
from parley_bench.scale.broker import running
from parley_bench.scale.curves import CURVES, Curve, call, register
from parley_bench.scale.runner import alive, measure
from parley_bench.scale.session import Session


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRPC_VERBOSITY", "NONE")


@pytest.mark.parametrize(
    "curve", [c for c in CURVES if c.id in ("subscriptions", "keeping-agents", "sessions")], ids=lambda curve: curve.id
)
async def test_a_curve_has_its_points(curve: Curve, tmp_path: Path) -> None:
    points = await measure(curve, (2, 20), 1, 0.05, tmp_path)

    assert [point.at for point in points] == [2, 20]
    assert all(point.rounds[0].flow.count > 0 for point in points)


async def test_a_broker_that_was_killed_serves_what_it_had(tmp_path: Path) -> None:
    found = {value.id: value.value for value in await values.recover(tmp_path, 50)}

    assert found["recovery"] > 0
    assert found["recovery-all"] >= found["recovery-first"] > 0


async def test_agents_are_taken_back(tmp_path: Path) -> None:
    (value,) = await values.give_back(tmp_path, 20)

    assert (value.id, value.unit) == ("give-back", "µs")


async def test_a_command_that_is_refused_says_why(tmp_path: Path) -> None:
    async with running(tmp_path, memory=True) as broker:
        sessions = [await Session.open(broker.address)]
        async with alive([sessions]):
            with pytest.raises(BenchError, match="register_agent_type was refused: type is '': an agent type is"):
                await sessions[0].ask(register(""))
            sessions[0].say(call("k"))
        assert broker.memory() > 0
        assert broker.cpu() > 0


async def test_a_broker_that_dies_ends_what_waits_for_it(tmp_path: Path) -> None:
    async with running(tmp_path, memory=True) as broker:
        session = await Session.open(broker.address)
        broker.kill()
        with pytest.raises((BenchError, asyncio.CancelledError)):
            await session.ask(register("t"))
        await session.close()


async def test_a_broker_that_does_not_start_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="parley-broker ended with exit code 2"):
        async with running(tmp_path, settings={"max_agents": 0}):
            pass


def test_the_program_names_its_lengths() -> None:
    program = Path(__file__).parent.parent / "scale.py"
    done = subprocess.run([sys.executable, program, "--help"], capture_output=True, text=True, check=True, timeout=60)

    assert "[quick|short|full]" in done.stdout
