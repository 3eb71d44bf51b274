"""The steps about an adapter that cases of every kind with adapters have: `do`, `see`, `release`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from parley_conformance import matching
from parley_conformance.adapter import Refused
from parley_conformance.model import Failed
from parley_conformance.party import WITHIN_MS, Party
from parley_conformance.timing import LagMeter, check_window


class Seats(Protocol):
    """What these steps need of a table."""

    lag: LagMeter

    def __getitem__(self, name: str) -> Party:
        """A party by its name."""

    def since(self, name: str) -> float:
        """When what has this name happened, by the kit's clock, in seconds."""


def expect_nothing(table: Seats, expectation: Mapping[str, Any]) -> None:
    """Makes sure that a party saw no such observation: `{party: {kind: unwanted}}`."""
    ((name, kinds),) = expectation.items()
    ((kind, unwanted),) = kinds.items()
    table[name].never_from = len(table[name].adapter.observations)
    if found := table[name].seen(kind, unwanted):
        raise Failed(f"{name} saw {dict(found[0].fields)!r}, which must never be", party=name)


async def do(table: Seats, step: Mapping[str, Any]) -> None:
    """`do: {party: {command: members}}`, `refused:` expected error: a command, carried out or refused."""
    ((name, command),) = step["do"].items()
    ((cmd, members),) = command.items()
    party = table[name]
    if cmd == "call":
        await party.call(members)
    elif cmd == "publish":
        await party.publish(members)
    elif "refused" in step:
        try:
            await party.command(cmd, members)
        except Refused as refused:
            told = {"reason": refused.reason, "message": refused.message}
            if wrong := matching.differences(step["refused"], told):
                raise Failed(f"{name}: {cmd}: {'; '.join(wrong)}", party=name) from None
        else:
            raise Failed(f"{name}: {cmd} was carried out; expected a refusal with {step['refused']}", party=name)
    elif cmd == "register":
        await party.register(members["type"], {k: v for k, v in members.items() if k != "type"})
    else:
        await party.command(cmd, members)


async def see(table: Seats, step: Mapping[str, Any]) -> None:
    """`see: {party: {kind: expected}}`, or a list of such: observations, in this order if several."""
    ((name, expected),) = step["see"].items()
    party = table[name]
    within = step.get("within_ms", WITHIN_MS)
    last, at, kind = 0, 0.0, ""
    for one in expected if isinstance(expected, list) else [expected]:
        ((kind, fields),) = one.items()
        found = await party.see(kind, fields, count=step.get("count", 1), after=last, within_ms=within)
        last, at = found[0].fields["i"], found[0].at
        if (exact := step.get("count")) and len(found) > exact:
            raise Failed(f"{name}: {kind} {dict(fields)!r} came {len(found)} times instead of {exact}", party=name)
    if window := step.get("took_ms"):
        since = table.since(window["since"])
        check_window(
            f"{name}: {kind}",
            (at - since) * 1000,
            at_least=window.get("min", 0),
            at_most=window.get("max"),
            excuse=table.lag.excuse(since),
        )


async def release(table: Seats, step: Mapping[str, Any]) -> None:
    """`release: {party: gate}`: opens a gate."""
    ((name, gate),) = step["release"].items()
    await table[name].command("release", {"gate": gate})
