import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import harness
import pytest
from harness import Reading, Work, carry_out, closed_loop, open_loop, percentile, record_codec


def work(**changes: Any) -> Work:
    usual = {
        "kind": "call", "in_flight": 2, "rate": 0, "host": "python", "key": "k", "content": "json", "seconds": 0.05,
        "values": 2, "text": 3,
    }  # fmt: skip
    return Work(**(usual | changes))


class Client:
    """A system that answers at once, and whose events arrive when they are told to."""

    def __init__(self) -> None:
        self.sent: list[Work] = []
        self.arrivals: list[tuple[Work, int]] = []

    def sending(self, work: Work) -> harness.Send:
        async def send() -> None:
            self.sent.append(work)
            await asyncio.sleep(0)

        return send

    async def arrived(self, work: Work, count: int) -> None:
        self.arrivals.append((work, count))

    async def prepare(self, work: Work) -> None: ...


def test_percentiles_are_values_that_were_measured() -> None:
    values = [float(value) for value in range(1, 1001)]

    assert [percentile(values, per_mille) for per_mille in (500, 990, 999)] == [500, 990, 999]
    assert [percentile([1.0, 2.0], per_mille) for per_mille in (1, 500, 501, 999)] == [1, 1, 2, 2]
    assert percentile([7.0], 999) == 7


@pytest.mark.parametrize("content", ["json", "protobuf"])
def test_a_record_survives_the_way_there(content: str) -> None:
    write, read = record_codec(content)
    carried = read(write(harness.record(work(content=content))))

    assert (carried.number, carried.source, carried.text) == (0, "bench", "xxx")
    assert list(carried.values) == [0.6180339887498949, 1.2360679774997898]
    assert content != "json" or carried == work().reading()


async def test_closed_loop_keeps_so_many_in_flight_and_waits_for_the_last() -> None:
    running = most = answered = 0

    async def send() -> None:
        nonlocal running, most, answered
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.001)
        running -= 1
        answered += 1

    latencies = await closed_loop(send, 7, 0.05)

    assert (running, most) == (0, 7)
    assert len(latencies) == answered >= 7
    assert min(latencies) >= 0.001


async def test_open_loop_sends_what_is_due_and_no_more() -> None:
    started = time.perf_counter()

    latencies = await open_loop(lambda: asyncio.sleep(0), 4, 0.1, 500)

    assert len(latencies) == 50
    assert time.perf_counter() - started >= 49 / 500


async def test_open_loop_counts_a_stall_for_every_message_that_it_held_up() -> None:
    """A closed loop would have measured one slow message of many."""
    stalls = [0.1]

    async def send() -> None:
        await asyncio.sleep(stalls.pop() if stalls else 0)

    latencies = await open_loop(send, 1, 0.1, 200)

    assert len(latencies) == 20
    # Due every 5 ms, all held up by the first: the last of them for the rest of its 100 ms.
    assert sum(latency > 0.04 for latency in latencies) >= 11
    assert latencies[0] == max(latencies)


async def test_a_round_of_calls_is_over_with_the_last_reply() -> None:
    client = Client()

    answer = await carry_out(client, work())

    assert answer["count"] == len(client.sent) > 0
    assert client.arrivals == []
    assert answer["seconds"] >= 0.05
    assert 0 < answer["p50_us"] <= answer["p99_us"] <= answer["p999_us"]
    assert answer["cpu_s"] > 0


@pytest.mark.parametrize("kind", ["publish-ephemeral", "publish-stored", "effectively-once"])
async def test_a_round_of_events_is_over_when_all_have_arrived(kind: str) -> None:
    client = Client()
    asked = work(kind=kind)

    answer = await carry_out(client, asked)

    assert client.arrivals == [(asked, answer["count"])]


async def test_events_that_do_not_arrive_are_an_error_that_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(harness, "ARRIVAL_LIMIT", 0.01)
    client = Client()
    monkeypatch.setattr(client, "arrived", lambda work, count: asyncio.sleep(10))

    with pytest.raises(TimeoutError, match=r"not all of \d+ events had arrived"):
        await carry_out(client, work(kind="publish-stored"))


async def test_a_stream_beside_the_calls_has_its_own_rate_and_size_and_does_not_count() -> None:
    client = Client()

    answer = await carry_out(client, work(beside={"rate": 100, "values": 9, "text": 0}))

    beside = [each for each in client.sent if each.kind == "publish-ephemeral"]
    assert len(beside) == 5
    assert {(each.values, each.key) for each in beside} == {(9, "k-beside")}
    assert answer["count"] == len(client.sent) - 5
    assert client.arrivals == [(beside[0], 5)]


PARTIES = Path(harness.__file__).parent
PARTY = """
import contextlib, harness, asyncio
class Client:
    def sending(self, work):
        if work.key == "bad":
            raise ValueError("no such key")
        return lambda: asyncio.sleep(0)
    async def prepare(self, work):
        assert work.subscribers == 3
@contextlib.asynccontextmanager
async def connect(role, url):
    assert url == "somewhere"
    yield Client()
harness.run_party(connect)
"""


def test_a_party_answers_line_by_line_and_survives_an_error() -> None:
    lines = [json.dumps({**vars(work(key=key)), "more": 1}) for key in ("good", "bad", "good")]

    done = subprocess.run(
        [sys.executable, "-c", PARTY, "caller", "somewhere"],
        input="\n".join(lines) + "\n", capture_output=True, text=True, timeout=60, check=True, cwd=PARTIES,
    )  # fmt: skip
    ready, first, second, third = [json.loads(line) for line in done.stdout.splitlines()]

    assert ready == {"ready": True}
    assert second == {"error": "ValueError: no such key"}
    assert set(first) == set(third) == {"count", "seconds", "p50_us", "p99_us", "p999_us", "cpu_s"}


def test_a_host_prepares_what_it_is_told_to() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PARTY, "host", "somewhere"], input=json.dumps(vars(work(subscribers=3))) + "\n",
        capture_output=True, text=True, timeout=60, check=True, cwd=PARTIES,
    )  # fmt: skip

    assert done.stdout.splitlines()[1:] == ["{}"]


def test_the_record_is_what_content_promises() -> None:
    assert isinstance(work().reading(), Reading)


def test_agents_take_turns() -> None:
    assert (work(key="k").keys, work(key="k").shares(5)) == (["k"], [("k", 5)])
    three = work(key="k", agents=3)
    assert three.keys == ["k-0", "k-1", "k-2"]
    assert three.shares(5) == [("k-0", 2), ("k-1", 2), ("k-2", 1)]
    assert three.shares(2) == [("k-0", 1), ("k-1", 1)]
