"""docs/broker.md, launcher.schema.json, the reference broker's launcher and the suites name the same settings."""

from __future__ import annotations

import ast
import json
import re
from typing import Any

import pytest

from parley_conformance import schemas, spec, suite
from parley_conformance.model import Kind
from parley_conformance.paths import CONFORMANCE
from parley_conformance.reference_broker import SETTINGS
from parley_conformance.workloads import registry

TEXT = (CONFORMANCE / "docs" / "broker.md").read_text(encoding="utf-8")
DEFINITIONS: dict[str, Any] = schemas.load("launcher")["$defs"]


def rows(head: str) -> list[str]:
    found = re.search(rf"^\| {head} \| meaning \|\n\|[- |]+\n((?:\|.*\n)*)", TEXT, re.M)
    assert found
    return re.findall(r"^\| `(\w+)` \|", found[1], re.M)


def test_the_document_has_every_setting_and_member_and_no_other() -> None:
    assert rows("setting") == list(DEFINITIONS["settings"]["properties"])
    assert rows("member") == list(DEFINITIONS["line"]["properties"])


def test_the_reference_broker_has_every_setting() -> None:
    own = {"data_dir", "listen", "store"}
    assert {*SETTINGS, *own} == set(DEFINITIONS["settings"]["properties"])


def test_each_case_sets_up_a_broker_that_there_can_be() -> None:
    for case in suite.load(rules=spec.read().rules, workloads=registry.ALL):
        if case.kind is not Kind.SDK:
            assert schemas.errors("launcher", {"data_dir": "x", **case.broker}, "settings") == "", case.id


def test_the_examples_are_valid() -> None:
    lines = re.findall(r'^\{"(?:address|unsupported)".*\}$', TEXT, re.M)
    assert len(lines) == 3
    for line in lines:
        assert schemas.errors("launcher", json.loads(line), "line") == ""
    (program,) = re.findall(r"^```python\n(.*?)^```", TEXT, re.M | re.S)
    ast.parse(program)


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ({"address": "grpc://h:1"}, "'pid' is a dependency"),
        ({"address": "h:1", "pid": 1}, "does not match"),
        ({"pid": 1}, "exactly one of address, unsupported is needed, and none is there"),
        ({"address": "grpc://h:1", "pid": 1, "unsupported": "x"}, "address and unsupported is there"),
        ({"address": "grpc://h:1", "pid": 1, "profile": "core"}, "'profile' was unexpected"),
        ("served", "is not of type"),
    ],
)
def test_a_line_that_breaks_the_contract(line: Any, wrong: str) -> None:
    assert wrong in schemas.errors("launcher", line, "line")
