from __future__ import annotations

from typing import Any

import pytest
from samples import WRONG, history, message, run

from parley_conformance.reports import culprit


def find(reason: str, party: str = "", **members: Any) -> tuple[str, int] | None:
    found = culprit.find(run(WRONG, "fail", reason=reason, party=party), history(**members))
    return (found.form, found.index) if found else None


def test_a_message_that_the_text_quotes() -> None:
    assert find("number 7 where 2 was due: {'reply': {'label': 'c2'}}") == ("messages", 4)


def test_a_message_that_is_quoted_as_far_as_it_is_told() -> None:
    told = history()["messages"]
    told[1]["summary"] = "{'request': {'target': 'a/k', 'envelope': …"
    assert find("it was {'request': {'target': 'a/k', 'envelope': 'long'}}", messages=told) == ("messages", 1)


def test_an_observation_that_the_text_quotes() -> None:
    fields = history()["observations"][0]["fields"]
    assert find(f"handler saw {fields!r}, which must never be") == ("observations", 0)


def test_the_last_observation_with_the_label_and_kind_that_are_named() -> None:
    assert find("caller (python): expected outcome {'label': 'c1'} within 5 ms; it saw: reason: got 'x'", "caller") == (
        "observations",
        1,
    )


def test_an_observation_of_somebody_else_is_not_meant() -> None:
    assert find("handler: outcome of c1 is wrong", "handler") == ("messages", 5)


def test_the_last_message_with_the_label_that_is_named() -> None:
    assert find("c2 was run twice") == ("messages", 4)


@pytest.mark.parametrize(
    ("reason", "due"),
    [
        ("w: expected {'re': 2} within 50 ms; nothing was there", "{'re': 2}"),
        ("a: expected outcome {'label': 'c1'} within 5 ms; it saw last: enter c1", "outcome {'label': 'c1'}"),
        ("w: expected {'re': 2} within 50 ms; there were: {'request': {'label': 'c1'}}", "{'re': 2}"),
    ],
)
def test_what_never_came_is_nobodys_message(reason: str, due: str) -> None:
    assert find(reason) is None
    assert culprit.missing(run(WRONG, "fail", reason=reason)) == due


def test_what_came_instead_of_what_was_due() -> None:
    reason = "w: expected {'reply': {'a': 1}} within 5 ms; there were: {'x': 1}; the nearest reply differs in a: absent"
    assert find(reason) == ("messages", 5)


@pytest.mark.parametrize("reason", ["the broker used 900 MB", ""])
def test_nothing_is_named(reason: str) -> None:
    assert find(reason) is None
    assert culprit.missing(run(WRONG, "fail", reason=reason)) == ""


def test_the_last_of_what_must_not_come() -> None:
    told = [
        message(1, "client", "up", "publish", "e1"),
        message(2, "client", "up", "ack", "e2"),
        message(3, "client", "down", "done", "e2"),
        message(4, "client", "down", "delivery", "e3"),
        message(5, "client", "down", "done", "e3"),
    ]
    assert find("step 4: the client said {'label': 'e2', 'ack': {}}, which must not come", messages=told) == (
        "messages",
        1,
    )
    assert find("step 4: the client said {'publish': {}}, which must not come", messages=told) == ("messages", 0)
    assert find("w got {'delivery': {}}, which must never come", messages=told) == ("messages", 3)


def test_who_got_something_twice_was_told_so() -> None:
    told = [message(1, "h", "down", "delivery", "e1"), message(2, "h", "up", "ack", "e1")]
    assert find("broker: probe/k got e1 at round 1 after round 1", messages=told) == ("messages", 0)


def test_the_error_of_who_made_it_and_not_of_who_saw_it() -> None:
    told = [
        message(1, "handler", "down", "request", "c1"),
        message(2, "handler", "up", "error", "c1"),
        message(3, "caller", "down", "error", "c1"),
    ]
    seen = "caller (python): expected outcome {'label': 'c1'} within 5 ms; it saw: error.reason: expected 'A', got 'B'"
    assert find(f"{seen}; handler answered with B", "handler", messages=told) == ("messages", 1)


def test_of_an_event_to_several_the_message_to_the_one_that_is_named() -> None:
    told = [
        message(at, "h", "down", "delivery", "e1", summary=f"{{'recipient': '{name}'}}")
        for at, name in enumerate(("a/k", "a/k", "b/k"))
    ]
    assert find("broker: a/k got e1 at round 1 after round 1", messages=told) == ("messages", 1)


def test_it_is_told_whole() -> None:
    said = culprit.find(run(WRONG, "fail", reason="c2 was run twice"), history())
    assert said is not None
    assert said.text == "handler → broker #1 reply c2: {'reply': {'label': 'c2'}}"
    seen = culprit.find(run(WRONG, "fail", reason="outcome of c1"), history())
    assert seen is not None
    assert seen.text == "caller saw outcome c1 {'error': {'reason': 'CANCELLED'}}"
