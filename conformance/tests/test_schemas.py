from __future__ import annotations

import json
import re
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from parley_conformance import schemas
from parley_conformance.paths import ADAPTERS, SCHEMAS


@pytest.mark.parametrize("path", sorted(SCHEMAS.glob("*.json")), ids=lambda path: path.stem)
def test_each_schema_is_one(path: Any) -> None:
    Draft202012Validator.check_schema(json.loads(path.read_text(encoding="utf-8")))


def test_the_examples_of_the_protocol_are_valid() -> None:
    text = (ADAPTERS / "PROTOCOL.md").read_text(encoding="utf-8").replace('"json", …]', '"json"]')
    lines = re.findall(r"^(?:kit|adapter) +(\{.*\})$", text, re.MULTILINE)
    assert len(lines) > 8
    for line in lines:
        assert schemas.errors("adapter", json.loads(line)) == "", line


HEAD = {"i": 1, "rt": "main", "t_ms": 1.5}


@pytest.mark.parametrize(
    ("kind", "members", "wrong"),
    [
        ("outcome", {"label": "c", "reply": None}, ""),
        ("outcome", {"label": "c", "published": True}, ""),
        ("outcome", {"label": "c"}, "valid under"),
        ("outcome", {"label": "c", "reply": None, "published": True}, "valid under"),
        ("outcome", {"label": "c", "error": {"reason": ""}}, "message"),
        ("leave", {"label": "c", "agent": "a/b", "how": "vanished"}, "vanished"),
        ("session", {"state": "connected", "reason": ""}, ""),
        ("gossip", {}, "no such kind"),
    ],
)
def test_observations(kind: str, members: dict[str, Any], wrong: str) -> None:
    found = schemas.observation_errors(kind, {"obs": kind, **HEAD, **members})
    assert bool(found) == bool(wrong)
    assert wrong in found


def test_an_observation_without_its_head_is_wrong() -> None:
    assert "'i' is a required" in schemas.observation_errors(
        "session", {"obs": "session", "state": "lost", "reason": ""}
    )
