"""What is saved of an agent: bytes, versions, and what is said again."""

from __future__ import annotations

import asyncio
from collections import UserDict
from collections.abc import Mapping
from typing import Any

import pytest

from parley import RoutedAgent
from parley._state import Commit, SavedState, StateKeeper, decode_state, encode_state


class Stated(RoutedAgent):
    state: Any = None

    async def save_state(self) -> Mapping[str, Any]:
        return self.state  # type: ignore[no-any-return]


def test_states_are_json_objects() -> None:
    state = {"a": [1, None, "ü"], "b": {"c": 1.5}}
    data = encode_state(UserDict(state))
    assert data == '{"a":[1,null,"ü"],"b":{"c":1.5}}'.encode()
    assert decode_state(SavedState(data)) == state


@pytest.mark.parametrize("state", [None, [], "x", {"a": object()}, {"a": float("nan")}])
def test_what_is_no_state(state: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        encode_state(state)


@pytest.mark.parametrize(
    ("saved", "text"),
    [
        (SavedState(b"[]"), "a JSON list, not an object"),
        (SavedState(b"{"), "Expecting"),
        (SavedState(b"{}", "application/protobuf"), "only 'application/json' can be loaded"),
    ],
)
def test_what_cannot_be_loaded(saved: SavedState, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        decode_state(saved)


async def test_only_what_has_changed_is_said() -> None:
    keeper, agent = StateKeeper(SavedState(b'{"n":1}', version=4)), Stated()
    agent.state = {"n": 1}
    assert await keeper.changed(agent) is None
    assert await keeper.changed(agent, always=True) == b'{"n":1}'
    agent.state = {"n": 2}
    data = await keeper.changed(agent)
    commit = keeper.commit(data)
    assert commit == Commit(4, b'{"n":2}')
    assert await keeper.changed(agent) == data  # nothing was said yet
    keeper.said(commit)
    assert await keeper.changed(agent) is None
    assert keeper.commit(None).expected_version == 5
    keeper.said(keeper.commit(None, ["event"]))
    assert keeper.saved == SavedState(b'{"n":2}', version=6)


async def test_a_refusal_corrects_the_count_once() -> None:
    keeper, agent = StateKeeper(SavedState()), Stated()
    agent.state = {}
    commits = []
    for _ in range(3):
        commits.append(keeper.commit(b"{}"))
        keeper.said(commits[-1])
        keeper.sent()
    assert [commit.expected_version for commit in commits] == [0, 1, 2]
    keeper.answered(commits[0].counting)
    assert keeper.refused(commits[1], 1)
    assert keeper.unanswered == 0
    assert await keeper.changed(agent) == b"{}"  # nothing is known of what was said
    again = keeper.commit(b"{}")
    assert again.expected_version == 1
    keeper.sent()
    keeper.said(again)
    assert not keeper.refused(commits[2], 1)  # of the old count: no news
    keeper.answered(commits[2].counting)
    assert keeper.unanswered == 1
    assert keeper.saved.version == 2


async def test_waiting_until_every_commit_has_its_answer() -> None:
    keeper = StateKeeper(SavedState())
    await keeper.quiet()
    keeper.sent()
    keeper.sent()
    waiting = asyncio.ensure_future(keeper.quiet())
    await asyncio.sleep(0)
    keeper.answered(0)
    await asyncio.sleep(0)
    assert not waiting.done()
    keeper.answered(0)
    await waiting
    keeper.sent()
    waiting = asyncio.ensure_future(keeper.quiet())
    await asyncio.sleep(0)
    keeper.count_anew(7)
    await waiting


async def test_results_wait_until_the_count_is_sure_again() -> None:
    keeper = StateKeeper(SavedState())
    await keeper.in_step()
    keeper.count_anew(3)
    await keeper.in_step()  # nothing can be lost
    asked: list[str] = []
    keeper.save = lambda: asked.append("save")
    keeper.count_anew(3)
    waiting = [asyncio.ensure_future(keeper.in_step()) for _ in range(2)]
    await asyncio.sleep(0)
    assert asked == ["save"]
    assert not any(waiter.done() for waiter in waiting)
    keeper.caught_up()
    await asyncio.gather(*waiting)
