from __future__ import annotations

from typing import Any

import pytest

from parley_conformance.judge import Story, judge


def enter(label: str, agent: str = "probe/k", **more: Any) -> dict[str, Any]:
    return {"obs": "enter", "label": label, "agent": agent, "kind": "rpc", "attempt": 1, "content_type": "json", **more}


def leave(label: str, agent: str = "probe/k") -> dict[str, Any]:
    return {"obs": "leave", "label": label, "agent": agent, "how": "returned"}


def outcome(label: str, answered: str | None = None) -> dict[str, Any]:
    value = {"label": answered or label, "value": ""}
    return {"obs": "outcome", "label": label, "reply": {"type": "ProbeReply", "value": value}}


def told(caller: list[dict[str, Any]], handler: list[dict[str, Any]], **more: Any) -> list[Story]:
    return [
        Story("caller", "json", False, ("c1",), tuple(caller)),
        Story("handler", more.get("content", "json"), more.get("killed", False), (), tuple(handler)),
    ]


def rules(stories: list[Story], **more: Any) -> list[str]:
    return [broken.rule for broken in judge(stories, **more)]


def test_what_is_right_is_not_broken() -> None:
    assert judge(told([outcome("c1")], [enter("c1"), leave("c1")])) == []


@pytest.mark.parametrize(
    ("caller", "handler", "expected"),
    [
        ([], [enter("c1"), leave("c1")], ["RPC-1"]),
        ([outcome("c1"), outcome("c1")], [enter("c1"), leave("c1")], ["RPC-1"]),
        ([outcome("c1", "c2")], [enter("c1"), leave("c1")], ["RPC-2"]),
        ([outcome("c1")], [enter("c1")], ["RPC-11"]),
        ([outcome("c1")], [enter("c1"), leave("c1"), leave("c1")], ["RPC-1"]),
        ([outcome("c1")], [enter("c1"), leave("c1"), enter("c1"), leave("c1")], ["RPC-1"]),
        ([outcome("c1")], [enter("c1", content_type="protobuf"), leave("c1")], ["MSG-6"]),
    ],
)
def test_what_is_broken(caller: list[dict[str, Any]], handler: list[dict[str, Any]], expected: list[str]) -> None:
    assert rules(told(caller, handler)) == expected


def test_an_event_comes_once_per_agent() -> None:
    one = [enter("e1", "a/k", kind="event"), leave("e1", "a/k"), enter("e1", "b/k", kind="event"), leave("e1", "b/k")]
    assert rules(told([outcome("c1")], one)) == []
    assert rules(told([outcome("c1")], [*one, *one])) == ["DLV-11", "DLV-11"]
    assert rules(told([outcome("c1")], [*one, *one]), repeats=True) == []


def test_another_attempt_is_no_second_delivery() -> None:
    again = [enter("e1", kind="event"), leave("e1"), enter("e1", kind="event", attempt=2), leave("e1")]
    assert rules(told([outcome("c1")], again)) == []


def test_killed_parties_and_unfinished_handlers_are_excused() -> None:
    assert rules(told([outcome("c1")], [enter("c1")], killed=True)) == []
    assert rules(told([outcome("c1")], [enter("c1")]), unfinished=["c1"]) == []


def test_results_of_other_types_have_labels_of_their_own() -> None:
    other = {"obs": "outcome", "label": "c1", "reply": {"type": "Inner", "value": {"label": "something else"}}}
    assert rules(told([other], [])) == []


def test_a_handler_that_runs_again_sends_again() -> None:
    nested = [outcome("inner"), outcome("inner")]
    once = [enter("e1", kind="event"), *nested, leave("e1")]
    assert rules(told([outcome("c1")], once)) == ["RPC-1"]
    again = [*once, enter("e1", kind="event", attempt=2), leave("e1")]
    assert rules(told([outcome("c1")], again)) == []
