from __future__ import annotations

import asyncio

import pytest

from parley_conformance.model import Failed, Inconclusive
from parley_conformance.timing import LagMeter, check_window


def test_lower_bounds_are_strict_and_upper_ones_have_slack() -> None:
    check_window("it", 300, at_least=300, at_most=300, excuse="")
    check_window("it", 799, at_least=300, at_most=300, excuse="")
    check_window("it", 99_999, at_least=300, at_most=None, excuse="")
    with pytest.raises(Failed, match="it after 299 ms, at least 300"):
        check_window("it", 299, at_least=300, at_most=300, excuse="")
    with pytest.raises(Failed, match="it after 801 ms, at most 300"):
        check_window("it", 801, at_least=300, at_most=300, excuse="")


def test_lateness_with_an_excuse_is_inconclusive_and_earliness_never() -> None:
    with pytest.raises(Inconclusive, match="the runner itself"):
        check_window("it", 801, at_least=0, at_most=300, excuse="the runner itself was late")
    with pytest.raises(Failed):
        check_window("it", 10, at_least=300, at_most=300, excuse="the runner itself was late")


def test_the_excuse_is_the_runner_or_the_machine_within_the_window() -> None:
    meter = LagMeter()
    assert meter.excuse(0) == ""
    meter.sample(1.0, 900, 0.0)
    meter.sample(2.0, 10, 0.0)
    meter.sample(3.0, 10, 0.4)
    assert "late by 900 ms" in meter.excuse(0.5)
    assert meter.excuse(1.5) == ""
    meter.sample(4.0, 10, 1.3)
    assert "wait for a processor" in meter.excuse(1.5)


async def test_it_measures(monkeypatch: pytest.MonkeyPatch) -> None:
    meter = LagMeter()
    loop = asyncio.get_running_loop()
    since, late = loop.time(), 0.0
    monkeypatch.setattr(loop, "time", lambda: since + late, raising=False)
    ticks = 0

    async def sleep(seconds: float) -> None:
        nonlocal late, ticks
        ticks += 1
        late += seconds + (0.4 if ticks == 3 else 0.0)
        if ticks == 5:
            raise asyncio.CancelledError

    monkeypatch.setattr("parley_conformance.timing.asyncio.sleep", sleep)
    with pytest.raises(asyncio.CancelledError):
        await meter._measure()
    assert [round(late_ms) for _, late_ms, _ in meter._samples] == [0, 0, 400, 0]
    assert "late by 400 ms" in meter.excuse(since)
