"""Random histories with real processes: rows 2, 15 and 16 of docs/guarantees.md.

What goes wrong, and when, comes from the seed; how the processes interleave does not. The simulation plays thousands of
such histories in virtual time; these confirm it.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from collections import Counter
from pathlib import Path

import pytest

from parley import AgentId, TopicId
from parley.distributed import DistributedRuntime, create_distributed_runtime
from parley.exceptions import DeadlineExceededError, OutcomeUnknownError, ParleyError
from parley_testing import BrokerProcess

from .keepers import COLLECTOR, IN, Ask, Label, Labels

SEEDS = range(20 if os.environ.get("LENGTH") == "full" else 2)
PROGRAM = Path(__file__).with_name("keepers.py")
KEYS = ("a", "b", "c")
WORKERS = 3
COMMANDS = 60
WORK_SECONDS = 4.0
HEAL_SECONDS = 60.0
SETTINGS = {
    "heartbeat_interval_ms": 200,
    "session_grace_ms": 500,
    "suspect_limit_ms": 1000,
    "claim_window_ms": 300,
    "redelivery_backoff_ms": 50,
    "host_grace_ms": 5000,
}


class History:
    """One history: a broker, its workers, and a runtime in this process that publishes and calls."""

    def __init__(self, seed: int, broker: BrokerProcess) -> None:
        self.rng = random.Random(seed)
        self.broker = broker
        self.workers: list[asyncio.subprocess.Process] = []
        self.answered: set[str] = set()
        self.unknown: set[str] = set()
        self.refused: set[str] = set()

    async def run(self) -> None:
        """Plays and judges it."""
        self.workers = [await self._start() for _ in range(WORKERS)]
        try:
            async with await create_distributed_runtime(self.broker.url, "driver", default_timeout=30) as runtime:
                async with asyncio.TaskGroup() as tasks:
                    for number in range(COMMANDS):
                        tasks.create_task(self._command(runtime, number, self.rng.uniform(0, WORK_SECONDS)))
                    tasks.create_task(self._faults())
                await self._judge(runtime)
        finally:
            for worker in self.workers:
                await self._end(worker)

    async def _start(self) -> asyncio.subprocess.Process:
        worker = await asyncio.create_subprocess_exec(
            *(sys.executable, str(PROGRAM), self.broker.url), stdout=asyncio.subprocess.PIPE
        )
        assert worker.stdout is not None
        async with asyncio.timeout(HEAL_SECONDS):
            assert (await worker.stdout.readline()).strip() == b"ready"
        return worker

    async def _end(self, worker: asyncio.subprocess.Process) -> None:
        if worker.returncode is None:
            worker.send_signal(signal.SIGCONT)
            worker.kill()
        await worker.wait()

    async def _command(self, runtime: DistributedRuntime, number: int, delay: float) -> None:
        key = self.rng.choice(KEYS)
        kind = self.rng.choice(("event", "event", "call", "keyed call"))
        text = f"{kind} {number}"
        label = Label(text, fail_until=self.rng.choice((0, 0, 2, 3)) if kind == "event" else 0)
        await asyncio.sleep(delay)
        try:
            if kind == "event":
                await runtime.publish_message(label, TopicId(IN, key))
            else:
                labels = await runtime.send_message(
                    label,
                    AgentId("keeper", key),
                    response_type=Labels,
                    wait_for_ready=True,
                    idempotency_key=text if kind == "keyed call" else None,
                )
                assert labels.texts == [text]
        except (OutcomeUnknownError, DeadlineExceededError):
            self.unknown.add(text)
        except ParleyError as error:
            (self.unknown if error.may_have_run else self.refused).add(text)
        else:
            self.answered.add(text)

    async def _faults(self) -> None:
        moments = sorted(self.rng.uniform(0.3, WORK_SECONDS) for _ in range(5))
        passed = 0.0
        for moment in moments:
            await asyncio.sleep(moment - passed)
            passed = moment
            fault = self.rng.choice((self._kill_worker, self._kill_worker, self._pause_worker, self._kill_broker))
            await fault()

    async def _kill_worker(self) -> None:
        index = self.rng.randrange(WORKERS)
        await self._end(self.workers[index])
        self.workers[index] = await self._start()

    async def _pause_worker(self) -> None:
        worker = self.rng.choice(self.workers)
        worker.send_signal(signal.SIGSTOP)
        await asyncio.sleep(self.rng.uniform(0.2, 2.5))
        worker.send_signal(signal.SIGCONT)

    async def _kill_broker(self) -> None:
        self.broker.kill()
        await asyncio.sleep(self.rng.uniform(0.05, 0.5))
        await asyncio.to_thread(self.broker.start)

    async def _judge(self, runtime: DistributedRuntime) -> None:
        """Waits until all that was answered has had its effect, and judges the states."""
        deadline = asyncio.get_running_loop().time() + HEAL_SECONDS
        while True:
            states = {key: await self._labels(runtime, AgentId("keeper", key)) for key in KEYS}
            wanted = Counter(f"{key}/{text}" for key, texts in states.items() for text in texts)
            got = Counter(await self._labels(runtime, COLLECTOR))
            taken = {text for texts in states.values() for text in texts}
            if (self.answered <= taken and got == wanted) or asyncio.get_running_loop().time() > deadline:
                break
            await asyncio.sleep(0.2)
        assert self.answered <= taken, f"answered, but without effect: {self.answered - taken}"
        assert got == wanted, f"published by keepers but not collected once: {wanted - got}; {got - wanted}"
        repeated = [text for text, times in Counter(t for texts in states.values() for t in texts).items() if times > 1]
        assert not repeated, f"had their effect more than once: {repeated}"
        assert not self.refused & taken, f"refused, and yet with an effect: {self.refused & taken}"

    async def _labels(self, runtime: DistributedRuntime, agent: AgentId) -> list[str]:
        labels = await runtime.send_message(Ask(), agent, response_type=Labels, wait_for_ready=True)
        return labels.texts


@pytest.mark.parametrize("seed", SEEDS)
async def test_every_effect_is_there_once(seed: int, tmp_path: Path) -> None:
    """covers: STA-4, STA-5, PUB-1, SES-14, SES-15, RPC-8."""
    with BrokerProcess(data=tmp_path, **SETTINGS) as broker:
        try:
            await History(seed, broker).run()
        except BaseException:
            sys.stderr.write(broker.log_path.read_text()[-20000:])
            raise
