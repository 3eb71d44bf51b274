from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from parley_conformance import schemas
from parley_conformance.paths import SCHEMAS


@pytest.mark.parametrize("path", sorted(SCHEMAS.glob("*.json")), ids=lambda path: path.stem)
def test_each_schema_is_one(path: Any) -> None:
    Draft202012Validator.check_schema(json.loads(path.read_text(encoding="utf-8")))


HEAD = {"i": 1, "rt": "main", "t_ms": 1.5}


@pytest.mark.parametrize(
    ("kind", "members", "wrong"),
    [
        ("outcome", {"label": "c", "reply": None}, ""),
        ("outcome", {"label": "c", "published": True}, ""),
        ("outcome", {"label": "c"}, "exactly one of reply, published, error is needed, and none is there"),
        ("outcome", {"label": "c", "reply": None, "published": True}, "reply and published is there"),
        ("outcome", {"label": "c", "error": {"reason": ""}}, "message"),
        ("leave", {"label": "c", "agent": "a/b", "how": "vanished"}, "vanished"),
        ("session", {"state": "connected", "reason": ""}, ""),
        ("session", {"state": "connected", "reason": "", "why": "?"}, "'why' was unexpected"),
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


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ({"n": 1, "cmd": "stop", "rt": "main"}, ""),
        ({"n": 1, "cmd": "juggle", "balls": 3}, ""),
        ({"n": 0, "cmd": "juggle"}, "n: 0 is less than"),
        ({"n": 1, "cmd": "stop"}, "'rt' is a required"),
        ({"n": 1, "cmd": "stop", "rt": "main", "kindly": True}, "'kindly' was unexpected"),
        ({"n": 1, "cmd": "start", "rt": "main", "url": "x", "content_type": "xml"}, "content_type: 'xml'"),
    ],
)
def test_commands(line: dict[str, Any], wrong: str) -> None:
    found = schemas.command_errors(line)
    assert bool(found) == bool(wrong)
    assert wrong in found


def test_what_refers_to_itself_is_followed() -> None:
    inner = {"label": "c2", "do": [{"op": "call", "message": {"label": "c3", "pad": 7}}]}
    assert "do/0/message: " in schemas.adapter_errors("probe", {"do": [{"op": "call", "message": inner}]})


def test_ok() -> None:
    assert "'id' is a required" in schemas.ok_errors("subscribe", {})
    assert schemas.ok_errors("start", {"anything": 1}) == ""
