"""Names of message types; the vectors have those of members."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.message import Message as ProtobufMessage

from parley import message
from parley._names import wire_name
from parley.exceptions import InvalidArgumentError
from parley_wire.v1 import envelope_pb2


def test_wire_names() -> None:
    class Plain:
        class Inner:
            pass

    @message
    class Bare:
        pass

    @message("named")
    class Named:
        pass

    @message("named", version=2)
    class Versioned:
        pass

    @message(version=3)
    class OwnName:
        pass

    class Derived(Named):
        pass

    assert [wire_name(cls) for cls in (Plain, Plain.Inner, Bare, Named, Versioned, OwnName, Derived)] == [
        *("Plain", "Inner", "Bare", "named", "named_v2", "OwnName_v3", "Derived"),
    ]
    assert wire_name(envelope_pb2.AgentId) == "parley.v1.AgentId"
    assert wire_name(ProtobufMessage) == "Message"  # the base class of them all is none of them


@pytest.mark.parametrize("arguments", [{"name": ""}, {"version": 0}, {"version": True}, {"version": "1"}])
def test_bad_names(arguments: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgumentError):
        message(**arguments)
