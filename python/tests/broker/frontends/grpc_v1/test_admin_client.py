"""The command line's end of AdminService; test_cli_dead_letters.py runs it against a broker."""

from __future__ import annotations

import pytest

from parley_broker.core.messages import DeadLetterFilter
from parley_broker.errors import AdminError
from parley_broker.frontends.grpc_v1.admin_client import AdminClient, show
from parley_wire.v1 import admin_service_pb2, envelope_pb2, errors_pb2


def test_a_dead_letter_with_a_reason_from_the_future_and_no_payload() -> None:
    envelope = envelope_pb2.Envelope(message_id="m").SerializeToString()
    error = errors_pb2.Error(reason=4711, message="odd", details={"k": "v"})  # type: ignore[arg-type]
    shown = show(admin_service_pb2.DeadLetter(id=7, error=error, envelope=envelope))
    assert (shown["id"], shown["reason"], shown["details"]) == (7, "4711", {"k": "v"})
    assert not {"subscription", "type_name", "data", "data_base64"} & set(shown)


@pytest.mark.parametrize("address", ["grpc://127.0.0.1:1", "127.0.0.1:1"])
def test_nobody_answers(address: str) -> None:
    with AdminClient(address) as client:
        for ask in (client.replay_dead_letters, client.purge_dead_letters, lambda f: list(client.list_dead_letters(f))):
            with pytest.raises(AdminError, match=f"the broker at {address}: ."):
                ask(DeadLetterFilter())
