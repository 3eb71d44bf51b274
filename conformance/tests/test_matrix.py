from __future__ import annotations

from conftest import contract
from test_kills import CASE, PASSED, failed, kill

from parley_conformance import spec
from parley_conformance.model import Verdict
from parley_conformance.mutation import matrix
from parley_conformance.mutation.kills import Kill

RULES = {rule: contract().rules[rule] for rule in ("RPC-1", "RPC-2", "ID-3")}


def content(*kills: Kill, rules: dict[str, spec.Rule] = RULES) -> dict:
    return matrix.as_json(kills, [CASE], rules, {"ID-3": ["test_ids.py"]}, 1500)


def test_rules_with_their_checks_and_mutants() -> None:
    made = content(kill(failed()))
    assert made["summary"] == {"killed": 1, "survived": 0, "unreached": 0, "no-control": 0, "not-run": 0}
    assert [(one["rule"], one["checks"]) for one in made["rules"]] == [
        ("RPC-1", [{"check": "rpc/made-up#RPC-1", "mutants": []}]),
        ("RPC-2", [{"check": "rpc/made-up#RPC-2", "mutants": ["a_bug"]}]),
        ("ID-3", []),
    ]
    assert made["toothless"] == ["rpc/made-up#RPC-1"]
    assert made["by_tests_alone"] == ["ID-3"]


def test_survivors_are_told_first() -> None:
    text = matrix.as_markdown(content(kill(failed()), kill(PASSED)))
    assert "1 mutants, 2 expected kills: 1 killed, 1 survived." in text
    assert "| a_bug | rpc/made-up#RPC-2@broker | survived | the run is pass |" in text
    assert "MUST checks of core, durable, state that caught none (1):\n\n- rpc/made-up#RPC-1\n" in text
    assert "| RPC-2 | rpc/made-up | a_bug |" in text


def test_each_kill_is_a_test_case() -> None:
    xml = matrix.as_junit([kill(failed()), kill(PASSED), kill(failed(verdict=Verdict.NOT_RUN))])
    xml.update_statistics()
    assert (xml.tests, xml.failures, xml.skipped) == (3, 1, 1)


def test_a_check_may_be_excused_and_an_excuse_may_be_stale() -> None:
    uncaught = {"rpc/made-up#RPC-1": "It | cannot.", "rpc/made-up#RPC-2": "It could not."}
    made = matrix.as_json([kill(failed())], [CASE], RULES, {}, 1500, uncaught)
    assert made["toothless"] == []
    assert [(one["check"], one["stale"]) for one in made["uncaught"]] == [
        ("rpc/made-up#RPC-1", False),
        ("rpc/made-up#RPC-2", True),
    ]
    assert matrix.lacking(made) == [
        "rpc/made-up#RPC-2 need not be in uncaught.yaml: it caught a mutant, or is no such check"
    ]
    assert "| rpc/made-up#RPC-1 | It \\| cannot. |  |" in matrix.as_markdown(made)
    bare = content(kill(failed()))
    assert matrix.lacking(bare) == ["rpc/made-up#RPC-1 is a check of a MUST rule and caught no mutant"]
