from dataclasses import asdict
from pathlib import Path
from typing import Any, get_args

import pytest

from parley_bench.content import recipe
from parley_bench.measure import running_parties
from parley_bench.processes import Process
from parley_bench.resources import cpu_seconds
from parley_bench.systems import SYSTEMS
from parley_bench.systems.base import ServerOptions
from parley_bench.systems.parley import parley_of
from parley_bench.vocabulary import Kind, Storage

PARLEY = SYSTEMS["parley"]


def command(**changes: Any) -> dict[str, Any]:
    usual = {
        "kind": "call",
        "in_flight": 4,
        "rate": 0,
        "host": "python",
        "key": "k",
        "content": "json",
        "seconds": 0.05,
    }
    return {**usual, **asdict(recipe(256)), **changes}


def test_systems_are_found_by_their_names() -> None:
    assert all(system.name == name and system.languages and system.kinds for name, system in SYSTEMS.items())


@pytest.mark.parametrize("storage", PARLEY.storages)
async def test_parley_does_every_kind_of_work_on_every_storage(tmp_path: Path, storage: Storage) -> None:
    assert set(get_args(Kind)) == PARLEY.kinds
    async with (
        PARLEY.server(tmp_path, ServerOptions(storage)) as server,
        running_parties(PARLEY, server.url, ["python"]) as parties,
    ):
        assert (tmp_path / "store").exists() == (storage == "sqlite")
        assert cpu_seconds(server.pids) > 0
        assert server.versions["grpcio"]
        for kind in sorted(PARLEY.kinds):
            for content in ("json", "protobuf"):
                answer = await parties["caller", "python"].ask(
                    command(kind=kind, key=f"{kind}-{content}", content=content), 60
                )
                assert answer["count"] >= 4

        fan_out = command(kind="publish-stored", key="fan-out", subscribers=10)
        assert await parties["host", "python"].ask(fan_out, 60) == {}
        assert (await parties["caller", "python"].ask(fan_out, 60))["count"] >= 4

        for kind in ("call", "effectively-once"):
            in_turn = command(kind=kind, key=f"in-turn-{kind}", agents=3)
            assert (await parties["caller", "python"].ask(in_turn, 60))["count"] >= 4

        beside = command(key="beside", rate=100, beside={"rate": 20, **asdict(recipe(64 * 1024))})
        assert (await parties["caller", "python"].ask(beside, 60))["count"] == 5


async def test_parley_works_in_one_process() -> None:
    party = await Process.start("alone", PARLEY.party("python", "in-process", ""))
    try:
        await party.read(60)
        for kind in sorted(PARLEY.kinds):
            assert (await party.ask(command(kind=kind, key=kind), 60))["count"] >= 4
    finally:
        await party.stop()


def test_parley_of_another_tree_is_run_from_there() -> None:
    other = parley_of(Path("/other"), "parley-old", "Parley, old")

    assert other.party("python", "host", "grpc://x")[:2] == ["env", "PYTHONPATH=/other/python/src"]
    assert (other.name, other.languages, other.storages) == ("parley-old", ("python",), PARLEY.storages)
