import json
from pathlib import Path

import pytest
from fake_engine import FakeEngine, packed

from parley_conformance.containers import belongings, outside
from parley_conformance.containers.launching import PLACE
from parley_conformance.model import HarnessError


class Kit:
    """A container of the kit: says something, is interrupted where it is told to be, ends."""

    def __init__(self, code=0, files=None, interrupts=0):
        self.id = "kit"
        self.said = [b"one\n", b"two\n"]
        self.code, self.files, self.interrupts = code, files or {"out/results.json": b"{}"}, interrupts
        self.told, self.given = [], b""

    def put_archive(self, _place, data):
        self.given = data

    def start(self):
        self.told.append("start")

    def kill(self, name):
        self.told.append(name)

    def logs(self, **_):
        yield self.said[0]
        if self.interrupts:
            self.interrupts -= 1
            raise KeyboardInterrupt
        yield from self.said[1:]

    def wait(self):
        return {"StatusCode": self.code}

    def get_archive(self, _place):
        return iter([packed(self.files)]), {}


class Engine(FakeEngine):
    """An engine whose one container is the kit's."""

    def __init__(self, kit):
        super().__init__()
        self.kit = kit
        self.networks.things = {}
        self.containers.create = self.create

    def create(self, image, command, labels, **settings):
        self.made = {"image": image, "command": command, **settings}
        self.containers.put("kit", labels)
        return self.kit

    @property
    def empty(self):
        return not (self.containers.things or self.networks.things or self.volumes.things)


@pytest.fixture
def play(monkeypatch, tmp_path):
    (tmp_path / "engine.sock").touch()
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/engine.sock")

    def played(kit, arguments=("run", "--mode", "container"), files=()):
        engine = Engine(kit)
        monkeypatch.setattr(outside, "connect", lambda _limit: engine)
        for shelf in (engine.networks,):
            monkeypatch.setattr(type(shelf.put("probe", {})), "connect", lambda *_: None, raising=False)
            shelf.things.clear()
        return engine, lambda: outside.run(arguments, tmp_path / "out", files)

    return played


def test_it_shows_fetches_and_leaves_nothing(play, tmp_path, capfdbinary):
    engine, run = play(Kit(code=1, files={"out/results.json": b"{}", "out/logs/a/caller.log": b"log"}))
    assert run() == 1
    assert capfdbinary.readouterr().out.startswith(b"one\ntwo\nfetched to ")
    assert (tmp_path / "out" / "logs" / "a" / "caller.log").read_bytes() == b"log"
    assert engine.made["command"] == ["run", "--mode", "container", "--out", "/out"]
    place = json.loads(engine.made["environment"][PLACE])
    assert place["owner"] == belongings.owner()
    assert engine.empty


def test_an_interrupt_is_handed_on_and_the_rest_is_shown_once(play, capfdbinary):
    kit = Kit(code=2, interrupts=1)
    engine, run = play(kit)
    assert run() == 2
    assert kit.told == ["start", "SIGINT"]
    assert capfdbinary.readouterr().out.startswith(b"one\ntwo\nfetched to ")
    assert engine.empty


def test_a_second_interrupt_ends_it_and_leaves_nothing(play):
    engine, run = play(Kit(interrupts=2))
    with pytest.raises(KeyboardInterrupt):
        run()
    assert engine.empty


def test_what_the_arguments_name_is_at_the_same_place(play, tmp_path):
    baseline = tmp_path / "known.yaml"
    baseline.write_text("[]")
    kit = Kit()
    engine, run = play(kit, files=(baseline,))
    assert run() == 0
    assert str(baseline).lstrip("/").encode() in kit.given
    assert engine.made["working_dir"] == str(Path.cwd())


def test_what_earlier_runs_left_is_removed_first(play, capsys, monkeypatch):
    engine, run = play(Kit())
    engine.volumes.put("old", belongings.labels("r0", "host 1 1"))
    monkeypatch.setattr(belongings, "is_left_over", lambda owner: owner == "host 1 1")
    assert run() == 0
    assert "removed 1 containers" in capsys.readouterr().err
    assert engine.empty


def test_an_engine_elsewhere_is_refused(play, monkeypatch):
    _, run = play(Kit())
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    with pytest.raises(HarnessError, match="DOCKER_HOST is tcp"):
        run()


def test_reports_stay_where_they_belong(play, tmp_path):
    engine, run = play(Kit(files={"out/../../evil": b"x"}))
    with pytest.raises(Exception, match="outside"):
        run()
    assert not (tmp_path.parent / "evil").exists()
    assert engine.empty


def test_a_kit_that_was_killed_is_a_harness_error(play, tmp_path):
    engine, run = play(Kit(code=137))
    with pytest.raises(HarnessError, match="ended with exit code 137"):
        run()
    assert (tmp_path / "out" / "results.json").exists()
    assert engine.empty
