from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from conftest import contract

from parley_conformance import suite
from parley_conformance.model import Case, Kind
from parley_conformance.paths import SUITES
from parley_conformance.workloads import registry

GOOD = """
- id: rpc/one
  title: a call is answered or not
  kind: pair
  covers: [RPC-1]
  parties: {caller: {}, handler: {}}
  steps:
  - do: {caller: {call: {label: c1, to: probe/k, do: [{reply: no}]}}}
"""


def load(folder: Path) -> list[Case]:
    return suite.load(folder, rules=contract().rules, workloads=registry.ALL)


def write(folder: Path, text: str, name: str = "rpc.yaml") -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_the_kits_own_suites_are_as_many_as_promised() -> None:
    cases = load(SUITES)
    kinds = Counter(case.kind for case in cases)
    assert kinds[Kind.PAIR] >= 25
    assert kinds[Kind.BROKER] >= 20
    assert sum(case.kind is Kind.PAIR and set(case.contents) == {"json", "protobuf"} for case in cases) >= 10
    assert {case.family for case in cases} >= {
        "rpc", "pubsub", "timeout", "versioning", "payload", "placement", "hostile",
    }  # fmt: skip


def test_every_workload_is_named_by_a_case() -> None:
    named = {(case.kind, case.workload) for case in load(SUITES) if case.workload}
    assert named == {(kind, name) for kind, known in registry.ALL.items() for name in known}


def test_no_is_a_text_and_false_is_not(tmp_path: Path) -> None:
    (case,) = load(write(tmp_path, GOOD))
    assert case.steps[0]["do"]["caller"]["call"]["do"] == [{"reply": "no"}]
    (case,) = load(write(tmp_path, GOOD.replace("reply: no", "call: {catch: false}")))
    assert case.steps[0]["do"]["caller"]["call"]["do"][0]["call"]["catch"] is False


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (("RPC-1", "RPC-99"), "rpc/one covers RPC-99, which SPEC.md does not have"),
        (("id: rpc/one", "id: rpc/One"), "0/id"),
        (("id: rpc/one", "id: pubsub/one"), "the family is not the file's name"),
        (("kind: pair", "kind: trio"), "trio"),
        (("kind: pair", "kind: sdk"), "'client' is a required property"),
        (("  covers: [RPC-1]\n", ""), "covers"),
        (("- do: {", "- dance: {"), "0/steps/0"),
        (("- do: {caller: {call:", "- see: {caller: {gossip:"), "0/steps/0"),
        (("parties: {caller: {}, handler: {}}", "parties: {caller: {}}"), "handler"),
        (("steps:\n  - do: {caller", "workload: nothing_such\n#  - do: {caller"), "names the workload 'nothing_such'"),
        (("parties: {", "workload: spread\n  parties: {"), "rpc.yaml"),
        (("id: rpc/one", "id: rpc/one: two"), "rpc.yaml"),
    ],
)
def test_what_is_wrong_is_told(tmp_path: Path, change: tuple[str, str], text: str) -> None:
    changed = GOOD.replace(*change)
    assert changed != GOOD
    with pytest.raises(suite.SuiteError) as caught:
        load(write(tmp_path, changed))
    assert text in str(caught.value)


def test_an_id_is_there_once(tmp_path: Path) -> None:
    with pytest.raises(suite.SuiteError, match="rpc/one is there twice"):
        load(write(tmp_path, GOOD + GOOD))
