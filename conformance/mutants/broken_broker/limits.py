"""Bugs of limits: sizes, queues, memory, what a client may say."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from mark import wrap

from parley_broker import config
from parley_broker.core import ids
from parley_broker.core.gateway import checks, lives
from parley_broker.core.gateway.sessions import Sessions
from parley_broker.core.ids import AgentId
from parley_broker.core.messages import Error
from parley_broker.core.shard.shard import Shard
from parley_broker.errors import EndCode, ProtocolViolation, Reason
from parley_broker.frontends.grpc_v1 import codec, server, servicer


def envelope_limit_ignored() -> None:
    """An envelope of any size is taken."""
    wrap(checks, "check_size", lambda _: lambda size, policy: None)


def sender_unchecked() -> None:
    """Anybody may send in the name of any agent."""
    wrap(checks, "check_sender", lambda _: lambda session, sender, sender_epoch, shard: None)


def queues_without_end() -> None:
    """Any number of events waits for a recipient."""

    def make(policy: Any) -> Any:
        return lambda values: replace(policy(values), max_queue_events=1 << 30, max_queue_bytes=1 << 40)

    wrap(config, "make_policy", make)


def refused_subscribers_remembered() -> None:
    """Who asked for a subscription that is not durable is remembered, refused or not."""

    def make(subscribe: Any) -> Any:
        def wrong(self: Any, session: str, re: int, subscription: Any, *arguments: Any) -> Any:
            self._desk.hosts.get(session).transient.add(subscription.key.agent_type)
            return subscribe(self, session, re, subscription, *arguments)

        return wrong

    wrap(Shard, "subscribe", make)


def kinds_without_end() -> None:
    """A Hello may announce any number of kinds, and all are kept."""
    wrap(codec, "MAX_KINDS", lambda _: 1 << 40)


def small_messages_only() -> None:
    """Messages of more than 4 MiB, gRPC's own limit, are not taken."""
    wrap(server, "OPTIONS", lambda options: tuple(o for o in options if o[0] != "grpc.max_receive_message_length"))


def unknown_reasons_replaced() -> None:
    """A reason that the broker does not know becomes INTERNAL."""

    def make(encoders: Any) -> Any:
        def wrong(wire: Any, body: Any, now: float) -> None:
            known = body.reason in Reason._value2member_map_
            encoders[Error](wire, body if known else replace(body, reason=Reason.INTERNAL), now)

        return {**encoders, Error: wrong}

    wrap(codec, "_ENCODERS", make)


def keys_cut_at_a_slash() -> None:
    """An id is printed without what follows a slash in its key."""
    wrap(AgentId, "__str__", lambda _: lambda self: f"{self.type}/{self.key.partition('/')[0]}")


def all_events_in_memory() -> None:
    """What waits for a recipient is kept in memory, however much it is."""

    def make(policy: Any) -> Any:
        much = {"max_queue_bytes": 1 << 40, "window_events": 1 << 30, "window_bytes": 1 << 40}
        return lambda values: replace(policy(values), **much)

    wrap(config, "make_policy", make)


def one_writer_for_all() -> None:
    """What is written to one client waits until the others have read theirs."""

    def make(write: Any) -> Any:
        turn = asyncio.Lock()

        async def wrong(self: Any, broker: Any, connection: int) -> None:
            context = self._context

            class InTurn:
                read = context.read

                async def write(self, data: bytes) -> None:
                    async with turn:
                        await context.write(data)

            self._context = InTurn()
            await write(self, broker, connection)

        return wrong

    wrap(servicer._Stream, "write", make)


def types_begin_with_a_letter() -> None:
    """An agent type that does not begin with a letter is refused."""
    wrap(ids, "_is_agent_type", lambda known: lambda value: known(value) and value[0].isalpha())


def keys_counted_in_ascii() -> None:
    """A key with anything but ASCII is refused."""
    wrap(ids, "_is_key", lambda known: lambda value: known(value) and value.isascii())


def subscriptions_without_limit() -> None:
    """There may be any number of subscriptions."""
    # Nor may any number of those that wait for the store stand in their way.
    endless = {"max_subscriptions": 1 << 30, "max_outstanding_calls": 1 << 30}
    wrap(config, "make_policy", lambda policy: lambda values: replace(policy(values), **endless))


ANSWER_BYTES = 4000


def limit_of_subscriptions_wrong() -> None:
    """Welcome names another limit of subscriptions than there is."""

    def make(welcome: Any) -> Any:
        def wrong(session: Any, version: int, policy: Any, *told: Any) -> Any:
            return welcome(session, version, replace(policy, max_subscriptions=policy.max_subscriptions + 500), *told)

        return wrong

    wrap(lives, "welcome", make)


def answers_remembered() -> None:
    """Every answer that was ever given is kept in memory."""

    def make(push: Any) -> Any:
        given: list[bytes] = []

        def wrong(self: Any, session: Any, message: Any) -> None:
            if message.re:
                given.append(bytes(ANSWER_BYTES))
            push(self, session, message)

        return wrong

    wrap(Sessions, "push", make)


def unread_output_ends_as_defect() -> None:
    """The connection of a client that does not read ends, and its client is not told why."""

    def make(end: Any) -> Any:
        def wrong(self: Any, connection: Any, violation: Any, now: float) -> None:
            if violation.code is EndCode.RESOURCE_EXHAUSTED:
                violation = ProtocolViolation(EndCode.ABORTED, "")
            end(self, connection, violation, now)

        return wrong

    wrap(lives.Lives, "end", make)


BUGS: tuple[Callable[[], None], ...] = (
    envelope_limit_ignored,
    sender_unchecked,
    queues_without_end,
    refused_subscribers_remembered,
    kinds_without_end,
    small_messages_only,
    unknown_reasons_replaced,
    keys_cut_at_a_slash,
    all_events_in_memory,
    one_writer_for_all,
    types_begin_with_a_letter,
    keys_counted_in_ascii,
    subscriptions_without_limit,
    limit_of_subscriptions_wrong,
    answers_remembered,
    unread_output_ends_as_defect,
)
