"""PROTOCOL.md and schema/adapter.schema.json say the same: each line, member, type and necessity."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from parley_conformance import schemas, script, spec, suite
from parley_conformance.model import Kind
from parley_conformance.paths import ADAPTERS, VECTORS
from parley_conformance.workloads import registry

TEXT = (ADAPTERS / "PROTOCOL.md").read_text(encoding="utf-8")
DEFINITIONS: dict[str, Any] = schemas.load("adapter")["$defs"]
COMMANDS = [name.removeprefix("command_") for name in DEFINITIONS if name.startswith("command_")]
OBSERVATIONS = [name.removeprefix("observation_") for name in DEFINITIONS if name.startswith("observation_")]
TERMS = {
    "name": "name",
    "count": "count",
    "ms": "ms",
    "content_type": "`json` or `protobuf`",
    "texts": "list of text",
    "names": "list of name, none twice",
    "message": "message",
    "error": "error",
    "probe": "probe",
    "step": "step",
}
NEEDED = "–"
ONE_OF = "one of the others is there"


def section(title: str, level: int = 3) -> str:
    found = re.search(rf"^{'#' * level} `?{re.escape(title)}`?\n(.*?)(?=^#{{2,{level}}} |\Z)", TEXT, re.M | re.S)
    assert found, f"PROTOCOL.md has no section {title!r}"
    return found[1]


def table(title: str, head: str = "member") -> dict[str, tuple[str, str]]:
    """The rows of a section's table: member → (type, what counts if it is absent)."""
    rows = re.search(rf"^\| {head} \| type \|.*\n\|[- |]+\n((?:\|.*\n)*)", section(title), re.M)
    assert rows, f"the section {title!r} has no table of {head}s"
    cells = [re.split(r"(?<!\\) \| ", row.strip("| ")) for row in rows[1].splitlines()]
    return {row[0].strip("`"): (row[1], row[2]) for row in cells}


def told(part: dict[str, Any]) -> str:
    """A member's type in the words of the reference."""
    match part:
        case {"$ref": name}:
            return TERMS[name.rpartition("/")[2]]
        case {"const": value}:
            return str(value) if isinstance(value, int) and value is not True else f"`{value}`".replace("True", "true")
        case {"enum": values}:
            return " or ".join(f"`{value}`" for value in values)
        case {"anyOf": parts}:
            return " or ".join(told(one) for one in parts)
        case {"type": "array", "items": items}:
            return f"list of {told(items)}"
        case {"type": "object", "additionalProperties": {"type": "string"}}:
            return "map of text to text"
        case {"type": [kind, "null"]}:
            return f"{told({'type': kind})} or null"
        case {"type": kind}:
            plain = {"string": "text", "integer": "whole number", "boolean": "true or false"}
            return plain.get(kind, kind)
    return "any value"


def promised(definition: str) -> dict[str, tuple[str, bool]]:
    part = DEFINITIONS[definition]
    assert part["additionalProperties"] is False, f"{definition} takes members that nobody knows"
    return {name: (told(one), name in part["required"]) for name, one in part["properties"].items()}


def check(rows: dict[str, tuple[str, str]], definition: str) -> None:
    assert {name: (kind, absent == NEEDED) for name, (kind, absent) in rows.items()} == promised(definition)
    exclusive = [one["required"][0] for one in DEFINITIONS[definition].get("oneOf", ())]
    assert [name for name, (_, absent) in rows.items() if absent == ONE_OF] == exclusive


def test_the_reference_has_every_command_and_observation_and_no_other() -> None:
    commands = re.findall(r"^### `([\w-]+)`$", section("Commands", 2), re.M)
    observations = re.findall(r"^### `([\w-]+)`$", section("Observations", 2), re.M)
    assert commands == COMMANDS == [one["if"]["properties"]["cmd"]["const"] for one in DEFINITIONS["command"]["allOf"]]
    assert observations == OBSERVATIONS == DEFINITIONS["observation"]["properties"]["obs"]["enum"]
    assert len(DEFINITIONS["observation"]["allOf"]) == len(OBSERVATIONS)


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command(command: str) -> None:
    check(table(command), f"command_{command}")
    if f"ok_{command}" in DEFINITIONS:
        check(table(command, "member of ok"), f"ok_{command}")
    else:
        assert "`ok`: `{}`." in section(command)
    assert "Errors: " in section(command)


@pytest.mark.parametrize("kind", OBSERVATIONS)
def test_each_observation(kind: str) -> None:
    check(table(kind), f"observation_{kind}")


@pytest.mark.parametrize("title", ["Answer", "Message", "Error", "Probe", "Step"])
def test_what_they_are_made_of(title: str) -> None:
    definition = {"required": [], **DEFINITIONS[title.lower()]}
    rows = table(title)
    assert set(rows) == set(definition["properties"])
    assert {name for name, (_, absent) in rows.items() if absent == NEEDED} == set(definition["required"])
    assert {name: kind for name, (kind, _) in rows.items()} == {
        name: told(part) for name, part in definition["properties"].items() if name != "error"
    } | ({"error": "object"} if title == "Answer" else {})


def examples() -> list[dict[str, Any]]:
    return [
        json.loads(line)
        for block in re.findall(r"^```json\n(.*?)^```", TEXT, re.M | re.S)
        for line in block.splitlines()
    ]


def test_every_example_is_valid_and_each_command_and_observation_has_one() -> None:
    for line in examples():
        assert schemas.errors("adapter", line) == "", line
    assert {one["cmd"] for one in examples() if "cmd" in one} == set(COMMANDS)
    assert {one["obs"] for one in examples() if "obs" in one} == set(OBSERVATIONS)
    for command in COMMANDS:
        asked, answered = (json.loads(line) for line in re.findall(r"^\{.*\}$", section(command), re.M))
        assert (asked["cmd"], asked["n"]) == (command, answered["re"])
        if f"ok_{command}" in DEFINITIONS:
            assert schemas.adapter_errors(f"ok_{command}", answered["ok"]) == ""


def test_the_kit_makes_probes_of_this_form_and_the_reference_knows_each_op() -> None:
    do = [{"reply": "hi"}, {"call": {"to": "a/k", "label": "c2", "do": [{"gate": "g"}], "catch": True}}]
    made = script.probe({"label": "c1", "do": do, "pad_bytes": 3})
    assert schemas.adapter_errors("probe", made) == ""
    ops = set(re.findall(r"^\| `([\w]+)` \|", section("Ops"), re.M))
    assert set(script.MAIN_MEMBER) <= ops


def test_each_capability_that_a_case_or_vector_requires_is_in_the_reference() -> None:
    rows = re.search(r"^\| capability \|.*\n\|[- |]+\n((?:\|.*\n)*)", TEXT, re.M)
    assert rows
    named = {name for row in rows[1].splitlines() for name in re.findall(r"`([\w-]+)`", row.split(" | ")[0])}
    cases = suite.load(rules=spec.read().rules, workloads=registry.ALL)
    required = {one for case in cases for one in case.requires if case.kind is not Kind.BROKER}
    needs = set(json.loads((VECTORS / "types.json").read_text(encoding="utf-8"))["needs"])
    assert required | needs <= named
