import socket
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from parley_bench.content import recipe
from parley_bench.measure import running_parties
from parley_bench.processes import BenchError, Process
from parley_bench.resources import cpu_seconds
from parley_bench.systems import SYSTEMS, jetstream, local, nats, rabbitmq, redis_streams
from parley_bench.systems.base import ServerOptions

ALTERNATIVES = [system for name, system in SYSTEMS.items() if not name.startswith("parley")]
GRPC_STREAM = SYSTEMS["grpc-stream"]


def command(**changes: Any) -> dict[str, Any]:
    usual = {"in_flight": 4, "rate": 0, "host": "python", "key": "k", "seconds": 0.05}
    return {**usual, **asdict(recipe(256)), **changes}


def environment_with(folder: Path, **packages: str) -> Path:
    for name, version in packages.items():
        about = folder / f"lib/python3.11/site-packages/{name}-{version}.dist-info"
        about.mkdir(parents=True)
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    return folder


def test_what_is_missing_is_named_with_what_installs_it(tmp_path: Path) -> None:
    said = local.missing_of(tmp_path, ["nats-py"], ["no-such-server"])
    assert said == "no no-such-server, no Python's nats-py here; scripts/bench-alternatives installs what it can"


def test_nothing_is_said_where_nothing_is_missing(tmp_path: Path) -> None:
    there = environment_with(tmp_path, Nats_Py="2.16.0", uvloop="0.23.0")
    assert local.missing_of(there, ["nats-py", "uvloop"], ["sh"]) == ""
    assert local.versions_in(there, "nats-py", "redis") == {"nats-py": "2.16.0"}


def test_another_version_than_the_one_to_compare_with_is_missing(tmp_path: Path) -> None:
    there = environment_with(tmp_path, grpcio="1.85.1")
    assert "no Python's grpcio 1.70.0 here" in local.missing_of(there, {"grpcio": "1.70.0"})
    assert local.missing_of(there, {"grpcio": "1.85.1"}) == ""


@pytest.mark.parametrize("system", ALTERNATIVES, ids=lambda system: system.name)
def test_an_alternative_that_is_not_installed_says_so(monkeypatch: pytest.MonkeyPatch, system: Any) -> None:
    monkeypatch.setattr(local, "packages_in", lambda _: {})
    monkeypatch.setattr(local, "program", lambda _: "")
    assert (local.SETUP in system.missing()) == (system is not GRPC_STREAM)


@pytest.mark.parametrize("system", ALTERNATIVES, ids=lambda system: system.name)
def test_an_alternative_has_a_party(system: Any) -> None:
    _, party, *rest = system.party("python", "caller", "somewhere")
    assert Path(party).is_file()
    assert rest == ["caller", "somewhere"]
    assert system.languages == ("python",)


def test_jetstream_calls_fsync_before_the_answer_only_where_that_can_be_told(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path("/data")
    assert jetstream.configuration(folder, sync=False) == 'jetstream { store_dir: "/data/store" }\n'
    assert "sync_interval: always" in jetstream.configuration(folder, sync=True)
    assert [jetstream.can_sync(version) for version in ("2.9.10", "2.10.0", "2.14.4", "3.0", "unknown", "")] == [
        False, True, True, True, False, False,
    ]  # fmt: skip

    monkeypatch.setattr(nats, "missing", lambda: "")
    monkeypatch.setattr(nats, "server_version", lambda: "2.9.10")
    assert "2.9.10 cannot call fsync before it answers" in SYSTEMS["jetstream-sync"].missing()
    monkeypatch.setattr(nats, "server_version", lambda: "2.11.1")
    assert SYSTEMS["jetstream-sync"].missing() == ""


def test_the_titles_say_what_an_answer_means() -> None:
    assert "before fsync" in SYSTEMS["jetstream"].title
    assert "appendfsync always" in SYSTEMS["redis-streams"].title


def test_redis_has_entries_on_disk_before_the_answer() -> None:
    assert redis_streams.OPTIONS["appendonly"] == "yes"
    assert redis_streams.OPTIONS["appendfsync"] == "always"


def test_rabbitmq_keeps_everything_below_its_folder_and_on_loopback(tmp_path: Path) -> None:
    variables = rabbitmq.environment(tmp_path, {"amqp": 1, "distribution": 2, "names": 3})
    paths = [value for value in variables.values() if value.startswith("/")]
    assert len(paths) == 7
    assert all(Path(path).is_relative_to(tmp_path) for path in paths)
    assert variables["RABBITMQ_NODE_IP_ADDRESS"] == variables["ERL_EPMD_ADDRESS"] == "127.0.0.1"
    ports = ("RABBITMQ_NODE_PORT", "RABBITMQ_DIST_PORT", "ERL_EPMD_PORT")
    assert [variables[name] for name in ports] == ["1", "2", "3"]


def test_rabbitmq_says_its_versions_in_its_log() -> None:
    log = "2026-11-23 [info] <0.222.0>\n Starting RabbitMQ 3.10.8 on Erlang 25.2.3 [jit]\n"
    assert rabbitmq.versions_of_log(log) == {"rabbitmq-server": "3.10.8", "erlang": "25.2.3"}
    assert rabbitmq.versions_of_log("no such line") == {}


def test_a_port_answers_when_somebody_listens() -> None:
    port = local.free_port()
    assert not local.answers(port)
    with closing(socket.create_server(("127.0.0.1", port))):
        assert local.answers(port)


async def test_a_server_that_ends_is_no_server(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="brief ended with exit code 3"):
        async with local.listening("brief", ["sh", "-c", "echo why; exit 3"], local.free_port(), tmp_path / "log"):
            pass
    assert (tmp_path / "log").read_text() == "why\n"


async def test_a_killed_process_takes_its_group_along() -> None:
    process = await Process.start("group", ["sh", "-c", "sleep 60 & echo '{\"pid\": '$!'}'; wait"])
    child = (await process.read(10))["pid"]
    await process.kill()
    with pytest.raises(BenchError, match="ended with exit code -9"):
        process.check_alive()
    # The child is dead, or a zombie that nobody has fetched yet.
    stat = Path(f"/proc/{child}/stat")
    assert not stat.exists() or stat.read_text().rpartition(") ")[2][0] in "ZX"


async def test_the_bare_stream_calls_and_publishes(tmp_path: Path) -> None:
    async with (
        GRPC_STREAM.server(tmp_path, ServerOptions("own")) as server,
        running_parties(GRPC_STREAM, server.url, ["python"]) as parties,
    ):
        assert cpu_seconds(server.pids) > 0
        assert server.versions["grpcio"]
        for kind in sorted(GRPC_STREAM.kinds):
            for content in ("json", "protobuf"):
                for size in (256, 100_000):
                    work = command(kind=kind, key=f"{kind}-{size}", content=content, **asdict(recipe(size)))
                    answer = await parties["caller", "python"].ask(work, 60)
                    assert answer["count"] >= 1
