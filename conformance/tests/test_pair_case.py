from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from conftest import fake_adapter, fake_launcher, pair_case

from parley_conformance import pair_case as cases
from parley_conformance.broker import Broker
from parley_conformance.model import Failed, Inconclusive, Run, Unsupported
from parley_conformance.pair_case import Table
from parley_conformance.timing import LagMeter

# The fake adapter is caller and handler in one: both parties of these cases are the caller.
ALONE = {"caller": {"agents": {"probe": "probe"}}, "handler": {"late": True}}
CALL = {"do": {"caller": {"call": {"label": "c1", "to": "probe/k", "do": [{"reply": "hi"}]}}}}


async def play(folder: Path, *steps: dict[str, Any], flaw: str = "", **fields: Any) -> None:
    case = pair_case(steps=steps, **{"parties": ALONE, **fields})
    broker = await Broker.launch(fake_launcher(), {}, folder)
    commands = {"one": fake_adapter(flaw)}
    table = Table(broker, Run(case, "one", "one", "json"), commands, folder, LagMeter())
    try:
        await cases.play(table, case, None)
    finally:
        await table.close()
        await broker.close()


async def test_a_case_that_holds(tmp_path: Path) -> None:
    await play(
        tmp_path,
        CALL,
        {"see": {"caller": [{"enter": {"label": "c1"}}, {"leave": {"label": "c1"}}, {"outcome": {"label": "c1"}}]}},
        {"see": {"caller": {"enter": {"label": "c1"}}}, "count": 1, "took_ms": {"since": "c1", "max": 5_000}},
        {
            "do": {"caller": {"register": {"type": "refused", "behaviour": "probe"}}},
            "refused": {"reason": "INVALID_ARGUMENT"},
        },
        {"fence": True},
        never=[{"caller": {"cancelled": {}}}],
    )


@pytest.mark.parametrize(
    ("step", "text"),
    [
        ({"see": {"caller": {"outcome": {"label": "c1", "reply": None}}}, "within_ms": 200}, "step 2: .*it saw: reply"),
        ({"see": {"caller": [{"outcome": {"label": "c1"}}, {"enter": {"label": "c1"}}]}}, "step 2: .*came before"),
        (
            {"see": {"caller": {"enter": {"label": "c1"}}}, "took_ms": {"since": "c1", "min": 60_000}},
            "at least 60000 ms",
        ),
        ({"do": {"caller": {"register": {"type": "refused", "behaviour": "probe"}}}}, "step 2: .*INVALID_ARGUMENT"),
        ({"do": {"caller": {"ping": {}}}, "refused": {"reason": "X"}}, "step 2: .*was carried out"),
    ],
)
async def test_a_case_that_does_not_hold(tmp_path: Path, step: dict[str, Any], text: str) -> None:
    with pytest.raises(Failed, match=text):
        await play(tmp_path, CALL, step)


@pytest.mark.parametrize(
    ("flaw", "rule"),
    [
        ("two-outcomes", "RPC-1"),
        ("no-outcome", "RPC-1"),
        ("wrong-reply", "RPC-2"),
        ("runs-twice", "RPC-1"),
        ("never-leaves", "RPC-11"),
        ("wrong-content", "MSG-6"),
    ],
)
async def test_what_must_always_hold_is_judged_whatever_the_case_asks(
    tmp_path: Path, flaw: str, rule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cases, "WITHIN_MS", 300)
    with pytest.raises(Failed) as caught:
        await play(tmp_path, CALL, flaw=flaw)
    assert caught.value.rule == rule


async def test_what_must_never_be_seen(tmp_path: Path) -> None:
    with pytest.raises(Failed, match="must never be"):
        await play(tmp_path, CALL, never=[{"caller": {"enter": {"label": "c1"}}}])


async def test_a_lacking_capability_is_unsupported(tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match="the one adapter lacks levitation"):
        await play(tmp_path, CALL, requires=("levitation",))


async def test_a_killed_party_owes_nothing(tmp_path: Path) -> None:
    parties = {"caller": {}, "handler": {}}
    await play(tmp_path, CALL, {"see": {"caller": {"outcome": {"label": "c1"}}}}, {"kill": "handler"}, parties=parties)


async def test_an_armed_fault_that_does_not_happen_makes_it_inconclusive(tmp_path: Path) -> None:
    arm = {"arm": {"id": "never", "at": "caller", "do": "hold", "dir": "up", "item": "Reply"}}
    with pytest.raises(Inconclusive, match="step 2: never did not happen within 50 ms") as caught:
        await play(
            tmp_path,
            arm,
            {"fired": "never", "within_ms": 50},
        )
    assert not caught.value.lag
    with pytest.raises(Inconclusive, match="never did not happen"):
        await play(tmp_path, arm, CALL)


async def test_what_happens_at_once_and_what_heals_it(tmp_path: Path) -> None:
    arm = {"arm": {"id": "away", "at": "caller", "do": "refuse"}}
    await play(tmp_path, arm, {"fired": "away"}, {"heal": "away"}, CALL)


async def test_parties_and_the_broker_are_paused_killed_and_started(tmp_path: Path) -> None:
    steps = [{"pause": "handler"}, {"continue": "handler"}, {"pause": "broker"}, {"continue": "broker"}]
    steps += [{"restart": "broker"}, {"restart": "broker", "by": "SIGTERM"}, {"kill": "broker"}, {"launch": "broker"}]
    steps += [{"kill": "handler"}, {"launch": "handler"}, {"pause": "handler"}]
    await play(tmp_path, *steps, CALL, parties={"caller": {}, "handler": {}})
