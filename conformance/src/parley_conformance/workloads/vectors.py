"""The golden values on their way through the wire: from one language to the other and back."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from parley_conformance.model import Failed, HarnessError
from parley_conformance.pair_case import Table
from parley_conformance.party import WITHIN_MS
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


def good(content: str) -> Iterator[Mapping[str, Any]]:
    """The vectors of a content type that every language encodes and decodes."""
    file = json.loads((VECTORS / _FILES[content]).read_text(encoding="utf-8"))
    for vector in file["vectors"]:
        if "encoded" in vector and "value" in vector and not vector.get("needs"):
            yield vector


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
