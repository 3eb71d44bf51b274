from __future__ import annotations

from samples import history, message

from parley_conformance.reports.culprit import Culprit
from parley_conformance.reports.timeline import Row, timeline


def texts(rows: tuple[Row, ...]) -> list[str]:
    return [row.text for row in rows]


def test_a_call_from_left_to_right_and_from_top_to_bottom() -> None:
    drawn = timeline(history())
    assert drawn.lanes == ("caller", "broker", "handler")
    assert texts(drawn.rows) == [
        "RegisterAgentType",
        "1  do: {caller: {call: {label: c1}}}",
        "Request c1",
        "2  see: {caller: {outcome: {label: c1}}}",
        "Request c1",
        "enter c1: attempt 2",
        "cut: cut_before",
        "Reply c2",
        "Reply c1",
        "outcome c1: CANCELLED",
    ]
    assert [(row.source, row.target) for row in drawn.rows if row.form == "message"] == [
        ("handler", "broker"),
        ("caller", "broker"),
        ("broker", "handler"),
        ("handler", "broker"),
        ("broker", "caller"),
    ]


def test_one_row_is_marked_even_if_it_is_a_heartbeat() -> None:
    drawn = timeline(history(), culprit=Culprit("messages", 3, ""), failure="too often")
    assert [row.text for row in drawn.rows if row.marked] == ["Heartbeat"]
    drawn = timeline(history(), culprit=Culprit("observations", 0, ""))
    assert [row.text for row in drawn.rows if row.marked] == ["enter c1: attempt 2"]


def test_without_a_mark_the_failure_is_told_at_the_end() -> None:
    last = timeline(history(), failure="nothing came").rows[-1]
    assert (last.form, last.text, last.flaw) == ("step", "nothing came", "fail")


def test_what_became_of_a_message_is_told() -> None:
    told = [
        message(1, "a", "up", "publish", "e1", came=False),
        message(2, "a", "up", "publish", "e2", went=False),
        message(3, "a", "up", "publish", "e3", went_bytes="AA=="),
        message(4, "a", "up", "publish", "e4", again=True),
        message(5, "a", "down", "error", "", summary="{'re': 1, 'error': {'reason': 'UNAVAILABLE'}}"),
        message(6, "a", "down", "delivery", "", summary="{'delivery': {'envelope': 'e5'}}"),
    ]
    rows = timeline(history(messages=told, observations=[], steps=[], lines=[])).rows
    assert [row.flaw for row in rows] == ["injected", "dropped", "changed", "again", "", ""]
    assert texts(rows)[-2:] == ["Error UNAVAILABLE", "Delivery e5"]


def test_what_was_done_to_a_party_stands_at_its_lane() -> None:
    steps = [{"n": 1, "text": "{kill: handler}", "at_ms": 5.0, "verdict": "pass"}]
    rows = timeline(history(steps=steps)).rows
    assert "1  kill: handler" in texts(rows)
    assert [(row.text, row.source) for row in rows if row.form == "done"] == [
        ("kill handler", "handler"),
        ("cut: cut_before", "handler"),
    ]


def test_short_has_the_messages_and_what_was_done_alone() -> None:
    assert {row.form for row in timeline(history(), short=True).rows} == {"message", "done"}


def test_of_many_the_beginning_the_mark_and_the_end_are_kept() -> None:
    many = [message(at, "a", "up", "publish", f"e{at}") for at in range(500)]
    told = history(messages=many, observations=[], steps=[], lines=[])
    rows = timeline(told, culprit=Culprit("messages", 200, "")).rows
    assert len(rows) <= 64 + 2
    assert texts(rows)[0] == "Publish e0"
    assert texts(rows)[-1] == "Publish e499"
    assert [row.text for row in rows if row.marked] == ["Publish e200"]
    folds = [row.text for row in rows if row.form == "fold"]
    drawn = sum(row.form == "message" for row in rows)
    assert sum(int(text.split()[0]) for text in folds) == 500 - drawn


def test_newcomers_who_prove_that_the_broker_works_are_not_drawn() -> None:
    told = history(messages=[message(1, "newcomer-caller", "up", "hello")], parties={"p": {}, "newcomer-caller": {}})
    assert timeline(told, short=True).lanes == ("p", "broker", "handler")
