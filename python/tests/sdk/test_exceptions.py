"""The exception tree, checked against the contract's reasons and the table of SPEC.md."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from parley import exceptions
from parley.exceptions import (
    BY_REASON,
    CallCancelledError,
    CantHandleException,
    DeadlineExceededError,
    InvalidArgumentError,
    NoRespondersError,
    NotFoundError,
    ParleyError,
    UndeliverableException,
    UnhandledMessageError,
    UnknownMessageTypeError,
)
from parley_wire.v1 import errors_pb2

SPEC = Path(__file__).parents[3] / "proto" / "SPEC.md"
REASONS = {name.removeprefix("ERROR_REASON_") for name in errors_pb2.ErrorReason.keys()} - {"UNSPECIFIED"}  # noqa: SIM118


def test_one_class_per_reason() -> None:
    assert set(BY_REASON) == REASONS
    for reason, cls in BY_REASON.items():
        words = "".join(word.capitalize() for word in reason.split("_"))
        assert cls.__name__ == ("CallCancelledError" if reason == "CANCELLED" else f"{words}Error")
        assert cls.reason == reason


def test_flags_are_those_of_the_specification() -> None:
    rows = re.findall(r"^\| ([A-Z_]+) \| [^|]+ \| (yes|no)[^|]* \| (yes|no)[^|]* \|$", SPEC.read_text(), re.MULTILINE)
    assert {row[0] for row in rows} == REASONS
    for reason, retryable, may_have_run in rows:
        error = BY_REASON[reason]("text")
        assert (error.retryable, error.may_have_run) == (retryable == "yes", may_have_run == "yes"), reason


def test_what_users_catch_them_by() -> None:
    assert issubclass(DeadlineExceededError, TimeoutError)
    assert issubclass(NoRespondersError, UndeliverableException)
    assert issubclass(UnhandledMessageError, CantHandleException)
    assert issubclass(UnknownMessageTypeError, CantHandleException)
    assert issubclass(NotFoundError, LookupError)
    assert issubclass(InvalidArgumentError, ValueError)
    assert issubclass(CallCancelledError, asyncio.CancelledError)
    assert not issubclass(CallCancelledError, Exception)


def test_what_an_error_says() -> None:
    error = NoRespondersError("nobody", details={"agent_type": "a"}, retry_after=0.5)
    assert str(error) == "NO_RESPONDERS: nobody"
    assert error.args == ("nobody",)
    assert (error.message, error.retry_after, error.details) == ("nobody", 0.5, {"agent_type": "a"})
    assert str(ParleyError(reason="REASON_99", retryable=True)) == "REASON_99"


def test_flags_can_differ_from_the_table() -> None:
    error = DeadlineExceededError("", may_have_run=False, retryable=False)
    assert (error.may_have_run, error.retryable) == (False, False)


@pytest.mark.parametrize("name", exceptions.__all__)
def test_public_names(name: str) -> None:
    assert issubclass(getattr(exceptions, name), BaseException)
