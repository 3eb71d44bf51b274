from __future__ import annotations

from typing import Any

import pytest
from conftest import contract

from parley_conformance import wire
from parley_conformance.tape import Tape
from parley_conformance.watching import judge_client, judge_peers, numbered
from parley_wire.v1 import broker_service_pb2 as pb

REASONS = contract().reasons


def frame(first_seq: int, *plains: dict[str, Any], **more: Any) -> pb.Frame:
    return pb.Frame(first_seq=first_seq, messages=[wire.message(one) for one in plains], **more)


HELLO = {"id": 1, "hello": {"producer_id": "p", "kinds": [1]}}
WELCOME = {"re": 1, "welcome": {"version": 1}}


def peer(*read: pb.Frame, any_reason: bool = False) -> Tape:
    """A peer that greeted, asked for its subscriptions under the id 2, and read these frames."""
    made = Tape()
    made.note("a", 0, "begin", 0, any_reason)
    made.note("a", 1, "wrote", frame=frame(0, HELLO))
    made.note("a", 1, "read", frame=frame(0, WELCOME))
    made.note("a", 1, "wrote", frame=frame(1, {"id": 2, "list_subscriptions": {}}))
    for one in read:
        made.note("a", 1, "read", frame=one)
    return made


ANSWER = {"re": 2, "subscription_list": {}}


@pytest.mark.parametrize(
    ("read", "rules"),
    [
        ([frame(1, ANSWER)], []),
        ([frame(2, ANSWER)], ["SES-7"]),
        ([frame(1, ANSWER), frame(2, ANSWER)], ["MSG-3"]),
        ([frame(1, ANSWER), frame(1, {"drain": {}})], ["SES-7"]),
        ([frame(1, {"re": 2, "error": {"reason": "INTERNAL"}})], ["ERR-2"]),
        ([frame(0, received=9)], ["SES-8"]),
        ([frame(0, credit_messages=5), frame(0, credit_messages=4)], ["FLOW-1"]),
    ],
)
def test_a_peers_tape(read: list[pb.Frame], rules: list[str]) -> None:
    found = judge_peers(peer(*read).entries, REASONS)
    assert [one.rule for one in found] == rules
    assert {one.party for one in found} <= {"broker"}


def test_what_a_case_did_to_the_numbers_counts() -> None:
    made = peer()
    made.note("a", 1, "expect_answer", 7)
    made.note("a", 1, "read", frame=frame(1, {"re": 7, "done": {}}))
    assert judge_peers(made.entries, REASONS) == []
    made.note("a", 2, "goes_back", 0)
    made.note("a", 2, "read", frame=frame(1, {"re": 7, "done": {}}))
    assert judge_peers(made.entries, REASONS) == []
    made.note("a", 2, "begin", 9, False)
    made.note("a", 2, "read", frame=frame(0, {"re": 9, "welcome": {"version": 1}}))
    made.note("a", 2, "read", frame=frame(1, {"re": 7, "done": {}}))
    assert [one.rule for one in judge_peers(made.entries, REASONS)] == ["MSG-3"]


def test_a_reason_that_the_contract_lacks() -> None:
    odd = frame(1, {"re": 2, "error": {"reason": 99, "message": "odd"}})
    assert [one.rule for one in judge_peers(peer(odd).entries, REASONS)] == ["ERR-1"]
    assert judge_peers(peer(odd, any_reason=True).entries, REASONS) == []


def client(*read: pb.Frame, first: pb.Frame | None = None) -> Tape:
    made = Tape()
    made.note("client", 1, "first", 2, 1000, frame=first or frame(0, HELLO, credit_messages=1, credit_bytes=1))
    made.note("client", 1, "session", 2, 1000)
    made.note("client", 1, "goes_on", 0)
    for one in read:
        made.note("client", 1, "read", frame=one)
    return made


PUBLISH = {"id": 5, "publish": {"topic": "t/k", "envelope": "hi"}}


@pytest.mark.parametrize(
    ("read", "rules"),
    [
        ([frame(1, PUBLISH)], []),
        ([frame(2, PUBLISH)], ["SES-7"]),
        ([frame(1, PUBLISH, PUBLISH)], ["MSG-3"]),
        ([frame(1, PUBLISH, {**PUBLISH, "id": 6}, {**PUBLISH, "id": 7})], ["FLOW-1"]),
        ([frame(0, received=1)], ["SES-8"]),
    ],
)
def test_a_clients_tape(read: list[pb.Frame], rules: list[str]) -> None:
    assert [one.rule for one in judge_client(client(*read).entries)] == rules


def test_a_session_that_is_told_more_and_goes_on() -> None:
    made = client(frame(1, PUBLISH))
    made.note("client", 1, "wrote", 1, frame=frame(1, {"re": 5, "published": {}}))
    made.note("client", 1, "read", frame=frame(2, PUBLISH, received=1))
    made.note("client", 1, "credit", 3, 1000)
    made.note("client", 1, "wants_back", 1)
    made.note("client", 1, "goes_on", 2)
    made.note("client", 1, "read", frame=frame(3, {**PUBLISH, "id": 6}))
    assert judge_client(made.entries) == []
    made.note("client", 1, "wants_back", 9)
    made.note("client", 1, "retire")
    made.note("client", 1, "read", frame=frame(7, PUBLISH))
    assert [one.rule for one in judge_client(made.entries)] == ["SES-9"]


def test_a_client_that_greets_wrongly() -> None:
    assert [one.rule for one in judge_client(client(first=frame(1, PUBLISH)).entries)] == ["SES-1"]
    assert [one.rule for one in judge_client(client(first=frame(0, HELLO)).entries)] == ["FLOW-1"]


def test_numbers_are_those_of_what_has_one() -> None:
    made = Tape()
    made.note("a", 1, "read", frame=frame(4, WELCOME, ANSWER, {"heartbeat": {}}, ANSWER))
    made.note("a", 1, "take_number")
    assert [numbered(one) for one in made.entries] == [[0, 4, 0, 5], []]
