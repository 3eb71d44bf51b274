"""Work: the token and what the handler is told; the clocks are in test_host."""

from __future__ import annotations

import time

from parley import AgentId, TopicId
from parley._deadlines import Deadlines

from .test_host import FakeWork

ME = AgentId("a", "k")


def test_what_the_handler_is_told() -> None:
    work = FakeWork([], topic=TopicId("t", "s"), attempt=3)
    ctx = work.context()
    assert (ctx.topic_id, ctx.is_rpc, ctx.attempt, ctx.message_id) == (TopicId("t", "s"), False, 3, "m")
    assert ctx.cancellation_token is work.token
    call = FakeWork([], topic=None, deadline=time.monotonic() + 9, chain=(ME,))
    assert call.is_rpc
    assert call.chain == (ME,)
    assert (call.context().remaining or 0) > 8


def test_work_ends_once() -> None:
    work = FakeWork([], topic=None)
    work.end("cancel")
    work.end("deadline")
    assert work.ended_by == "cancel"
    assert work.token.is_cancelled()


async def test_unwatched_work_does_not_expire() -> None:
    deadlines = Deadlines()
    work = FakeWork([], topic=None, deadline=time.monotonic() + 0.01)
    work.watch_call(deadlines)
    work.unwatch()
    work.unwatch()
    unlimited = FakeWork([], topic=None)
    unlimited.watch_call(deadlines)
    assert all(not bucket for bucket in deadlines._buckets.values())
