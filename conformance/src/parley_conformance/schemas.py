"""The kit's JSON Schemas as validators."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from parley_conformance.paths import SCHEMAS


@cache
def load(name: str) -> dict[str, Any]:
    """Reads `schema/NAME.schema.json`."""
    schema: dict[str, Any] = json.loads((SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8"))
    return schema


@cache
def validator(name: str, definition: str = "") -> Draft202012Validator:
    """The validator of a whole schema, or of one of its `$defs`."""
    schema = load(name)
    if definition:
        schema = {"$ref": f"#/$defs/{definition}", "$defs": schema["$defs"]}
    return Draft202012Validator(schema)


def errors(name: str, value: Any, definition: str = "") -> str:
    """Says what is wrong with a value, where and why; empty: nothing."""
    found = sorted(validator(name, definition).iter_errors(value), key=lambda e: [str(p) for p in e.absolute_path])
    return "; ".join(f"{'/'.join(map(str, e.absolute_path)) or '(whole)'}: {e.message[:300]}" for e in found[:5])


def adapter_errors(definition: str, value: Any) -> str:
    """Says what is wrong with a part of a line of the adapter protocol; empty: nothing."""
    return errors("adapter", value, definition)


def observation_errors(kind: str, line: Any) -> str:
    """Says what is wrong with an observation; an unknown kind is wrong."""
    definition = f"observation_{kind}"
    if definition not in load("adapter")["$defs"]:
        return "no such kind of observation"
    return adapter_errors("observation_head", line) or adapter_errors(definition, line)
