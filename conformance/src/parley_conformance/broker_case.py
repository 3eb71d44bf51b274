"""Cases of kind `broker`: scripted peers and the broker, told as steps or as a workload.

Whatever the case did, it ends with proof that the broker still works: every peer that is still connected gets a command
answered, and two newcomers exchange a call.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import grpc
import grpc.aio

from parley_conformance import matching, spec
from parley_conformance.broker import Broker
from parley_conformance.inbox import WITHIN_MS
from parley_conformance.journal import Journal
from parley_conformance.model import Case, Failed, Inconclusive
from parley_conformance.peer import Habits, Peer
from parley_conformance.timing import LagMeter, check_window
from parley_wire.v1 import admin_service_pb2

_GET_STATUS = "/parley.v1.AdminService/GetStatus"
_ANSWERLESS = {"re", "goodbye", "heartbeat", "cancel"}
_HABITS = ("heartbeats", "activates", "credit_messages", "credit_bytes", "greedy", "any_reason")


class Table:
    """Where a broker case is played: the broker, the peers by name, and what was bookmarked."""

    def __init__(self, broker: Broker, contract: spec.Spec, lag: LagMeter) -> None:
        self.broker = broker
        self.lag = lag
        self.peers: dict[str, Peer] = {}
        self.bookmarks: dict[str, dict[str, Any]] = {}
        self.journal = Journal()
        self._contract = contract

    async def seat(self, name: str, settings: Mapping[str, Any] | None = None) -> Peer:
        """Connects a peer as a suite describes it: greets, registers, subscribes.

        Args:
            name: Of the peer; a second one of that name takes its place in the steps.
            settings: `hello` (fields of Hello, or false: say nothing), habits, `hosts` (agent type → fields of the
                registration), `subscribes` (list of subscriptions).

        Raises:
            Failed: The broker refused one of these.
        """
        settings = settings or {}
        habits = Habits(**{key: settings[key] for key in _HABITS if key in settings})
        peer = await Peer.connect(self.broker.address, name, habits, self._contract, self.journal)
        if name in self.peers:
            self.peers[f"{name} (earlier, {len(self.peers)})"] = self.peers[name]
        self.peers[name] = peer
        hello = settings.get("hello", {})
        if hello is False:
            return peer
        answer = await peer.hello(**hello)
        if "welcome" not in answer:
            raise Failed(f"{name}: Hello was refused: {answer}", rule="SES-1", party="broker")
        for agent_type, fields in settings.get("hosts", {}).items():
            await peer.do({"register_agent_type": {"type": agent_type, "mode": "STANDARD", **(fields or {})}})
        for subscription in settings.get("subscribes", ()):
            await peer.do({"subscribe": {"subscription": {"match": "EXACT", **subscription}}})
        return peer

    async def fence(self) -> None:
        """Waits until all that was said before now has come through, at every peer that greeted."""
        greeted = [p for p in self.peers.values() if p.answering]
        # Twice: the first round is through the broker, the second brings what it wrote to the others meanwhile.
        for _ in range(2):
            await asyncio.gather(*(p.fence() for p in greeted))

    async def prove(self) -> None:
        """Proves that broker and peers still work; raises the first violation that a peer noticed."""
        self.broker.check_alive()
        for peer in list(self.peers.values()):
            if peer.answering:
                await peer.prove()
        await self.prove_newcomers()
        for peer in self.peers.values():
            if peer.violations:
                raise peer.violations[0]

    async def prove_newcomers(self) -> None:
        """Proves that a new worker and a new caller are served: a call with its reply."""
        worker = await self.seat("newcomer-worker", {"hosts": {"newcomer": {}}})
        caller = await self.seat("newcomer-caller")
        identity = await caller.start({"request": {"target": "newcomer/k", "envelope": "are you there?"}})
        request = await worker.get({"request": {"target": "newcomer/k"}})
        await worker.send({"re": request["id"], "reply": {"envelope": "yes"}})
        answer = await caller.answer_to(identity)
        if wrong := matching.differences({"reply": {"envelope": "yes"}}, answer):
            raise Failed(f"a newcomer's call did not work: {'; '.join(wrong)}")
        await worker.close()
        await caller.close()
        del self.peers["newcomer-worker"], self.peers["newcomer-caller"]

    async def tables(self) -> dict[str, int]:
        """Entries by table as the broker's AdminService tells them; empty if it has no such method."""
        async with grpc.aio.insecure_channel(self.broker.address.removeprefix("grpc://")) as channel:
            get_status = channel.unary_unary(
                _GET_STATUS,
                request_serializer=admin_service_pb2.GetStatusRequest.SerializeToString,
                response_deserializer=admin_service_pb2.GetStatusResponse.FromString,
            )
            try:
                status = await get_status(admin_service_pb2.GetStatusRequest(), timeout=WITHIN_MS / 1000)
            except grpc.aio.AioRpcError as error:
                if error.code() is grpc.StatusCode.UNIMPLEMENTED:
                    return {}
                raise Failed(f"GetStatus: {error.code().name} {error.details()}", party="broker") from None
        return dict(status.tables)

    async def close(self) -> None:
        """Cuts every connection."""
        await asyncio.gather(*(p.close() for p in self.peers.values()))


