"""What the failure of a handler is called."""

from __future__ import annotations

import asyncio

import pytest

from parley import AgentId, RoutedAgent, TopicId
from parley._failures import MAX_TEXT, handler_failure, is_unhandled, never_started, time_is_up, unhandled
from parley.exceptions import CantHandleException, NoRespondersError, UnhandledMessageError

from .test_host import FakeWork, Gated


def call() -> FakeWork:
    return FakeWork([], topic=None)


@pytest.mark.parametrize(
    ("raised", "name", "text"),
    [
        (ValueError("bad"), "ValueError", "bad"),
        (ValueError(), "ValueError", ""),
        (NoRespondersError("nobody"), "NoRespondersError", "nobody"),
        (asyncio.CancelledError(), "CancelledError", ""),
        (KeyError("x\ud800"), "KeyError", "'x\\ud800'"),
        (ValueError("\ud800"), "ValueError", "?"),
    ],
)
def test_handlers_that_raise(raised: BaseException, name: str, text: str) -> None:
    failure = handler_failure(call(), raised)
    assert failure.reason == "HANDLER_FAILED"
    assert failure.details == {"agent": "a/k", "exception_type": name, "exception_message": text}
    assert failure.__cause__ is raised


def test_long_and_broken_texts() -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    assert handler_failure(call(), Mute()).details["exception_message"] == ""
    assert len(handler_failure(call(), ValueError("x" * 10**6)).details["exception_message"]) == MAX_TEXT + 1


@pytest.mark.parametrize(
    ("ended_by", "reason"), [("cancel", "CANCELLED"), ("deadline", "DEADLINE_EXCEEDED"), ("limit", "DEADLINE_EXCEEDED")]
)
def test_handlers_that_end_because_their_token_fired(ended_by: str, reason: str) -> None:
    work = call()
    work.end(ended_by)
    failure = handler_failure(work, asyncio.CancelledError())
    assert (failure.reason, failure.may_have_run) == (reason, True)
    assert (never_started(work).reason, never_started(work).may_have_run) == (reason, False)


def test_what_the_agent_does_not_handle() -> None:
    assert is_unhandled(CantHandleException())
    assert not is_unhandled(UnhandledMessageError())  # of a call that the handler made
    assert not is_unhandled(ValueError())
    error = unhandled(call(), Gated(asyncio.Event()), "Other")
    assert error.details == {"type_name": "Other", "understood": "Say"}
    assert unhandled(call(), RoutedAgent(), "Other").details == {"type_name": "Other"}


def test_time_is_up() -> None:
    assert "the call to a/k is up" in time_is_up(call()).message
    assert "an event to a/k is up" in time_is_up(FakeWork([], topic=TopicId("t", "k"))).message
    assert AgentId("a", "k") == call().recipient
