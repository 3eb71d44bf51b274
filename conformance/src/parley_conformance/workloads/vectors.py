"""The golden values: each language by itself, and on their way from one to the other and back."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from parley_conformance.adapter import Refused
from parley_conformance.model import Failed, HarnessError
from parley_conformance.pair_case import Table
from parley_conformance.party import WITHIN_MS, Party
from parley_conformance.paths import VECTORS

_FILES = {"json": "json.json", "protobuf": "protobuf.json"}


async def there_and_back(table: Table) -> None:
    """Sends every good value that any language can hold; the other side says what it read, and sends it back."""
    caller, worker = table["caller"], table["handler"]
    sent: list[tuple[str, str, Any]] = []
    for vector in good(table.run.content):
        label = vector["id"]
        await caller.call({"label": label, "to": "typed/k", "type": vector["type"], "value": vector["value"]})
        sent.append((label, vector["type"], vector["value"]))
    if not sent:
        raise HarnessError(f"there are no vectors for {table.run.content} in {VECTORS}")
    for label, _, value in sent:
        outcome = await caller.outcome(label, 3 * WITHIN_MS)
        reply = outcome.get("reply")
        if reply is None:
            raise Failed(f"{label}: expected the value back, got {outcome.get('error', 'null')}")
        if not same(value, reply["value"]):
            raise Failed(f"{label}: {value!r} came back as {reply['value']!r}")
    # The caller's outcome may reach the kit before the handler's observation does.
    read = [o.fields.get("value") for o in await worker.see("enter", {}, count=len(sent))]
    for label, _, value in sent:
        # Calls to one agent may start in any order, and a typed message has no label.
        at = next((i for i, one in enumerate(read) if same(value, one)), None)
        if at is None:
            raise Failed(f"{label}: the handler did not read {value!r}", party="handler")
        del read[at]


async def alone(table: Table) -> None:
    """Every vector, good and bad, through the caller's serializers; no runtime takes part."""
    party = table["caller"]
    for vector in _read(table.run.content):
        if not set(vector.get("needs", ())) <= party.adapter.capabilities:
            continue
        try:
            await _one_alone(party, table.run.content, vector)
        except Failed as failed:
            raise Failed(
                f"{vector['id']}: {failed}", rule=failed.rule or vector["rules"][0], party=party.name
            ) from None


async def _one_alone(party: Party, content: str, vector: Mapping[str, Any]) -> None:
    about = {"type": vector["type"], "content_type": content}
    error = vector.get("error")
    if error is not None and "value" in vector:
        await _refused(party, "encode", {**about, "value": vector["value"]}, error)
        return
    for data in vector.get("inputs", ()):
        decode = {**about, "data": base64.b64encode(_bytes(data)).decode()}
        if error is not None:
            await _refused(party, "decode", decode, error)
        elif not same(vector["value"], (read := await party.command("decode", decode))["value"]):
            raise Failed(f"{data} was read as {read['value']!r}")
    if "encoded" in vector:
        data = base64.b64decode((await party.command("encode", {**about, "value": vector["value"]}))["data"])
        if content == "json" and not same_json(_bytes(vector["encoded"]), data):
            raise Failed(f"expected {vector['encoded']}, got {data!r}")
        for one in (data, _bytes(vector["encoded"])):
            read = await party.command("decode", {**about, "data": base64.b64encode(one).decode()})
            if not same(vector["value"], read["value"]):
                raise Failed(f"{one!r} was read as {read['value']!r}")


async def _refused(party: Party, cmd: str, members: Mapping[str, Any], error: Mapping[str, Any]) -> None:
    try:
        done = await party.command(cmd, members)
    except Refused as refused:
        got = f"expected {dict(error)} from {cmd}, got {refused.reason}: {refused.message}"
        if refused.reason != error["reason"]:
            raise Failed(got) from None
        if error.get("names", "") not in refused.message:
            raise Failed(got, rule="JSON-14" if members["content_type"] == "json" else "") from None
    else:
        raise Failed(f"expected {cmd} to be refused with {error['reason']}, got {done}")


def _bytes(data: Mapping[str, str]) -> bytes:
    return data["text"].encode() if "text" in data else base64.b64decode(data["base64"])


def good(content: str) -> Iterator[Mapping[str, Any]]:
    """The vectors of a content type that every language encodes and decodes."""
    for vector in _read(content):
        if "encoded" in vector and "value" in vector and not vector.get("needs"):
            yield vector


def _read(content: str) -> Iterable[Mapping[str, Any]]:
    vectors: list[dict[str, Any]] = json.loads((VECTORS / _FILES[content]).read_text(encoding="utf-8"))["vectors"]
    return vectors


def same_json(expected: bytes, actual: bytes) -> bool:
    """True if two JSON texts say the same, as vectors/README.md defines it.

    Members in any order, each once; texts equal; a number that is expected without fraction and exponent has the same
    digits, any other is equal as a decimal number.
    """
    try:
        return _same_parsed(_parsed(expected), _parsed(actual))
    except ValueError:
        return False


def _parsed(data: bytes) -> Any:
    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) != len(pairs):
            raise ValueError("a member is there twice")
        return dict(pairs)

    return json.loads(
        data.decode("utf-8"),
        parse_int=_Digits,
        parse_float=Decimal,
        parse_constant=_no_constant,
        object_pairs_hook=members,
    )


class _Digits(str):
    """An integer as it was written."""

    __slots__ = ()


def _no_constant(text: str) -> Any:
    raise ValueError(f"{text} is no JSON")


def _same_parsed(expected: Any, actual: Any) -> bool:
    if isinstance(expected, dict):
        return (
            isinstance(actual, dict)
            and expected.keys() == actual.keys()
            and all(_same_parsed(expected[key], actual[key]) for key in expected)
        )
    if isinstance(expected, list):
        return isinstance(actual, list) and len(expected) == len(actual) and all(map(_same_parsed, expected, actual))
    if isinstance(expected, Decimal):
        return isinstance(actual, Decimal | _Digits) and Decimal(actual) == expected
    return type(expected) is type(actual) and bool(expected == actual)


def same(expected: Any, actual: Any) -> bool:
    """True if two values in the vectors' notation are equal, as vectors/README.md defines it."""
    expected, actual = _plain(expected), _plain(actual)
    if isinstance(expected, Mapping) and isinstance(actual, Mapping):
        return expected.keys() == actual.keys() and all(same(expected[key], actual[key]) for key in expected)
    if isinstance(expected, list) and isinstance(actual, list):
        return len(expected) == len(actual) and all(map(same, expected, actual))
    if isinstance(expected, bool) or isinstance(actual, bool):
        return expected is actual
    if isinstance(expected, float) and isinstance(actual, float) and math.isnan(expected):
        return math.isnan(actual)
    return type(expected) is type(actual) and bool(expected == actual)


def _plain(value: Any) -> Any:
    """Resolves one level of the notation; whole floating-point numbers may be written either way."""
    if isinstance(value, Mapping) and len(value) == 1:
        ((name, argument),) = value.items()
        if name == "$int":
            return float(argument) if abs(int(argument)) < 2**53 else int(argument)
        if name == "$float":
            return float(argument)
        if name == "$json":
            return ("json", json.dumps(json.loads(argument), sort_keys=True))
        if name == "$time":
            moment = datetime.fromisoformat(argument)
            return (moment, moment.utcoffset())
        if name == "$map":
            return {json.dumps(key): item for key, item in argument}
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**53:
        return float(value)
    return value
