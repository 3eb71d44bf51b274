from __future__ import annotations

import pytest

from parley_conformance import schemas, script


def test_the_short_form_becomes_the_protocols() -> None:
    assert script.message(
        {"label": "c1", "do": [{"gate": "g"}, {"add": 3}, {"reply": {"how": "last"}}], "pad_bytes": 3}
    ) == {
        "type": "probe",
        "value": {
            "label": "c1",
            "do": [{"op": "gate", "text": "g"}, {"op": "add", "number": 3}, {"op": "reply", "how": "last"}],
            "pad": "xxx",
        },
    }


def test_calls_in_calls() -> None:
    step = script.step(
        {"call": {"to": "b/k", "label": "c2", "catch": True, "do": [{"publish": {"to": "t/k", "label": "e1"}}]}}
    )
    assert step == {
        "op": "call",
        "to": "b/k",
        "catch": True,
        "message": {"label": "c2", "do": [{"op": "publish", "to": "t/k", "message": {"label": "e1", "do": []}}]},
    }


def test_values_of_other_types() -> None:
    assert script.message({"label": "c", "type": "versioned", "value": {"version": 2}})["value"]["version"] == 2
    assert script.message({"label": "c", "type": "stranger"}) == {"type": "stranger", "value": {"label": "c"}}
    assert script.message({"label": "c", "type": "Texts", "value": {"text": "a"}}) == {
        "type": "Texts",
        "value": {"text": "a"},
    }


def test_gates_at_any_depth() -> None:
    value = script.probe({"do": [{"gate": "a"}, {"call": {"to": "x/y", "label": "l", "do": [{"gate": "b"}]}}]})
    assert list(script.gates(value)) == ["a", "b"]


def test_a_step_has_one_op() -> None:
    with pytest.raises(ValueError, match="exactly one op"):
        script.step({"reply": "a", "add": 1})


def test_nesting_through_several_agents() -> None:
    short = script.nest(["a/1", "b/2", "c/3"], "n", [{"reply": "deep"}], catch=True)
    assert (short["to"], short["label"]) == ("a/1", "n.0")
    inner = short["do"][0]["call"]
    assert (inner["to"], inner["label"], inner["catch"]) == ("b/2", "n.1", True)
    last = inner["do"][0]["call"]
    assert (last["to"], last["do"]) == ("c/3", [{"reply": "deep"}])
    command = {"n": 1, "cmd": "call", "rt": "main", "label": "n.0", "to": "a/1", "message": script.message(short)}
    assert schemas.adapter_errors("command", command) == ""
