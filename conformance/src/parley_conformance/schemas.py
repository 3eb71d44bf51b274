"""The kit's JSON Schemas as validators."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

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
        # Each line of each run is checked: without its references that takes half the time.
        part = _resolved(schema["$defs"][definition], schema["$defs"], (definition,))
        schema = {**part, "$defs": schema["$defs"]}
    return Draft202012Validator(schema)


def _resolved(part: Any, definitions: Mapping[str, Any], within: tuple[str, ...]) -> Any:
    """The same with what its references name in their place; a reference to what it is within stays."""
    if isinstance(part, list):
        return [_resolved(one, definitions, within) for one in part]
    if not isinstance(part, dict):
        return part
    name = str(part.get("$ref", "")).rpartition("/")[2]
    if name and name not in within:
        return _resolved(definitions[name], definitions, (*within, name))
    return {key: _resolved(one, definitions, within) for key, one in part.items()}


def errors(name: str, value: Any, definition: str = "") -> str:
    """Says what is wrong with a value, where and why; empty: nothing."""
    found = sorted(validator(name, definition).iter_errors(value), key=lambda e: [str(p) for p in e.absolute_path])
    return "; ".join(f"{'/'.join(map(str, e.absolute_path)) or '(whole)'}: {_why(e)}" for e in found[:5])


def _why(error: ValidationError) -> str:
    # jsonschema's own text names the whole value and none of the choices.
    rule: Any = error.validator_value
    if error.validator == "oneOf" and all(set(one) == {"required"} for one in rule):
        whole: Any = error.instance
        choices = [one["required"][0] for one in rule]
        there = [choice for choice in choices if choice in whole]
        return f"exactly one of {', '.join(choices)} is needed, and {' and '.join(there) or 'none'} is there"
    return error.message[:300]


def adapter_errors(definition: str, value: Any) -> str:
    """Says what is wrong with a part of a line of the adapter protocol; empty: nothing."""
    return errors("adapter", value, definition)


def command_errors(line: Mapping[str, Any]) -> str:
    """Says what is wrong with a command; one that the protocol does not have needs no more than its head."""
    definition = f"command_{line['cmd']}"
    return adapter_errors(definition if definition in load("adapter")["$defs"] else "command", line)


def observation_errors(kind: str, line: Any) -> str:
    """Says what is wrong with an observation; an unknown kind is wrong."""
    definition = f"observation_{kind}"
    if definition not in load("adapter")["$defs"]:
        return "no such kind of observation"
    return adapter_errors(definition, line)


def ok_errors(cmd: str, ok: Any) -> str:
    """Says what is wrong with the `ok` that answers a command; nothing is where the protocol asks for nothing in it."""
    definition = f"ok_{cmd}"
    return adapter_errors(definition, ok) if definition in load("adapter")["$defs"] else ""
