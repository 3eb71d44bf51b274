"""The steps of cases of kind `broker`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from parley_conformance import matching
from parley_conformance.inbox import WITHIN_MS
from parley_conformance.journal import shortened
from parley_conformance.model import Failed, HarnessError
from parley_conformance.timing import check_window

if TYPE_CHECKING:
    from parley_conformance.broker_case import Table

_ANSWERLESS = {"re", "goodbye", "heartbeat", "cancel"}
_POLL_S = 0.05


def _one(step: Mapping[str, Any]) -> tuple[str, Any]:
    ((name, argument),) = step[next(iter(step))].items()
    return name, argument


def _bookmark(table: Table, step: Mapping[str, Any], value: dict[str, Any]) -> None:
    if "as" in step:
        table.bookmarks[step["as"]] = {**value, "at": asyncio.get_running_loop().time()}


def _expect(what: str, expected: Any, actual: Any) -> None:
    if wrong := matching.differences(expected, actual):
        raise Failed(f"{what}: {'; '.join(wrong)}; it was {shortened(repr(actual))}")


def expect_nothing(table: Table, expectation: Mapping[str, Any]) -> None:
    """Makes sure that such a message is not there: `{peer: unwanted}`."""
    ((name, unwanted),) = expectation.items()
    if table.peers[name].has(unwanted):
        raise Failed(f"{name} got {unwanted!r}, which must never come")


def _check_time(table: Table, step: Mapping[str, Any], what: str) -> None:
    if window := step.get("took_ms"):
        since = table.bookmarks[window["since"]]["at"]
        elapsed = (asyncio.get_running_loop().time() - since) * 1000
        excuse = table.lag.excuse(since)
        check_window(what, elapsed, at_least=window.get("min", 0), at_most=window.get("max"), excuse=excuse)


async def _send(table: Table, step: Mapping[str, Any]) -> None:
    """`send: {peer: message}`, `as:` a bookmark; a command without an `id` gets a fresh one."""
    name, message = _one(step)
    peer = table.peers[name]
    at = asyncio.get_running_loop().time()
    fresh = "id" not in message and not _ANSWERLESS & message.keys()
    identity = await (peer.start(message) if fresh else peer.send(message))
    if "as" in step:
        table.bookmarks[step["as"]] = {"id": identity, "at": at}


async def _ask(table: Table, step: Mapping[str, Any]) -> None:
    """`ask: {peer: message}, gives: expected`: sends it with a fresh id, the answer has what is expected."""
    name, message = _one(step)
    answer = await table.peers[name].ask(message, step.get("within_ms", WITHIN_MS))
    _expect(f"{name}: the answer to {next(iter(message))}", step["gives"], answer)


async def _get(table: Table, step: Mapping[str, Any]) -> None:
    """`get: {peer: expected}`, `as:` a bookmark: takes the first message that has it."""
    name, expected = _one(step)
    got = await table.peers[name].get(expected, step.get("within_ms", WITHIN_MS))
    _check_time(table, step, f"{name}: {next(iter(got))}")
    _bookmark(table, step, got)


async def _outcome(table: Table, step: Mapping[str, Any]) -> None:
    """`outcome: {peer: expected}, of: bookmark`: the answer to a message that was sent `as` that bookmark."""
    name, expected = _one(step)
    answer = await table.peers[name].answer_to(table.bookmarks[step["of"]]["id"], step.get("within_ms", WITHIN_MS))
    _expect(f"{name}: the answer to {step['of']}", expected, answer)
    _check_time(table, step, f"{name}: the answer to {step['of']}")


async def _answer(table: Table, step: Mapping[str, Any]) -> None:
    """`answer: {peer: message}, to: bookmark`: the same with `re` set; `gives:` the answer to a commit."""
    name, message = _one(step)
    to = table.bookmarks[step["to"]]
    if "commit" in (message.get("reply") or {}):
        request = to["request"]
        reply = _with_commit(message["reply"], request["target"], request.get("epoch", 0))
        answer = await table.peers[name].ask({"re": to["id"], "reply": reply})
        _expect(f"{name}: the answer to the commit", step.get("gives", {"done": {}}), answer)
    else:
        await table.peers[name].send({"re": to["id"], **message})


async def _cancel(table: Table, step: Mapping[str, Any]) -> None:
    """`cancel: {peer: bookmark}`: cancels the request that was sent as that bookmark."""
    name, bookmark = _one(step)
    await table.peers[name].send({"cancel": {"request_id": table.bookmarks[bookmark]["id"]}})


async def _settle(table: Table, step: Mapping[str, Any]) -> None:
    """`settle: {peer: {ack: {…}} or {nack: {…}}}, of: bookmark, gives: expected`: settles a delivery."""
    name, settlement = _one(step)
    ((kind, fields),) = settlement.items()
    delivery = table.bookmarks[step["of"]]["delivery"]
    identity = {key: delivery[key] for key in ("recipient", "epoch", "position", "round") if key in delivery}
    fields = _with_commit(fields or {}, delivery["recipient"], delivery.get("epoch", 0))
    answer = await table.peers[name].ask({kind: {**identity, **fields}})
    _expect(f"{name}: the answer to {kind}", step.get("gives", {"done": {}}), answer)


async def _nothing(table: Table, step: Mapping[str, Any]) -> None:
    """`nothing: {peer: expected}`: after a fence no such message is there."""
    await table.fence()
    expect_nothing(table, step["nothing"])


async def _ended(table: Table, step: Mapping[str, Any]) -> None:
    """`ended: {peer: {code, text}}`: the broker ended the connection so; `older: true`: the one before."""
    name, expected = _one(step)
    peer = table.peers[name]
    connection = peer.older if step.get("older") else peer
    if connection is None:
        raise HarnessError(f"{name} has no older connection")
    code, text = await connection.ended(step.get("within_ms", WITHIN_MS))
    _expect(f"{name}: the end of the connection", expected, {"code": code, "text": text})
    _check_time(table, step, f"{name}: the end of the connection")


async def _open(table: Table, step: Mapping[str, Any]) -> None:
    """`open: {peer: settings}`: one more peer."""
    name, settings = _one(step)
    if "as" in step:
        table.bookmarks[step["as"]] = {"at": asyncio.get_running_loop().time()}
    await table.seat(name, settings)


async def _greet(table: Table, step: Mapping[str, Any]) -> None:
    """`greet: {peer: fields of Hello}, gives: expected`."""
    name, fields = _one(step)
    answer = await table.peers[name].hello(**fields)
    _expect(f"{name}: the answer to Hello", step["gives"], answer)


async def _resume(table: Table, step: Mapping[str, Any]) -> None:
    """`resume: {peer: fields of Hello}`, `gives: expected`: dials again and wants its session back.

    `differs: [members]`: of Welcome, that are not what the peer's Welcome before had.
    """
    name, fields = _one(step)
    if "as" in step:
        table.bookmarks[step["as"]] = {"at": asyncio.get_running_loop().time()}
    before = table.peers[name].welcome
    answer = await table.peers[name].resume(table.broker.address, **(fields or {}))
    _expect(f"{name}: the answer to Hello", step.get("gives", {"welcome": {"resumed": True}}), answer)
    for member in step.get("differs", ()):
        if answer["welcome"].get(member) == before.get(member):
            text = f"{name}: the answer to Hello: welcome.{member}: another one than {before.get(member)!r} was due"
            raise Failed(text, party="broker")


async def _claim(table: Table, step: Mapping[str, Any]) -> None:
    """`claim: {peer: [bookmarks of Activate]}`, `gives: expected`: claims these agents with their epochs."""
    name, bookmarks = _one(step)
    held = [{key: table.bookmarks[one]["activate"][key] for key in ("agent", "epoch")} for one in bookmarks]
    peer = table.peers[name]
    at = asyncio.get_running_loop().time()
    identity = await peer.start({"claim": {"agents": held}})
    if "as" in step:
        table.bookmarks[step["as"]] = {"id": identity, "at": at}
    else:
        answer = await peer.answer_to(identity)
        _expect(f"{name}: the answer to claim", step.get("gives", {"claim_result": {"refused": []}}), answer)


async def _save(table: Table, step: Mapping[str, Any]) -> None:
    """`save: {peer: {expected_version, state}}, of: bookmark, gives: expected`: saves what an Activate made."""
    name, fields = _one(step)
    activate = table.bookmarks[step["of"]]["activate"]
    answer = await table.peers[name].ask(
        {"save": {"agent": activate["agent"], "epoch": activate["epoch"], **(fields or {})}}
    )
    _expect(f"{name}: the answer to save", step.get("gives", {"done": {}}), answer)


def _with_commit(fields: Mapping[str, Any], agent: str, epoch: int) -> dict[str, Any]:
    """Fills in who commits, and who sends what is published with it."""
    if "commit" not in fields:
        return dict(fields)
    commit = {"agent": agent, "epoch": epoch, **(fields["commit"] or {})}
    sender = {"sender": agent, "sender_epoch": epoch}
    if "publishes" in commit:
        commit["publishes"] = [{**sender, **one} for one in commit["publishes"]]
    return {**fields, "commit": commit}


async def _admin(table: Table, step: Mapping[str, Any]) -> None:
    """`admin: {method: members of its request}, gives: expected`: asks the AdminService; `within_ms`: until it does."""
    ((method, members),) = step["admin"].items()
    deadline = asyncio.get_running_loop().time() + step.get("within_ms", 0) / 1000
    while True:
        answer = await table.admin(method, members or {})
        wrong = matching.differences(step.get("gives", {}), answer)
        if not wrong:
            return
        if asyncio.get_running_loop().time() >= deadline:
            raise Failed(f"{method}: {'; '.join(wrong)}", party="broker")
        await asyncio.sleep(_POLL_S)


async def _pass(table: Table, step: Mapping[str, Any]) -> None:
    """`pass_ms: n`: time goes by, where it is the subject."""
    await asyncio.sleep(step["pass_ms"] / 1000)


async def _restart(table: Table, step: Mapping[str, Any]) -> None:
    """`restart: broker`, `by: SIGTERM`: ends it and starts it where it was, over the same data."""
    await table.broker.restart(step.get("by", ""))
    if "as" in step:
        table.bookmarks[step["as"]] = {"at": asyncio.get_running_loop().time()}


async def _kill(table: Table, step: Mapping[str, Any]) -> None:
    """`kill: broker`: SIGKILL."""
    await table.broker.kill()


async def _launch(table: Table, step: Mapping[str, Any]) -> None:
    """`launch: broker`: starts it where it was, over the same data."""
    await table.broker.start()


async def _terminate(table: Table, step: Mapping[str, Any]) -> None:
    """`terminate: broker`: SIGTERM; goes on at once."""
    await table.broker.ask_to_end()


async def _close(table: Table, step: Mapping[str, Any]) -> None:
    """`close: peer`: cuts its connection, without Goodbye; it can be resumed."""
    if "as" in step:
        table.bookmarks[step["as"]] = {"at": asyncio.get_running_loop().time()}
    await table.peers[step["close"]].cut()


async def _half_close(table: Table, step: Mapping[str, Any]) -> None:
    """`half_close: peer`: it says that it will write no more."""
    await table.peers[step["half_close"]].half_close()


async def _mute(table: Table, step: Mapping[str, Any]) -> None:
    """`mute: peer`: it sends and answers no more heartbeats."""
    table.peers[step["mute"]].mute()


async def _bytes(table: Table, step: Mapping[str, Any]) -> None:
    """`bytes: {peer: hex}`: writes them where a frame belongs."""
    name, data = _one(step)
    await table.peers[name].write_bytes(bytes.fromhex(data))


async def _frame(table: Table, step: Mapping[str, Any]) -> None:
    """`frame: {peer: [messages]}`, `first_seq:` a number: writes them as one frame."""
    name, messages = _one(step)
    await table.peers[name].write(*messages, first_seq=step.get("first_seq"))


async def _grant(table: Table, step: Mapping[str, Any]) -> None:
    """`grant: {peer: {messages, bytes}}`: what the broker may have sent in all."""
    name, credit = _one(step)
    await table.peers[name].grant(credit["messages"], credit["bytes"])


STEPS: Mapping[str, Callable[[Table, Mapping[str, Any]], Awaitable[None]]] = {
    "send": _send,
    "ask": _ask,
    "get": _get,
    "outcome": _outcome,
    "answer": _answer,
    "cancel": _cancel,
    "settle": _settle,
    "nothing": _nothing,
    "ended": _ended,
    "open": _open,
    "greet": _greet,
    "close": _close,
    "resume": _resume,
    "claim": _claim,
    "save": _save,
    "admin": _admin,
    "pass_ms": _pass,
    "restart": _restart,
    "kill": _kill,
    "launch": _launch,
    "terminate": _terminate,
    "half_close": _half_close,
    "mute": _mute,
    "bytes": _bytes,
    "frame": _frame,
    "grant": _grant,
}
