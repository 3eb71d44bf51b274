"""The steps of cases of kind `sdk`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from parley_conformance import matching, party_steps, script
from parley_conformance.adapter import Refused
from parley_conformance.model import Failed
from parley_conformance.scripted import WITHIN_MS
from parley_conformance.timing import check_window

if TYPE_CHECKING:
    from parley_conformance.sdk_case import Table

CLIENT = "client"
PAUSE_MS = 5_000
"""A client whose connection broke may take so long before it dials again (SES-18)."""


def _with_envelope(message: Mapping[str, Any], label: str) -> dict[str, Any]:
    """Makes envelopes of `{probe: short}` and `{answer: members of ProbeReply}`."""
    made: dict[str, Any] = {}
    for kind, fields in message.items():
        envelope = fields.get("envelope") if isinstance(fields, Mapping) else None
        if isinstance(envelope, Mapping) and "probe" in envelope:
            fields = {**fields, "envelope": script.probe_payload(envelope["probe"])}
        elif isinstance(envelope, Mapping) and "answer" in envelope:
            fields = {**fields, "envelope": script.reply_payload(label, envelope["answer"])}
        made[kind] = fields
    return made


def _bookmark(table: Table, step: Mapping[str, Any], value: Mapping[str, Any]) -> None:
    if "as" in step:
        table.bookmarks[step["as"]] = {"at": asyncio.get_running_loop().time(), **value}


def _bound(table: Table, step: Mapping[str, Any]) -> float:
    """Within how many ms something is to come."""
    return float(step.get("within_ms", WITHIN_MS + (PAUSE_MS if table.parted else 0)))


def _check_time(table: Table, step: Mapping[str, Any], what: str) -> None:
    if window := step.get("took_ms"):
        since = table.since(window["since"])
        elapsed = (asyncio.get_running_loop().time() - since) * 1000
        excuse = table.lag.excuse(since)
        check_window(what, elapsed, at_least=window.get("min", 0), at_most=window.get("max"), excuse=excuse)


async def _connect(table: Table, step: Mapping[str, Any]) -> None:
    """`connect: client`: starts a client that is `late`; `wait: false` goes on at once, `refused:` it must fail so."""

    async def connecting() -> None:
        try:
            await table.client.start(await table.address(), table.settings)
        except Refused as refused:
            told = {"reason": refused.reason, "message": refused.message}
            wrong = matching.differences(step.get("refused", {"reason": "nothing"}), told)
            if wrong:
                raise Failed(f"start: {'; '.join(wrong)}", party=CLIENT) from None
            return
        if "refused" in step:
            raise Failed(f"the client started; expected a refusal with {step['refused']}", party=CLIENT)

    if step.get("wait", True):
        await connecting()
    else:
        table.begun.append(asyncio.create_task(connecting()))


async def _begin(table: Table, step: Mapping[str, Any]) -> None:
    """`begin: {command: members}`: gives the client a command without waiting for its end."""
    ((cmd, members),) = step["begin"].items()

    async def commanded() -> None:
        try:
            await table.client.command(cmd, members)
        except Refused as refused:
            raise Failed(str(refused), party=CLIENT) from None

    table.begun.append(asyncio.create_task(commanded()))


async def _get(table: Table, step: Mapping[str, Any]) -> None:
    """`get: expected`, `as:` a bookmark: takes the first message of the client that has it."""
    got = await table.broker.get(step["get"], _bound(table, step))
    table.parted = False
    _check_time(table, step, f"the client: {next(iter(step['get']))}")
    _bookmark(table, step, got)


async def _next(table: Table, step: Mapping[str, Any]) -> None:
    """`next: [expected, …]`: the next messages of the client are these, in this order."""
    got = await table.broker.next(step["next"], _bound(table, step))
    table.parted = False
    for name, one in zip(step.get("as", ()), got, strict=False):
        _bookmark(table, {"as": name}, one)


async def _nothing(table: Table, step: Mapping[str, Any]) -> None:
    """`nothing: expected`, `of: bookmark`: after a fence no such message is there, or no such answer to that."""
    await fence(table, step)
    answer = {"re": table.bookmarks[step["of"]]["id"]} if "of" in step else {}
    if table.broker.has({**step["nothing"], **answer}):
        raise Failed(f"the client said {step['nothing']!r}, which must not come", party=CLIENT)


async def _say(table: Table, step: Mapping[str, Any]) -> None:
    """`say: message`, `as:` a bookmark: the broker says it; what is absent is filled in."""
    identity = await table.broker.say(_with_envelope(step["say"], ""))
    assert table.broker.session is not None
    _bookmark(table, step, {"id": identity, "seq": table.broker.session.watch.sent})


async def _answer(table: Table, step: Mapping[str, Any]) -> None:
    """`answer: message, to: bookmark`: the broker answers what the client said; `{welcome: fields}` answers Hello."""
    if "welcome" in step["answer"]:
        await table.broker.greet(step["answer"]["welcome"] or {})
        return
    to = table.bookmarks[step["to"]]
    await table.broker.write({"re": to["id"], **_with_envelope(step["answer"], to["label"])})


async def _outcome(table: Table, step: Mapping[str, Any]) -> None:
    """`outcome: expected, of: bookmark`: the client's answer to what was said."""
    got = await table.broker.get({"re": table.bookmarks[step["of"]]["id"]}, step.get("within_ms", WITHIN_MS))
    if wrong := matching.differences(step["outcome"], got):
        raise Failed(f"the answer to {step['of']}: {'; '.join(wrong)}", party=CLIENT)
    _check_time(table, step, f"the answer to {step['of']}")


