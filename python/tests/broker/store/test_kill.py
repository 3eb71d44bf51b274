"""A store whose process is killed at random moments: what it answered is there, and nothing is taken for damage."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

from parley_broker.store.sqlite import SqliteStore

from .contract import ANN, NO_LIMIT

PROGRAM = """
import sys
from pathlib import Path
from parley_broker.core.ids import AgentId, TopicId
from parley_broker.core.records import DeliverySettled, Event, EventStored
from parley_broker.store.sqlite import SqliteStore

store = SqliteStore(Path(sys.argv[1]))
opened = store.open()
agent, position = AgentId("worker", "ann"), opened.summary.last_position
while True:
    position += 1
    store.commit([EventStored(Event(position, TopicId("t", "k"), b"x" * 60_000), (agent,))], opened.term)
    if position > 20:
        store.commit([DeliverySettled(agent, position - 20)], opened.term)
    print(position, flush=True)
"""
"""Its log is folded into the database every 70 events."""


def test_a_store_that_is_killed_again_and_again(tmp_path: Path) -> None:
    moments = random.Random(7)
    answered = 0
    for _ in range(10):
        child = subprocess.Popen([sys.executable, "-c", PROGRAM, str(tmp_path)], stdout=subprocess.PIPE)
        assert child.stdout is not None
        first = child.stdout.readline()
        time.sleep(moments.random() * 0.3)
        child.kill()
        told = (first + child.stdout.read()).split()
        child.wait()
        assert int(told[0]) > answered
        answered = int(told[-1])
        store = SqliteStore(tmp_path)
        last = store.open().summary.last_position
        waiting = [w.event.position for w in store.read(ANN, 0, 1000, NO_LIMIT)]
        store.close()
        assert last in (answered, answered + 1)
        assert set(range(max(1, last - 19), answered + 1)) <= set(waiting)
