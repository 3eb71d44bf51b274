"""The steps of cases of kind `sdk`: what each one asks for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sdk_cases import CALL, GET, SEE, play

from parley_conformance import sdk_steps
from parley_conformance.model import Failed


@pytest.mark.parametrize(
    ("steps", "text"),
    [
        ([{"get": {"publish": {}}, "within_ms": 50}], "step 1: expected .*publish"),
        ([CALL, GET, {"nothing": {"list_subscriptions": {}}}, {"outcome": {}, "of": "c1", "within_ms": 50}], "step 4"),
        ([CALL, {"nothing": {"request": {}}}], "step 2: .*must not come"),
        ([CALL, GET, {"answer": {"error": {"reason": "INTERNAL", "message": "no"}}, "to": "c1"}, SEE], "step 4: .*c1"),
        ([{"frame": [{"drain": {}}], "first_seq": 9}, {"see": {"client": {"session": {"state": "no"}}}}], "step 2"),
    ],
)
async def test_a_case_that_does_not_hold(
    tmp_path: Path, steps: list[dict[str, Any]], text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("parley_conformance.party_steps.WITHIN_MS", 300)
    with pytest.raises(Failed, match=text):
        await play(tmp_path, *steps)


async def test_a_runtime_that_is_refused_is_followed_by_one_that_works(tmp_path: Path) -> None:
    error = {"reason": "PROTOCOL_VERSION_UNSUPPORTED", "message": "no"}
    await play(
        tmp_path,
        {"connect": "client", "wait": False, "refused": {"reason": "PROTOCOL_VERSION_UNSUPPORTED"}},
        {"get": {"hello": {}}, "as": "h"},
        {"answer": {"error": error}, "to": "h"},
        {"end": {"code": "FAILED_PRECONDITION", "text": "no"}},
        broker={"manual": ["hello"]},
        parties={"client": {"late": True}},
    )
    with pytest.raises(Failed, match="the client started"):
        await play(tmp_path, {"connect": "client", "refused": {}}, parties={"client": {"late": True}})


async def test_who_was_cut_off_may_pause_before_it_dials_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sdk_steps, "WITHIN_MS", 3_000)
    monkeypatch.setattr(sdk_steps, "PAUSE_MS", 4_000)
    back = {"get": {"hello": {"resume": {}}}}
    with pytest.raises(Failed, match=r"step 3: expected .*publish.* within 3000 ms"):
        await play(tmp_path, {"cut": "a"}, back, {"get": {"publish": {}}})
    with pytest.raises(Failed, match=r"step 2: expected .*publish.* within 7000 ms"):
        await play(tmp_path, {"cut": "a"}, {"get": {"publish": {}}})
