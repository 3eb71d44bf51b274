from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import fake_launcher, pair_case

from parley_conformance import languages
from parley_conformance.broker import Broker
from parley_conformance.model import Failed, Run
from parley_conformance.pair_case import Table
from parley_conformance.timing import LagMeter
from parley_conformance.workloads import vectors


def test_there_are_good_vectors_for_both_content_types() -> None:
    for content in ("json", "protobuf"):
        told = list(vectors.good(content))
        assert len(told) > 20
        assert all(vectors.same(vector["value"], vector["value"]) for vector in told)


@pytest.mark.parametrize(
    ("expected", "actual"),
    [
        ({"a": 0.5, "b": [1, 2]}, {"b": [1.0, 2.0], "a": 0.5}),
        ({"$int": "9007199254740993"}, {"$int": "9007199254740993"}),
        ({"$int": "7"}, 7),
        ({"$float": "NaN"}, {"$float": "NaN"}),
        ({"$float": "1.5"}, 1.5),
        ({"$json": "[1, null]"}, {"$json": "[1,null]"}),
        ({"$time": "2026-11-22T16:40:05.5+00:00"}, {"$time": "2026-11-22T16:40:05.500000+00:00"}),
        ({"$map": [["a", 1]]}, {"$map": [["a", 1]]}),
        ({"$bytes": "AAE="}, {"$bytes": "AAE="}),
        (None, None),
    ],
)
def test_equal_values(expected: Any, actual: Any) -> None:
    assert vectors.same(expected, actual)


@pytest.mark.parametrize(
    ("expected", "actual"),
    [
        ({"a": 1}, {"a": 1, "b": None}),
        ({"a": None}, {}),
        (True, 1),
        ("1", 1),
        ({"$int": "9007199254740993"}, {"$int": "9007199254740992"}),
        ({"$time": "2026-11-22T16:40:05+00:00"}, {"$time": "2026-11-22T17:40:05+01:00"}),
        ({"$json": "[1]"}, {"$json": "[2]"}),
        ([1, 2], [1]),
        (0.1, 0.10000000149011612),
    ],
)
def test_values_that_differ(expected: Any, actual: Any) -> None:
    assert not vectors.same(expected, actual)


@pytest.mark.parametrize(
    ("expected", "actual"),
    [
        (b'{"a": 1, "b": 2.0}', b'{"b":2,"a":1}'),
        (b'{"a": 2.0}', b'{"a": 2e0}'),
        (b'"\\u00e4"', '"ä"'.encode()),
        (b"[9007199254740993]", b"[9007199254740993]"),
        (b"null", b" null "),
    ],
)
def test_json_that_says_the_same(expected: bytes, actual: bytes) -> None:
    assert vectors.same_json(expected, actual)


@pytest.mark.parametrize(
    ("expected", "actual"),
    [
        (b'{"a": 1}', b'{"a": 1.0}'),
        (b'{"a": 1}', b'{"a": 1, "a": 1}'),
        (b'{"a": 1}', b'{"a": "1"}'),
        (b'{"a": "1"}', b'{"a": 1}'),
        (b'{"a": 0.1}', b'{"a": 0.10000000000000001}'),
        (b'{"a": null}', b"{}"),
        (b'{"a": 0.5}', b'{"a": NaN}'),
        (b'"a"', b'"a" trailing'),
        (b"[1, 2]", b"[2, 1]"),
    ],
)
def test_json_that_differs(expected: bytes, actual: bytes) -> None:
    assert not vectors.same_json(expected, actual)


VECTOR: dict[str, Any] = {
    "id": "made-up",
    "rules": ["JSON-6"],
    "type": "Texts",
    "content_type": "application/json",
    "value": {"text": "a"},
}


@pytest.mark.parametrize(
    ("vector", "text"),
    [
        ({"encoded": {"text": '{"text":"a"}'}, "inputs": [{"text": '{"text": "a", "more": 1}'}]}, ""),
        ({"encoded": {"text": '{"text":"b"}'}}, "made-up: expected {'text': .*, got b'"),
        ({"inputs": [{"text": '{"text": "b"}'}]}, "was read as"),
        ({"error": {"reason": "INVALID_ARGUMENT"}}, "expected encode to be refused with INVALID_ARGUMENT"),
        ({"value": None, "inputs": [{"text": "{}"}], "error": {"reason": "MALFORMED_PAYLOAD", "names": "text"}}, ""),
        ({"value": None, "inputs": [{"text": "{}"}], "error": {"reason": "INVALID_ARGUMENT"}}, "got MALFORMED_PAYLOAD"),
        (
            {"value": None, "inputs": [{"text": '{"text": ""}'}], "error": {"reason": "X"}},
            "expected decode to be",
        ),
        ({"needs": ["telepathy"], "encoded": {"text": "nonsense"}}, ""),
    ],
)
async def test_vectors_are_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, vector: dict[str, Any], text: str
) -> None:
    made = {name: value for name, value in {**VECTOR, **vector}.items() if value is not None}
    (tmp_path / "json.json").write_text(json.dumps({"vectors": [made]}))
    monkeypatch.setattr(vectors, "VECTORS", tmp_path)
    broker = await Broker.launch(fake_launcher(), {}, tmp_path)
    case = pair_case(steps=(), parties={"caller": {}, "handler": {"late": True}})
    commands = {"python": languages.discover()["python"].command}
    table = Table(broker, Run(case, "python", "python", "json"), commands, tmp_path, LagMeter())
    try:
        await table.launch("caller")
        if text:
            with pytest.raises(Failed, match=text):
                await vectors.alone(table)
        else:
            await vectors.alone(table)
    finally:
        await table.close()
        await broker.close()
