from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import pair_case

from parley_conformance import profiles, spec
from parley_conformance.model import HarnessError
from parley_conformance.paths import ADAPTERS, PROFILES

NOW = profiles.current()


def test_the_specification_is_as_the_newest_revision_froze_it() -> None:
    assert profiles.changes(NOW, spec.read().rules) == []


def test_a_rule_that_joins_leaves_or_changes_is_told() -> None:
    rules = spec.read().rules
    changed = {**rules, "RPC-1": replace(rules["RPC-1"], level="MAY"), "RPC-99": replace(rules["RPC-1"], id="RPC-99")}
    del changed["STA-1"]
    assert profiles.changes(NOW, changed) == [
        "RPC-1: core MUST both in revision 1, core MAY both in SPEC.md",
        "RPC-99: not there in revision 1, core MUST both in SPEC.md",
        "STA-1: state MUST both in revision 1, not there in SPEC.md",
    ]


def test_a_clearer_text_is_no_change() -> None:
    rules = spec.read().rules
    assert profiles.changes(NOW, {**rules, "RPC-1": replace(rules["RPC-1"], text="Clearer.")}) == []


@pytest.mark.parametrize("path", sorted(PROFILES.glob("*.yaml")), ids=lambda path: path.stem)
def test_each_file_is_named_as_its_revision(path: Path) -> None:
    assert f"revision: {path.stem}\n" in path.read_text(encoding="utf-8")


def test_the_newest_revision_counts(tmp_path: Path) -> None:
    for revision in (2, 10, 9):
        text = f"revision: {revision}\nprofiles: {{core: {{}}}}\ncapabilities: {{}}\n"
        (tmp_path / f"{revision}.yaml").write_text(text)
    assert profiles.current(tmp_path).revision == 10


@pytest.mark.parametrize(
    ("covers", "requires", "of"),
    [
        (("RPC-1",), (), ("core",)),
        (("RPC-1",), ("resume",), ("core", "durable")),
        (("SES-9", "RPC-1"), (), ("core", "durable")),
        (("STA-1",), ("state", "resume"), ("durable", "state")),
        (("SES-9",), ("probe_v2",), ("core", "durable")),
    ],
)
def test_the_profiles_of_a_case(covers: tuple[str, ...], requires: tuple[str, ...], of: tuple[str, ...]) -> None:
    assert NOW.of(pair_case(covers=covers, requires=requires)) == of


@pytest.mark.parametrize(
    ("claimed", "tried", "counts"),
    [(("core", "durable"), True, True), (("core",), False, False), ((), False, False), (("durable",), True, False)],
)
def test_what_a_claim_means_for_a_case_of_core_and_durable(claimed: tuple[str, ...], tried: bool, counts: bool) -> None:
    case = pair_case(covers=("RPC-1", "SES-9"))
    assert (NOW.untried(case, claimed) == [], NOW.counts(case, claimed)) == (tried, counts)
    by_the_user = replace(case, claimed=True)
    assert (NOW.untried(by_the_user, claimed), NOW.counts(by_the_user, claimed)) == ([], True)


def test_core_is_tried_by_capabilities_whoever_claims_it() -> None:
    assert NOW.untried(pair_case(), ()) == []
    assert not NOW.counts(pair_case(), ())


def test_who_announces_nothing_claims_everything() -> None:
    assert NOW.claimed(None, "mine") == {"core", "durable", "state"}
    assert NOW.claimed([], "mine") == frozenset()
    with pytest.raises(HarnessError, match="mine claims the profile 'gold'; there are core, durable, state"):
        NOW.claimed(["core", "gold"], "mine")


def test_the_protocol_says_the_same_of_each_capability() -> None:
    text = (ADAPTERS / "PROTOCOL.md").read_text(encoding="utf-8")
    table = text[text.index("\n| capability |") : text.index("A **profile** is")]
    rows = re.findall(r"^\| (`[\w-]+`(?:, `[\w-]+`)*) \| [^|]+ \| (\w+) \|$", table, re.M)
    told = {name: profile for names, profile in rows for name in re.findall(r"`([\w-]+)`", names)}
    assert len(told) > 20
    assert {name for name in told if told[name] != "core"} == set(NOW.capabilities)
    assert all(NOW.capabilities.get(name, "core") == profile for name, profile in told.items())
