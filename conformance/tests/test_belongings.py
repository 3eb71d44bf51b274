import os
import subprocess
import sys

from fake_engine import FakeEngine

from parley_conformance.containers import belongings


def dead_owner():
    """An owner that was a process of this machine and has ended."""
    program = "from parley_conformance.containers import belongings; print(belongings.owner())"
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip()


def test_who_is_left_over():
    mine = belongings.owner()
    host, pid, began = mine.split()
    assert int(pid) == os.getpid()
    assert not belongings.is_left_over(mine)
    assert belongings.is_left_over(dead_owner())
    # The number was given to another process.
    assert belongings.is_left_over(f"{host} {pid} {int(began) + 1}")
    # Of another machine's processes, and of no owner at all, nothing is known.
    assert not belongings.is_left_over(f"not-{host} 1 1")
    assert not belongings.is_left_over("")


def test_a_run_puts_away_what_is_its_own():
    engine = FakeEngine()
    mine, other = belongings.labels("r1", belongings.owner()), belongings.labels("r2", belongings.owner())
    for shelf in (engine.containers, engine.networks, engine.volumes):
        shelf.put("mine", mine)
        shelf.put("other", other)
        shelf.put("somebody's", {})
    assert belongings.sweep(engine, "r1") == 3
    for shelf in (engine.containers, engine.networks, engine.volumes):
        assert set(shelf.things) == {"other", "somebody's"}


def test_the_next_run_puts_away_what_the_dead_left():
    engine = FakeEngine()
    engine.containers.put("dead", belongings.labels("r1", dead_owner()))
    engine.networks.put("dead too", belongings.labels("r1", dead_owner()))
    engine.containers.put("alive", belongings.labels("r2", belongings.owner()))
    assert belongings.sweep(engine) == 2
    assert set(engine.containers.things) == {"alive"}
    assert not engine.networks.things


def test_what_cannot_be_removed_does_not_keep_the_rest():
    engine = FakeEngine()
    labels = belongings.labels("r1", belongings.owner())
    engine.containers.put("stuck", labels).stubborn = True
    engine.volumes.put("fine", labels)
    assert belongings.sweep(engine, "r1") == 1
    assert not engine.volumes.things