async def _frame(table: Table, step: Mapping[str, Any]) -> None:
    """`frame: [messages]`, `first_seq: n`: the broker writes them as one frame."""
    messages: Sequence[Mapping[str, Any]] = [_with_envelope(one, "") for one in step["frame"]]
    await table.broker.write(*messages, first_seq=step.get("first_seq"))


async def _repeat(table: Table, step: Mapping[str, Any]) -> None:
    """`repeat: bookmark`: the broker writes what it said as that once more, under the same number."""
    await table.broker.repeat(table.bookmarks[step["repeat"]]["seq"])


async def _lose(table: Table, step: Mapping[str, Any]) -> None:
    """`lose: n`: the last n messages of the client never reached the broker."""
    table.broker.lose(step["lose"])


async def _pause(table: Table, step: Mapping[str, Any]) -> None:
    """`pause: client`: SIGSTOP."""
    await table.client.adapter.child.pause()


async def _continue(table: Table, step: Mapping[str, Any]) -> None:
    """`continue: client`: SIGCONT."""
    await table.client.adapter.child.resume()


async def _pass(table: Table, step: Mapping[str, Any]) -> None:
    """`pass_ms: n`: time goes by, where it is the subject."""
    await asyncio.sleep(step["pass_ms"] / 1000)


async def _bytes(table: Table, step: Mapping[str, Any]) -> None:
    """`bytes: hex`: the broker writes them where a frame belongs."""
    await table.broker.write_bytes(bytes.fromhex(step["bytes"]))


async def _end(table: Table, step: Mapping[str, Any]) -> None:
    """`end: {code, text}`: the broker ends the connection with this gRPC status; `connection: n`: an older one."""
    _bookmark(table, step, {})
    table.parted = True
    table.broker.end(step["end"]["code"], step["end"].get("text", ""), step["end"].get("connection", 0))


async def _cut(table: Table, step: Mapping[str, Any]) -> None:
    """`cut: address`: its connections break off; `refuse: true`: and no other is taken until `accept`."""
    _bookmark(table, step, {})
    table.parted = True
    if step.get("refuse"):
        table.broker.relays[step["cut"]].refuse()
    table.broker.relays[step["cut"]].reset()


async def _accept(table: Table, step: Mapping[str, Any]) -> None:
    """`accept: address`: connections are taken again."""
    _bookmark(table, step, {})
    await table.broker.relays[step["accept"]].accept()


async def _forget(table: Table, step: Mapping[str, Any]) -> None:
    """`forget: true`: the broker forgets the session, as one does that was started again."""
    table.broker.forget()


async def _set(table: Table, step: Mapping[str, Any]) -> None:
    """`set: {manual, welcome, silent, receipts}`: from now on."""
    if "manual" in step["set"]:
        table.broker.manual = set(step["set"]["manual"])
    table.broker.welcome = dict(step["set"].get("welcome", table.broker.welcome))
    table.broker.silent = step["set"].get("silent", table.broker.silent)
    table.broker.receipts = step["set"].get("receipts", table.broker.receipts)


async def _grant(table: Table, step: Mapping[str, Any]) -> None:
    """`grant: {messages, bytes}`: what the client may have sent in all."""
    await table.broker.grant(step["grant"]["messages"], step["grant"]["bytes"])


async def fence(table: Table, step: Mapping[str, Any]) -> None:
    """`fence: true`: waits until all that was said before now has come through."""
    # To a broker that is silent the client's words take another way than its adapter's: that one is asked more often.
    for _ in range(20 if table.broker.silent else 2):
        await table.client.adapter.command("ping")
        if table.broker.connected and not table.broker.silent:
            identity = await table.broker.say({"id": table.broker.fresh(), "heartbeat": {}})
            await table.broker.get({"re": identity})


STEPS: Mapping[str, Callable[[Table, Mapping[str, Any]], Awaitable[None]]] = {
    "do": party_steps.do,
    "see": party_steps.see,
    "release": party_steps.release,
    "connect": _connect,
    "begin": _begin,
    "get": _get,
    "next": _next,
    "nothing": _nothing,
    "say": _say,
    "answer": _answer,
    "outcome": _outcome,
    "frame": _frame,
    "repeat": _repeat,
    "lose": _lose,
    "pause": _pause,
    "continue": _continue,
    "pass_ms": _pass,
    "bytes": _bytes,
    "end": _end,
    "cut": _cut,
    "accept": _accept,
    "forget": _forget,
    "set": _set,
    "grant": _grant,
    "fence": fence,
}
"""By the name of the step."""
