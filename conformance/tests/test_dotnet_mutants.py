"""The bugs of `mutants/dotnet/`: each has its checks, and its patch applies to the SDK as it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import program

from parley_conformance.paths import MUTANTS


@pytest.fixture(scope="module")
def launcher() -> Any:
    return program(MUTANTS / "dotnet.py")


def test_every_bug_has_its_checks_and_wakes_by_its_name() -> None:
    named = {one["mutant"] for one in yaml.safe_load((MUTANTS / "dotnet.yaml").read_text(encoding="utf-8"))}
    patches = {path.stem: path.read_text(encoding="utf-8") for path in (MUTANTS / "dotnet").glob("*.patch")}
    assert set(patches) == named
    for name, text in patches.items():
        assert f'Mutant.Is("{name}")' in text
        assert text.count("Mutant.Is(") == text.count(f'Mutant.Is("{name}")')


def test_every_patch_applies_to_the_sources_as_they_are(launcher: Any, tmp_path: Path) -> None:
    launcher.patched(tmp_path, sorted(launcher.PATCHES.glob("*.patch")))
    assert (tmp_path / launcher.PROJECT / "ParleyAdapter.csproj").exists()
    assert not list(tmp_path.rglob("bin"))


def test_patches_that_no_longer_apply_are_all_named(launcher: Any, tmp_path: Path) -> None:
    file = "dotnet/src/Parley/Agents/IAgent.cs"
    stale = f"--- a/{file}\n+++ b/{file}\n@@ -1,2 +1,2 @@\n-what was there once\n+what is there\n namespace Parley;\n"
    for name in ("first", "second"):
        (tmp_path / f"{name}.patch").write_text(stale)
    (tmp_path / "copy").mkdir()
    with pytest.raises(launcher.PatchError) as raised:
        launcher.patched(tmp_path / "copy", [tmp_path / "first.patch", tmp_path / "second.patch"])
    assert "first.patch no longer applies to dotnet/src:\nerror: patch failed" in str(raised.value)
    assert "second.patch no longer applies" in str(raised.value)


def test_what_is_alike_in_the_copy_is_left_alone_and_what_is_gone_is_not(launcher: Any, tmp_path: Path) -> None:
    source, copy = tmp_path / "source", tmp_path / "copy"
    for name, text in {"a.cs": "a", "b.cs": "b", "p/c.cs": "c"}.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(text)
    launcher.bring(source, copy)
    (copy / "obj").mkdir()
    (copy / "obj" / "made.cs").write_text("made")
    before = (copy / "a.cs").stat().st_mtime_ns
    (source / "b.cs").write_text("B")
    (source / "p/c.cs").unlink()
    launcher.bring(source, copy)
    assert (copy / "a.cs").stat().st_mtime_ns == before
    assert (copy / "b.cs").read_text() == "B"
    assert not (copy / "p/c.cs").exists()
    assert (copy / "obj/made.cs").exists()