async def play(table: Table, case: Case, workload: Callable[..., Awaitable[None]] | None) -> None:
    """Plays a case of kind `broker`.

    Raises:
        Failed: A rule was broken.
    """
    for name, settings in case.parties.items():
        await table.seat(name, settings)
    if workload is not None:
        await workload(table, **case.arguments)
    for number, step in enumerate(case.steps, 1):
        try:
            await _STEPS[next(iter(step))](table, step)
        except Failed as failed:
            raise Failed(f"step {number}: {failed}", rule=failed.rule, party=failed.party) from None
        except Inconclusive as inconclusive:
            raise Inconclusive(f"step {number}: {inconclusive}", lag=inconclusive.lag) from None
    if case.never:
        await table.fence()
        for one in case.never:
            _expect_nothing(table, one)
    await table.prove()


def _one(step: Mapping[str, Any]) -> tuple[str, Any]:
    ((name, argument),) = step[next(iter(step))].items()
    return name, argument


def _bookmark(table: Table, step: Mapping[str, Any], value: dict[str, Any]) -> None:
    if "as" in step:
        table.bookmarks[step["as"]] = {**value, "at": asyncio.get_running_loop().time()}


def _expect(what: str, expected: Any, actual: Any) -> None:
    if wrong := matching.differences(expected, actual):
        raise Failed(f"{what}: {'; '.join(wrong)}")


def _expect_nothing(table: Table, expectation: Mapping[str, Any]) -> None:
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
    """`answer: {peer: message}, to: bookmark`: the same with `re` set."""
    name, message = _one(step)
    await table.peers[name].send({"re": table.bookmarks[step["to"]]["id"], **message})


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
    answer = await table.peers[name].ask({kind: {**identity, **(fields or {})}})
    _expect(f"{name}: the answer to {kind}", step.get("gives", {"done": {}}), answer)


async def _nothing(table: Table, step: Mapping[str, Any]) -> None:
    """`nothing: {peer: expected}`: after a fence no such message is there."""
    await table.fence()
    _expect_nothing(table, step["nothing"])


async def _ended(table: Table, step: Mapping[str, Any]) -> None:
    """`ended: {peer: {code, text}}`: the broker ended the connection with this gRPC status."""
    name, expected = _one(step)
    code, text = await table.peers[name].ended(step.get("within_ms", WITHIN_MS))
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


async def _close(table: Table, step: Mapping[str, Any]) -> None:
    """`close: peer`: cuts its connection, without Goodbye."""
    await table.peers[step["close"]].close()


async def _half_close(table: Table, step: Mapping[str, Any]) -> None:
    """`half_close: peer`: it says that it will write no more."""
    await table.peers[step["half_close"]].half_close()


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


_STEPS: Mapping[str, Callable[[Table, Mapping[str, Any]], Awaitable[None]]] = {
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
    "half_close": _half_close,
    "bytes": _bytes,
    "frame": _frame,
    "grant": _grant,
}
