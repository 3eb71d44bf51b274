"""MessageContext."""

from __future__ import annotations

import time

from parley import CancellationToken, MessageContext


def test_what_a_handler_is_told() -> None:
    ctx = MessageContext(
        sender=None, topic_id=None, is_rpc=True, cancellation_token=CancellationToken(), message_id="m"
    )
    assert (ctx.attempt, ctx.remaining) == (1, None)
    ctx.deadline = time.monotonic() + 5
    assert ctx.remaining is not None
    assert 4 < ctx.remaining <= 5
    ctx.deadline = time.monotonic() - 5
    assert ctx.remaining == 0
