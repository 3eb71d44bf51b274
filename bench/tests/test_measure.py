import contextlib
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import harness
import pytest

from parley_bench.measure import carry_out
from parley_bench.plan import Case, Plan
from parley_bench.processes import BenchError, Process
from parley_bench.systems.base import Server, ServerOptions, System

PARTY = f"""
import contextlib, sys
sys.path.insert(0, {str(Path(harness.__file__).parent)!r})
import asyncio, harness
class Client:
    prepared = 1
    def sending(self, work):
        if sys.argv[2].startswith("bad:") and not work.key.startswith("warm-up"):
            raise ConnectionError("no answer")
        return lambda: asyncio.sleep(0.0001)
    async def arrived(self, work, count): pass
    async def prepare(self, work): open(sys.argv[2].partition(":")[2] + "/prepared", "a").write(str(work.subscribers))
@contextlib.asynccontextmanager
async def connect(role, url):
    yield Client()
harness.run_party(connect)
"""
CASE = Case("s", "call", "parley", "python", "python", "json", 256, 4, "sqlite", 0, 1, 1, 0)
OTHER = replace(CASE, system="other", storage="own")


def system(name: str) -> System:
    @contextlib.asynccontextmanager
    async def server(folder: Path, options: ServerOptions) -> AsyncIterator[Server]:
        (folder / "storage").write_text(options.storage)
        if name == "dead":
            raise BenchError("dead server ended with exit code 1")
        yield Server(f"{name}:{folder}", (), {"engine": "1.0"})

    return System(
        name=name,
        title=name,
        kinds=frozenset({"call", "publish-stored"}),
        languages=("python",),
        missing=lambda: "",
        server=server,
        party=lambda language, role, url: [sys.executable, "-c", PARTY, role, url],
        in_process=name == "alone",
    )


SYSTEMS = {name: system(name) for name in ("parley", "other", "bad", "dead", "alone")}


def plan(*cases: Case, limit: float = 60) -> Plan:
    return Plan(tuple((case,) for case in cases), turns=3, seconds=0.02, limit=limit)


async def test_every_case_has_a_round_in_every_turn(tmp_path: Path) -> None:
    told: list[str] = []

    run = await carry_out(plan(CASE, OTHER), SYSTEMS, tmp_path, told.append)

    assert [(case.system, round_.turn) for case, round_ in run.measured] == [
        ("parley", 1), ("other", 1), ("parley", 2), ("other", 2), ("parley", 3), ("other", 3),
    ]  # fmt: skip
    assert run.turns == 3
    assert told[-1] == "turn 3 of 3 done"
    assert run.versions == {"parley: engine": "1.0", "other: engine": "1.0"}
    assert all(round_.count >= 4 and set(round_.cpu_s) == {"server", "caller", "host"} for _, round_ in run.measured)
    assert (tmp_path / "parley-sqlite/storage").read_text() == "sqlite"
    assert (tmp_path / "other-own/storage").read_text() == "own"


async def test_a_run_that_would_take_too_long_ends_with_a_whole_turn(tmp_path: Path) -> None:
    told: list[str] = []

    run = await carry_out(plan(CASE, OTHER, limit=0.001), SYSTEMS, tmp_path, told.append)

    assert run.turns == 1
    assert len(run.measured) == 2
    assert told[-1] == "1 of 3 turns, since one more would take too long"


@pytest.mark.parametrize(
    ("name", "why"),
    [("bad", "gave up: bad caller python: ConnectionError: no answer"), ("dead", "gave up: dead server")],
)
async def test_an_alternative_that_gives_up_is_named_and_the_run_goes_on(tmp_path: Path, name: str, why: str) -> None:
    run = await carry_out(plan(CASE, replace(OTHER, system=name)), SYSTEMS, tmp_path, print)

    assert list(run.failed) == [name]
    assert run.failed[name].startswith(why)
    assert {case.system for case, _ in run.measured} == {"parley"}
    assert run.turns == 3


async def test_parley_may_not_give_up(tmp_path: Path) -> None:
    systems = SYSTEMS | {"parley": SYSTEMS["bad"]}

    with pytest.raises(BenchError, match="no answer"):
        await carry_out(plan(CASE), systems, tmp_path, print)


async def test_a_host_is_told_of_several_subscribers_before_anything_counts(tmp_path: Path) -> None:
    many = replace(CASE, kind="publish-stored", subscribers=10)

    await carry_out(plan(CASE, many, replace(many, in_flight=1)), SYSTEMS, tmp_path, print)

    assert (tmp_path / "parley-sqlite/prepared").read_text() == "10"


async def test_one_process_is_caller_and_host(tmp_path: Path) -> None:
    run = await carry_out(plan(replace(OTHER, system="alone")), SYSTEMS, tmp_path, print)

    assert len(run.measured) == 3
    assert all(round_.cpu_s["caller"] > 0 and round_.cpu_s["host"] == 0 for _, round_ in run.measured)


async def test_what_compiles_as_it_runs_is_warmed_up_for_longer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[Any, Any]] = []
    ask = Process.ask

    async def noted(party: Process, command: dict[str, Any], limit: float) -> dict[str, Any]:
        asked.append((command["key"], command["seconds"]))
        return await ask(party, command, limit)

    monkeypatch.setattr(Process, "ask", noted)
    mixed = replace(CASE, caller="dotnet", content="protobuf")

    await carry_out(plan(CASE, mixed), SYSTEMS, tmp_path, lambda _: None)

    warm_ups = [seconds for key, seconds in asked if key.startswith("warm-up")]
    assert warm_ups == [pytest.approx(0.02), pytest.approx(0.1)]
