"""What both runtimes have in common beside the suite that runs on both: the settings and what they refuse."""

from __future__ import annotations

import time
from typing import Any

import pytest

from parley import AgentId, CancellationToken, SingleThreadedAgentRuntime
from parley._patience import Patience
from parley._runtime_base import raise_if_over
from parley.exceptions import CallCancelledError, DeadlineExceededError, InvalidArgumentError


@pytest.mark.parametrize(
    "settings",
    [{"max_concurrency": 0}, {"max_concurrency": "2"}, {"default_timeout": 0}, {"tracer_provider": object()}],
)
def test_bad_settings(settings: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgumentError, match=next(iter(settings))):
        SingleThreadedAgentRuntime(**settings)


def test_message_ids_are_unique() -> None:
    first, second = SingleThreadedAgentRuntime(), SingleThreadedAgentRuntime()
    ids = {runtime._message_id(None) for runtime in (first, second) for _ in range(100)}
    assert len(ids) == 200
    assert first._message_id("mine") == "mine"


def test_what_is_over_before_it_is_sent() -> None:
    target = AgentId("a", "k")
    later, token = Patience(time.monotonic() + 1, 1, "call"), CancellationToken()
    raise_if_over(later, None, "the call to", target)
    raise_if_over(later, token, "the call to", target)
    with pytest.raises(DeadlineExceededError, match="the call to a/k was not sent within 0 s") as expired:
        raise_if_over(Patience(0, 0, "call"), token, "the call to", target)
    assert not expired.value.may_have_run
    token.cancel()
    with pytest.raises(CallCancelledError) as cancelled:
        raise_if_over(later, token, "the call to", target)
    assert not cancelled.value.may_have_run
