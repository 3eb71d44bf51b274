from __future__ import annotations

import pytest
from samples import ALONE, ECHO, LEFT_OUT, WRONG, failing, results, run

from parley_conformance.reports import view


def test_the_first_screen_names_rule_party_message_and_command() -> None:
    shown = view.make(failing(), messages={WRONG: "what was said"})
    assert (shown.verdict, shown.headline) == ("fail", "Does not conform")
    assert shown.sentence == "4 runs: 2 passed, 1 failed, 1 not run."
    (problem,) = shown.problems
    assert [rule.text for rule in problem.rules] == ["Ids of **two** callers never meet."]
    assert problem.certain
    assert problem.party == "caller (the python SDK)"
    assert problem.message == "what was said"
    assert problem.reason == "caller: c1 got the reply to c2 <&>"
    assert problem.runs[0]["repeat"] == f"parley-conformance run --keep '{WRONG}'"
    assert shown.left_out == (("dotnet is not installed", 1),)


def test_what_one_party_broke_in_one_case_is_one_problem_and_what_is_certain_comes_first() -> None:
    vague = [run(f"a/b[python-{x}-json]", "fail", reason=f"{x} is late") for x in ("python", "dotnet")]
    lag = run("a/c[broker]", "inconclusive", reason="too slow")
    named = run("a/d[dotnet-python-json]", "fail", reason="wrong", rule="RPC-2", party="broker")
    shown = view.make(results(lag, *vague, named, exit_code=1))
    assert [(p.verdict, p.case, len(p.runs), p.certain) for p in shown.problems] == [
        ("fail", "a/d", 1, True),
        ("fail", "a/b", 2, False),
        ("inconclusive", "a/c", 1, False),
    ]
    assert [rule.id for rule in shown.problems[1].rules] == ["RPC-1", "RPC-2"]


@pytest.mark.parametrize(
    ("name", "party", "told"),
    [
        ("a/b[broker]", "", "the broker"),
        ("a/b[sdk-dotnet]", "client", "the dotnet SDK"),
        ("a/b[python-dotnet-json]", "handler", "handler (the dotnet SDK)"),
        ("a/b[python-dotnet-json]", "broker", "the broker"),
        ("a/b[python-dotnet-json]", "", "cannot be said: python SDK, broker or dotnet SDK"),
    ],
)
def test_who_broke_it(name: str, party: str, told: str) -> None:
    assert view.party_in_words(run(name, "fail", reason="no", party=party)) == told


def test_nobody_is_blamed_for_what_did_not_fail() -> None:
    assert view.party_in_words(run("a/b[broker]", "harness-error", reason="hangs")) == ""
    assert view.party_in_words(run("a/b[python-dotnet-json]", "unsupported", reason="lacks x")) == ""


def test_the_matrix_has_families_by_parties_and_sums() -> None:
    shown = view.make(failing())
    assert shown.columns == ("python→python", "python→dotnet", "dotnet→python", "broker", "all")
    rows = dict(shown.matrix)
    assert list(rows) == ["rpc", "pubsub", "all"]
    assert [None if cell is None else (cell.passed, cell.planned, cell.worst) for cell in rows["rpc"]] == [
        *((1, 1, "pass"), (0, 1, "fail"), (0, 1, "not-run")),
        *(None, (1, 3, "fail")),
    ]
    assert rows["all"][-1] == view.Cell(2, 4, (("fail", 1), ("not-run", 1)))


def test_rules_have_their_cases_and_the_mutants_that_these_kill() -> None:
    kills = {"rules": [{"checks": [{"check": "rpc/echo#RPC-2", "mutants": ["reply_to_the_wrong_caller"]}]}]}
    rules = {one.rule.id: one.cases for one in view.make(failing(), kills).rules}
    assert rules["RPC-1"] == (("rpc/echo", "fail", ()),)
    assert rules["RPC-2"] == (("rpc/echo", "fail", ("reply_to_the_wrong_caller",)),)
    assert rules["PUB-1"] == (("pubsub/stored", "pass", ()),)


@pytest.mark.parametrize(
    ("code", "headline"), [(0, "What was run conforms"), (2, "Could not be judged"), (3, "Inconclusive")]
)
def test_the_exit_code_is_the_verdict(code: int, headline: str) -> None:
    shown = view.make(results(run(ECHO), exit_code=code))
    assert (shown.headline, shown.sentence) == (headline, "The one run passed.")


def test_it_conforms_only_if_everything_was_run() -> None:
    plan = {"filters": {}, "length": "default", "part": "1/1", "jobs": 2, "required": []}
    left = run(LEFT_OUT, "not-run", reason="dotnet is not installed")
    assert view.make(results(run(ECHO), plan=plan)).headline == "Conforms"
    assert view.make(results(run(ECHO), plan=plan | {"part": "1/4"})).headline == "What was run conforms"
    assert view.make(results(run(ECHO), left, plan=plan)).headline == "What was run conforms"


def test_facts_say_how_it_was_run() -> None:
    facts = dict(view.make(failing()).facts)
    assert facts["plan"] == "families rpc, part 1/2; 2 at a time"
    assert facts["machine"] == "Linux x86_64, 2 processors, Python 3.11.7"
    assert facts["took"] == "1 min 1 s"
    assert "dotnet adapter" not in facts


def test_anchors_differ_where_names_do() -> None:
    names = [ECHO, WRONG, LEFT_OUT, ALONE, "a/b-c[broker]", "a-b/c[broker]"]
    anchors = view.make(results(*(run(name) for name in names))).anchors
    assert len(set(anchors.values())) == len(names)
    assert anchors[ECHO] == "rpc-echo-python-python-json"


@pytest.mark.parametrize(
    ("milliseconds", "told"), [(7, "7 ms"), (999.6, "1000 ms"), (1500, "1.5 s"), (372_000, "6 min 12 s")]
)
def test_durations(milliseconds: float, told: str) -> None:
    assert view.duration(milliseconds) == told


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("It ends. Then more.", "It ends."),
        ("It is bounded; it stays. More.", "It is bounded"),
        ("`a.b` is 1.5 s of e.g. this", "`a.b` is 1.5 s of e.g. this"),
    ],
)
def test_the_first_sentence(text: str, first: str) -> None:
    assert view.first_sentence(text) == first
