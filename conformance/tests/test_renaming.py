from __future__ import annotations

from typing import Any

import pytest

from parley_conformance import wire
from parley_conformance.renaming import Names
from parley_wire.v1 import admin_service_pb2
from parley_wire.v1 import broker_service_pb2 as pb

MARK = "0af1."


@pytest.fixture
def names() -> Names:
    return Names(MARK)


def marked(names: Names, plain: dict[str, Any]) -> tuple[bool, dict[str, Any]]:
    message = wire.message(plain)
    changed = names.away(message)
    return changed, wire.plain(message)


@pytest.mark.parametrize(
    ("plain", "heard"),
    [
        (
            {"id": 1, "request": {"target": "probe/k", "call_chain": ["front/a"], "sender": "front/a"}},
            {"id": 1, "request": {"target": "0af1.probe/k", "call_chain": ["0af1.front/a"], "sender": "0af1.front/a"}},
        ),
        (
            {"publish": {"topic": "news.sport:a=b/k", "event_id": "e"}},
            {"publish": {"topic": "0af1.news.sport:a=b/k", "event_id": "e"}},
        ),
        (
            {"subscribe": {"subscription": {"topic_type": "news.", "match": "PREFIX", "agent_type": "probe"}}},
            {
                "subscribe": {
                    "subscription": {"topic_type": "0af1.news.", "match": "PREFIX", "agent_type": "0af1.probe"}
                }
            },
        ),
        (
            {"register_agent_type": {"type": "probe", "mode": "STANDARD", "pinned_keys": ["k"]}},
            {"register_agent_type": {"type": "0af1.probe", "mode": "STANDARD", "pinned_keys": ["k"]}},
        ),
        (
            {"hello": {"producer_id": "p", "instance_id": "a", "kinds": [1]}},
            {"hello": {"producer_id": "0af1.p", "instance_id": "a", "kinds": [1]}},
        ),
    ],
)
def test_names_go_with_the_mark_and_come_back_without(
    names: Names, plain: dict[str, Any], heard: dict[str, Any]
) -> None:
    assert marked(names, plain) == (True, heard)
    back = wire.message(heard)
    assert names.back(back)
    assert wire.plain(back) == plain


@pytest.mark.parametrize("bad", ["", " ", "a/b", "ä", "a" * 256, "a\n"])
def test_what_is_malformed_stays_so(names: Names, bad: str) -> None:
    assert marked(names, {"publish": {"topic": {"type": bad, "source": "k"}}})[0] is False


def test_the_longest_names_keep_their_length(names: Names) -> None:
    _, heard = marked(names, {"request": {"target": {"type": "t" * 255, "key": "k"}}})
    assert heard["request"]["target"] == f"{MARK}{'t' * 250}/k"
    back = wire.message(heard)
    names.back(back)
    assert back.request.target.type == "t" * 255
    error = wire.message({"re": 1, "error": {"message": f"nobody hosts {MARK}{'t' * 250}"}})
    names.back(error)
    assert error.error.message == f"nobody hosts {'t' * 255}"


def test_what_names_nothing_is_not_touched(names: Names) -> None:
    assert not names.away(wire.message({"re": 2, "reply": {"envelope": "probe"}}))
    assert not names.away(pb.Message.FromString(bytes.fromhex("a21f020801")))


def test_errors_are_told_in_the_names_of_the_case(names: Names) -> None:
    error = wire.message(
        {"re": 1, "error": {"reason": "NO_RESPONDERS", "message": f"{MARK}a/k", "details": {"agent": f"{MARK}a/k"}}}
    )
    assert names.back(error)
    assert (error.error.message, dict(error.error.details)) == ("a/k", {"agent": "a/k"})


def test_lists_have_what_is_the_cases_own(names: Names) -> None:
    subscriptions = [{"topic_type": t, "match": "EXACT", "agent_type": f"{m}a"} for t, m in (("x", ""), ("y", MARK))]
    told = wire.message({"re": 1, "subscription_list": {"subscriptions": subscriptions}})
    names.back(told)
    assert wire.plain(told)["subscription_list"]["subscriptions"] == [
        {"topic_type": "y", "match": "EXACT", "agent_type": "a"}
    ]
    letters = admin_service_pb2.ListDeadLettersResponse()
    letters.dead_letters.add(id=1).recipient.type = f"{MARK}probe"
    letters.dead_letters.add(id=2).recipient.type = "probe"
    names.back(letters)
    assert [(one.id, one.recipient.type) for one in letters.dead_letters] == [(1, "probe")]


def test_agent_types_are_known(names: Names) -> None:
    marked(names, {"request": {"target": "probe/k"}})
    marked(names, {"publish": {"topic": "news/k"}})
    assert names.agent_types == {f"{MARK}probe"}
