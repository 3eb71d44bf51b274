"""The catalogue of reasons is SPEC.md's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from parley_broker import errors
from parley_broker.errors import BrokerError, CommandError, EndCode, Reason
from parley_wire.v1 import errors_pb2

SPEC = Path(__file__).parents[3] / "proto" / "SPEC.md"
ROW = re.compile(r"^\| ([A-Z_]+) \| [^|]+ \| (yes|no)\b[^|]*\| (yes|no)\b[^|]*\|$", re.MULTILINE)


def test_the_numbers_are_the_wire_s() -> None:
    assert {f"ERROR_REASON_{reason.name}": reason.value for reason in Reason} == dict(errors_pb2.ErrorReason.items())


def test_the_flags_are_those_of_the_table() -> None:
    rows = ROW.findall(SPEC.read_text(encoding="utf-8"))
    assert len(rows) == len(Reason) - 1
    for name, retryable, may_have_run in rows:
        assert (Reason[name] in errors.RETRYABLE) == (retryable == "yes"), name
        assert (Reason[name] in errors.MAY_HAVE_RUN) == (may_have_run == "yes"), name


def test_details_are_texts() -> None:
    assert CommandError(Reason.NOT_FOUND, "no", limit=5).details == {"limit": "5"}


@pytest.mark.parametrize("name", [n for n in dir(errors) if n.endswith(("Error", "Violation"))])
def test_one_tree(name: str) -> None:
    assert issubclass(getattr(errors, name), BrokerError)
    assert name in (errors.__doc__ or ""), "the tree is drawn at the top"


def test_the_ends_are_grpc_s() -> None:
    import grpc

    assert all(code.value in grpc.StatusCode.__members__ for code in EndCode)
