"""The beginning of a session."""

from __future__ import annotations

import pytest

from broker.core.harness import Core
from parley_broker.core.gateway.hello import agree
from parley_broker.core.messages import Done, Error, Goodbye, Heartbeat, Hello, Message, Welcome
from parley_broker.core.policy import Policy
from parley_broker.errors import CommandError, EndCode, Reason


@pytest.mark.parametrize(("lowest", "highest"), [(1, 1), (0, 1), (1, 9), (0, 9)])
def test_a_common_version(lowest: int, highest: int) -> None:
    assert agree(Hello(lowest, highest, "p")) == 1


@pytest.mark.parametrize(("lowest", "highest"), [(2, 9), (0, 0), (5, 1)])
def test_no_common_version(lowest: int, highest: int) -> None:
    with pytest.raises(CommandError) as caught:
        agree(Hello(lowest, highest, "p"))
    assert caught.value.reason is Reason.PROTOCOL_VERSION_UNSUPPORTED


@pytest.mark.parametrize("fields", [{"producer_id": ""}, {"producer_id": "x" * 256}, {"instance_id": "ä" * 128}])
def test_labels_are_bounded(fields: dict[str, str]) -> None:
    with pytest.raises(CommandError) as caught:
        agree(Hello(1, 1, **({"producer_id": "p"} | fields)))
    assert caught.value.details == {"field": next(iter(fields))}


def test_welcome_names_the_policy() -> None:
    core = Core(Policy(heartbeat_interval=0.25, suspect_limit=7, session_grace=0.75, max_envelope_bytes=99))
    client = core.connect()
    client.frame(Message(Hello(1, 1, "p"), 5))
    welcome = client.answer(5)
    assert isinstance(welcome, Welcome)
    assert (welcome.heartbeat_interval_ms, welcome.suspect_limit_ms, welcome.session_grace_ms) == (250, 7000, 750)
    assert (welcome.limits.max_envelope_bytes, welcome.session_id, welcome.resume_token) == (99, "s1", b"token")
    assert client.credit_messages == 1000, "the first credit comes with Welcome"


def test_commands_may_follow_in_the_same_frame() -> None:
    client = Core().connect()
    client.frame(Message(Hello(1, 1, "p"), 1), Message(Goodbye(), 2))
    assert client.answer(2) == Done()


def test_no_hello_in_time() -> None:
    core = Core(Policy(hello_timeout=10))
    client = core.connect()
    client.frame()
    core.advance(9.9)
    assert client.closed is None
    core.advance(0.2)
    assert client.closed is not None
    assert client.closed.code is EndCode.DEADLINE_EXCEEDED
    core.disconnect(client)
    assert core.tables["connections"] == 0


@pytest.mark.parametrize("first", [Message(Heartbeat()), Message(Goodbye(), 1), Message(Hello(1, 1, "p"), 0)])
def test_another_first_message(first: Message) -> None:
    client = Core().connect()
    client.frame(first)
    assert client.closed is not None
    assert client.closed.code is EndCode.FAILED_PRECONDITION


def test_a_refused_hello_is_answered_first() -> None:
    client = Core().connect()
    client.frame(Message(Hello(7, 8, "p"), 5))
    error = client.answer(5)
    assert isinstance(error, Error)
    assert client.closed is not None
    assert client.closed.code is EndCode.FAILED_PRECONDITION
