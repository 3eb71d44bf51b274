"""What `AdminService` does with dead letters (DLV-6)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import grpc

from parley_broker.core.ids import AgentId
from parley_broker.core.messages import DeadLetterFilter
from parley_broker.core.records import DeadLetterShown
from parley_broker.errors import CommandError, StoreError
from parley_broker.frontends.base import Broker
from parley_broker.frontends.grpc_v1.codec import encode_error
from parley_wire.v1 import admin_service_pb2 as admin
from parley_wire.v1 import envelope_pb2, subscription_pb2

DEFAULT_PAGE = 100
MAX_PAGE = 1000


class DeadLetterMethods:
    """The methods of `AdminService` about dead letters.

    Args:
        broker: Is asked.
    """

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    def handlers(self) -> dict[str, Any]:
        """What a gRPC server needs, by the methods' names."""
        return {
            "ListDeadLetters": _handler(self.list, admin.ListDeadLettersRequest),
            "ReplayDeadLetters": _handler(self.replay, admin.ReplayDeadLettersRequest),
            "PurgeDeadLetters": _handler(self.purge, admin.PurgeDeadLettersRequest),
        }

    async def list(self, request: admin.ListDeadLettersRequest, context: Any) -> admin.ListDeadLettersResponse:
        """A page, oldest first."""
        token = request.page_token
        if token and not (token.isascii() and token.isdigit()):
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"page_token {token[:40]!r} is none of this broker's")
        count = min(request.page_size or DEFAULT_PAGE, MAX_PAGE)
        try:
            page, more = await self._broker.list_dead_letters(_filter(request.filter), int(token or 0), count)
        except StoreError as failure:
            await context.abort(grpc.StatusCode.UNAVAILABLE, str(failure))
            raise
        return admin.ListDeadLettersResponse(
            dead_letters=map(_encode, page), next_page_token=str(page[-1].letter.id) if more and page else ""
        )

    async def replay(self, request: admin.ReplayDeadLettersRequest, context: Any) -> admin.ReplayDeadLettersResponse:
        """Puts them back into their recipients' queues."""
        count = await _count(self._broker.replay_dead_letters, request.filter, context)
        return admin.ReplayDeadLettersResponse(replayed=count)

    async def purge(self, request: admin.PurgeDeadLettersRequest, context: Any) -> admin.PurgeDeadLettersResponse:
        """Deletes them."""
        count = await _count(self._broker.purge_dead_letters, request.filter, context)
        return admin.PurgeDeadLettersResponse(purged=count)


def _handler(method: Callable[[Any, Any], Awaitable[Any]], request: Any) -> Any:
    return grpc.unary_unary_rpc_method_handler(
        method,
        request_deserializer=request.FromString,
        response_serializer=lambda response: response.SerializeToString(),
    )


async def _count(
    step: Callable[[DeadLetterFilter], Awaitable[int]], wanted: admin.DeadLetterFilter, context: Any
) -> int:
    try:
        return await step(_filter(wanted))
    except CommandError as failure:
        await context.abort(grpc.StatusCode.UNAVAILABLE, failure.message)
        raise


def _filter(wire: admin.DeadLetterFilter) -> DeadLetterFilter:
    return DeadLetterFilter(wire.agent_type, wire.agent_key, wire.topic_type, wire.reason, tuple(wire.ids))


def _agent(agent: AgentId) -> envelope_pb2.AgentId:
    return envelope_pb2.AgentId(type=agent.type, key=agent.key)


def _encode(shown: DeadLetterShown) -> admin.DeadLetter:
    letter = shown.letter
    topic = letter.event.topic
    subscription = None
    if shown.subscription is not None:
        key = shown.subscription.key
        subscription = subscription_pb2.Subscription(
            topic_type=key.topic_type,
            match=key.match,  # type: ignore[arg-type]
            agent_type=key.agent_type,
            durable=shown.subscription.durable,
            expiry_ms=shown.subscription.expiry_ms,
        )
    return admin.DeadLetter(
        id=letter.id,
        recipient=_agent(letter.recipient),
        topic=envelope_pb2.TopicId(type=topic.type, source=topic.source),
        position=letter.event.position,
        attempts=letter.attempts,
        error=encode_error(letter.error),
        age_ms=max(0, round(shown.age * 1000)),
        subscription=subscription,
        envelope=letter.event.envelope,
    )
