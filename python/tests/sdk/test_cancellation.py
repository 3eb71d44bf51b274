"""CancellationToken."""

from __future__ import annotations

import asyncio
import threading

import pytest

from parley import CancellationToken


def test_callbacks_run_once_in_order() -> None:
    token = CancellationToken()
    seen: list[int] = []
    token.add_callback(lambda: seen.append(1))
    token.add_callback(lambda: seen.append(2))
    assert not token.is_cancelled()
    token.cancel()
    token.cancel()
    assert token.is_cancelled()
    token.add_callback(lambda: seen.append(3))
    assert seen == [1, 2, 3]


def test_a_removed_callback_is_not_called() -> None:
    token = CancellationToken()
    seen: list[int] = []

    def callback() -> None:
        seen.append(1)

    token.remove_callback(callback)
    token.add_callback(callback)
    token.remove_callback(callback)
    token.cancel()
    token.remove_callback(callback)
    assert seen == []


def test_a_callback_that_raises_keeps_no_other_from_being_called(caplog: pytest.LogCaptureFixture) -> None:
    token = CancellationToken()
    seen: list[int] = []

    def bad() -> None:
        raise ValueError("bad")

    token.add_callback(bad)
    token.add_callback(lambda: seen.append(1))
    token.cancel()
    assert seen == [1]
    assert "a callback of a cancellation token raised" in caplog.text


async def test_linked_futures() -> None:
    token = CancellationToken()
    linked = token.link_future(asyncio.get_running_loop().create_future())
    finished = token.link_future(asyncio.get_running_loop().create_future())
    finished.set_result(1)
    await asyncio.sleep(0)
    token.cancel()
    assert linked.cancelled()
    assert finished.result() == 1
    assert token.link_future(asyncio.get_running_loop().create_future()).cancelled()


def test_cancelling_from_another_thread() -> None:
    token = CancellationToken()
    seen: list[int] = []
    token.add_callback(lambda: seen.append(threading.get_ident()))
    thread = threading.Thread(target=token.cancel)
    thread.start()
    thread.join()
    assert seen == [thread.ident]
