from __future__ import annotations

from pathlib import Path

import pytest
from conftest import broker_case

from parley_conformance import baseline
from parley_conformance.model import Result, Run, Verdict

RUN = Run(broker_case(id="rpc/a", covers=("RPC-1", "RPC-2")))
OTHER = Run(broker_case(id="rpc/b"))
RULES = {"RPC-1", "RPC-2", "SES-7"}
FIRST, SECOND, BESIDES = ("rpc/a#RPC-1@broker", "rpc/a#RPC-2@broker", "rpc/a#SES-7@broker")


def entry(check: str, signature: str = "number 3") -> str:
    return f"- {{check: {check!r}, reason: known, link: 'https://example.org/1', signature: {signature!r}}}\n"


def made(tmp_path: Path, *entries: str) -> baseline.Baseline:
    file = tmp_path / "known.yaml"
    file.write_text("".join(entries) or "[]")
    return baseline.read([file])


def failed(rule: str = "RPC-1", text: str = "got number  3 where\n2 was due") -> Result:
    return Result(RUN, Verdict.FAIL, text, rule)


def test_a_failure_with_its_signature_is_expected(tmp_path: Path) -> None:
    told = made(tmp_path, entry(FIRST, "number 3 where 2")).applied(failed())
    assert (told.verdict, told.expected) == (Verdict.EXPECTED_FAIL, {FIRST})


def test_another_text_is_another_failure_and_says_so(tmp_path: Path) -> None:
    told = made(tmp_path, entry(FIRST, "number 4")).applied(failed())
    assert told.verdict is Verdict.FAIL
    assert told.reason.endswith("(known.yaml knows of another failure: 'number 4')")


def test_another_rule_is_another_failure(tmp_path: Path) -> None:
    assert made(tmp_path, entry(SECOND)).applied(failed()).verdict is Verdict.FAIL


def test_where_no_rule_is_known_all_checks_must_be_listed(tmp_path: Path) -> None:
    assert made(tmp_path, entry(FIRST)).applied(failed("")).verdict is Verdict.FAIL
    assert made(tmp_path, entry(FIRST), entry(SECOND)).applied(failed("")).verdict is Verdict.EXPECTED_FAIL


@pytest.mark.parametrize("verdict", sorted(set(Verdict) - {Verdict.FAIL}))
def test_nothing_but_a_failure_is_excused(tmp_path: Path, verdict: Verdict) -> None:
    result = Result(RUN, verdict, "got number 3")
    assert made(tmp_path, entry(FIRST), entry(SECOND)).applied(result) is result


@pytest.mark.parametrize("check", [FIRST, BESIDES])
def test_an_entry_whose_check_passes_is_stale(tmp_path: Path, check: str) -> None:
    (text,) = made(tmp_path, entry(check)).wrong([Result(RUN, Verdict.PASS)], [RUN], RULES)
    assert text == f"known.yaml: stale: {check} passes; take the entry out (https://example.org/1)"


def test_an_entry_whose_check_was_not_reached_is_not_stale(tmp_path: Path) -> None:
    known = made(tmp_path, entry(FIRST), entry(BESIDES))
    for result in (failed("RPC-2"), Result(RUN, Verdict.INCONCLUSIVE, "lag"), Result(OTHER, Verdict.PASS)):
        assert known.wrong([result], [RUN, OTHER], RULES) == []


@pytest.mark.parametrize("check", ["rpc/c#RPC-1@broker", "rpc/a#RPC-1@sdk-python", "rpc/a#RPC-99@broker"])
def test_an_entry_for_what_there_is_not_is_unmatched(tmp_path: Path, check: str) -> None:
    (text,) = made(tmp_path, entry(check)).wrong([failed()], [RUN, OTHER], RULES)
    assert text.startswith(f"known.yaml: unmatched: there is no check {check};")


def test_an_entry_outside_of_the_selection_is_not_wrong(tmp_path: Path) -> None:
    assert made(tmp_path, entry("rpc/b#RPC-1@broker")).wrong([failed()], [RUN, OTHER], RULES) == []


def test_a_folder_stands_for_its_files_and_a_check_is_there_once(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(entry(FIRST))
    (tmp_path / "b.yaml").write_text(entry(SECOND))
    assert set(baseline.read([tmp_path]).entries) == {FIRST, SECOND}
    (tmp_path / "c.yaml").write_text(entry(FIRST))
    with pytest.raises(baseline.BaselineError, match=r"c.yaml: rpc/a#RPC-1@broker is there twice"):
        baseline.read([tmp_path])


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("", "is not of type 'array'"),
        ("- check: [", "while parsing"),
        (entry("rpc/a"), "does not match"),
        (entry(FIRST, ""), "signature"),
        ("- {check: 'rpc/a#RPC-1@broker', reason: r, signature: s}", "'link' is a required property"),
    ],
)
def test_a_malformed_file_is_named(tmp_path: Path, content: str, text: str) -> None:
    (tmp_path / "bad.yaml").write_text(content)
    with pytest.raises(baseline.BaselineError, match=f"(?s)bad.yaml: .*{text}"):
        baseline.read([tmp_path / "bad.yaml"])
    with pytest.raises(baseline.BaselineError, match=r"gone.yaml"):
        baseline.read([tmp_path / "gone.yaml"])
