"""The other end of `AdminService`, for the command line."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any

import grpc
from google.protobuf.message import DecodeError

from parley_broker.core.messages import DeadLetterFilter, TopicMatch, reason_name
from parley_broker.errors import AdminError
from parley_wire.v1 import admin_service_pb2 as admin
from parley_wire.v1 import envelope_pb2

SERVICE = "parley.v1.AdminService"
MAX_MESSAGE_BYTES = 65 * 1024 * 1024
PAGE = 100
TIMEOUT = 30.0
"""Seconds that an answer may take."""


class AdminClient:
    """Asks the broker at an address.

    Args:
        address: `grpc://HOST:PORT`; `grpc://` may be left out.
        timeout: Seconds that an answer may take.
    """

    def __init__(self, address: str, timeout: float = TIMEOUT) -> None:
        self._address = address
        self._timeout = timeout
        target = address.removeprefix("grpc://")
        self._channel = grpc.insecure_channel(target, options=[("grpc.max_receive_message_length", MAX_MESSAGE_BYTES)])

    def __enter__(self) -> AdminClient:
        """The client itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Lets go of the connection."""
        self._channel.close()

    def status(self) -> dict[str, Any]:
        """Version, incarnation, `uptime_ms`, `memory_bytes`, and how many entries each table has.

        Raises:
            AdminError: The broker did not answer, or not so.
        """
        response: admin.GetStatusResponse = self._ask("GetStatus", admin.GetStatusRequest())
        return {
            "broker_version": response.broker_version,
            "incarnation": response.incarnation,
            "uptime_ms": response.uptime_ms,
            "memory_bytes": response.memory_bytes,
            "tables": dict(response.tables),
        }

    def list_dead_letters(self, wanted: DeadLetterFilter) -> Iterator[dict[str, Any]]:
        """The dead letters as plain values, oldest first.

        Raises:
            AdminError: The broker did not answer, or not so.
        """
        token = ""
        while True:
            request = admin.ListDeadLettersRequest(page_size=PAGE, page_token=token, filter=_filter(wanted))
            response: admin.ListDeadLettersResponse = self._ask("ListDeadLetters", request)
            yield from map(show, response.dead_letters)
            token = response.next_page_token
            if not token:
                return

    def replay_dead_letters(self, wanted: DeadLetterFilter) -> int:
        """Puts them back into the queues: how many they were.

        Raises:
            AdminError: The broker did not answer, or not so.
        """
        request = admin.ReplayDeadLettersRequest(filter=_filter(wanted))
        response: admin.ReplayDeadLettersResponse = self._ask("ReplayDeadLetters", request)
        return response.replayed

    def purge_dead_letters(self, wanted: DeadLetterFilter) -> int:
        """Deletes them: how many they were.

        Raises:
            AdminError: The broker did not answer, or not so.
        """
        request = admin.PurgeDeadLettersRequest(filter=_filter(wanted))
        response: admin.PurgeDeadLettersResponse = self._ask("PurgeDeadLetters", request)
        return response.purged

    def _ask(self, method: str, request: Any) -> Any:
        answer = type(request).__name__.removesuffix("Request") + "Response"
        call = self._channel.unary_unary(
            f"/{SERVICE}/{method}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=getattr(admin, answer).FromString,
        )
        try:
            return call(request, timeout=self._timeout)
        except grpc.RpcError as failure:
            raise AdminError(f"the broker at {self._address}: {failure.details() or failure.code().name}") from failure


def show(letter: admin.DeadLetter) -> dict[str, Any]:
    """The dead letter as plain values, its payload as text where it is some."""
    error = letter.error
    shown: dict[str, Any] = {
        "id": letter.id,
        "recipient": f"{letter.recipient.type}/{letter.recipient.key}",
        "topic": f"{letter.topic.type}/{letter.topic.source}",
        "position": letter.position,
        "attempts": letter.attempts,
        "reason": reason_name(error.reason),
        "error": error.message,
        "details": dict(error.details),
        "age_ms": letter.age_ms,
    }
    if letter.HasField("subscription"):
        subscription = letter.subscription
        star = "*" if int(subscription.match) == TopicMatch.PREFIX else ""
        shown["subscription"] = f"{subscription.topic_type}{star} to {subscription.agent_type}"
    try:
        envelope = envelope_pb2.Envelope.FromString(letter.envelope)
    except DecodeError:
        return {**shown, "envelope_base64": base64.b64encode(letter.envelope).decode()}
    shown |= {"message_id": envelope.message_id, "headers": dict(envelope.headers)}
    if envelope.HasField("payload"):
        payload = envelope.payload
        shown |= {"type_name": payload.type_name, "content_type": payload.content_type}
        shown |= _data(payload)
    return shown


def _data(payload: envelope_pb2.Payload) -> dict[str, Any]:
    if payload.content_type == "application/json":
        try:
            return {"data": json.loads(payload.data)}
        except ValueError:
            pass
    return {"data_base64": base64.b64encode(payload.data).decode()}


def _filter(wanted: DeadLetterFilter) -> admin.DeadLetterFilter:
    ids: Sequence[int] = wanted.ids
    return admin.DeadLetterFilter(
        agent_type=wanted.agent_type,
        agent_key=wanted.agent_key,
        topic_type=wanted.topic_type,
        reason=wanted.reason,  # type: ignore[arg-type]
        ids=ids,
    )
