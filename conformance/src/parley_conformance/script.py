"""What a case says a handler does, in the short form of the suites, made into the adapter protocol's messages."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

# The member of Step that a bare value after an op means: `{reply: hi}` is `{reply: {text: hi}}`.
MAIN_MEMBER = {
    "reply": "text",
    "fail": "text",
    "fail_until": "number",
    "gate": "text",
    "sleep": "number",
    "block": "number",
    "add": "number",
}
_MESSAGE_MEMBERS = ("label", "do", "pad_bytes")


def probe(short: Mapping[str, Any]) -> dict[str, Any]:
    """Makes the value of a Probe.

    Args:
        short: `label`, `do` (a list of ops in short form), `pad_bytes` (length of the ballast).
    """
    value: dict[str, Any] = {"label": short.get("label", ""), "do": [step(one) for one in short.get("do", ())]}
    if short.get("pad_bytes"):
        value["pad"] = "x" * int(short["pad_bytes"])
    return value


def probe_payload(short: Mapping[str, Any]) -> dict[str, Any]:
    """Makes the envelope that carries a Probe, of its short form."""
    return {"type": "probe_v1", "data": json.dumps(probe(short), ensure_ascii=False)}


def reply_payload(label: str, members: Mapping[str, Any]) -> dict[str, Any]:
    """Makes the envelope that carries a ProbeReply with these members; the others are empty."""
    value = {"label": label, "value": "", "count": 0, "agent": "", **members}
    return {"type": "ProbeReply", "data": json.dumps(value, ensure_ascii=False)}


def step(short: Mapping[str, Any]) -> dict[str, Any]:
    """Makes one Step of its short form, e.g. `{reply: hi}` or `{call: {to: b/k, label: c2, do: [...]}}`.

    Raises:
        ValueError: More or less than one op.
    """
    if len(short) != 1:
        raise ValueError(f"a step has exactly one op, not {sorted(short)}")
    ((op, argument),) = short.items()
    if op in ("call", "publish"):
        rest = {name: value for name, value in argument.items() if name not in _MESSAGE_MEMBERS}
        return {"op": op, **rest, "message": probe(argument)}
    if isinstance(argument, Mapping):
        return {"op": op, **argument}
    return {"op": op, MAIN_MEMBER[op]: argument}


def message(short: Mapping[str, Any]) -> dict[str, Any]:
    """Makes the `message` of a call or publish command.

    Args:
        short: As for `probe`; or `type`, with the members `value` adds to the Probe's; or, for the vocabulary of
            the vectors, `type` and `value` alone, without `do`.
    """
    kind = short.get("type", "probe")
    if kind in ("probe", "probe_v2", "probe_wide", "versioned"):
        return {"type": kind, "value": {**probe(short), **short.get("value", {})}}
    return {"type": kind, "value": short.get("value", {"label": short.get("label", "")})}


def gates(value: Mapping[str, Any]) -> Iterator[str]:
    """All gates in the value of a Probe, its inner messages included."""
    for one in value.get("do", ()):
        if one["op"] == "gate":
            yield one["text"]
        if one.get("message") is not None:
            yield from gates(one["message"])


def nest(levels: Sequence[str], label: str, do: Sequence[Mapping[str, Any]], *, catch: bool = False) -> dict[str, Any]:
    """Makes the short form of a call through several agents.

    Args:
        levels: The agents, outermost first, as `type/key`.
        label: The labels are `label.0`, `label.1`, … from the outermost in.
        do: What the innermost agent does; the others reply with what they got.
        catch: The agents on the way reply with the reason when their call fails.
    """
    inner: dict[str, Any] = {"to": levels[-1], "label": f"{label}.{len(levels) - 1}", "do": list(do)}
    for depth in range(len(levels) - 2, -1, -1):
        call = {**inner, "catch": True} if catch else inner
        inner = {"to": levels[depth], "label": f"{label}.{depth}", "do": [{"call": call}, {"reply": {"how": "last"}}]}
    return inner
