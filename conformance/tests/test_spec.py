from __future__ import annotations

from pathlib import Path

import pytest

from parley_conformance import spec


def test_the_specification_is_read_whole() -> None:
    contract = spec.read()
    assert len(contract.rules) > 100
    assert contract.rules["RPC-9"].level == "MUST"
    assert contract.rules["RPC-9"].profile == "core"
    # The second line of a rule belongs to it.
    assert "late reply is dropped" in contract.rules["RPC-9"].text


def test_flags_may_have_exceptions() -> None:
    reasons = spec.read().reasons
    assert reasons["NO_RESPONDERS"] == spec.Flags(frozenset({True}), frozenset({False}))
    assert reasons["DEADLINE_EXCEEDED"].may_have_run == {True, False}
    assert reasons["RESOURCE_EXHAUSTED"].retryable == {True, False}
    assert len(reasons) == 25


def test_another_file_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "README.md"
    other.write_text("# Something else\n")
    with pytest.raises(ValueError, match=r"README\.md .* not Parley's SPEC"):
        spec.read(other)
