from __future__ import annotations

import re
from pathlib import Path

import pytest

from parley_conformance import scaffold, schemas, smoke
from parley_conformance.broker import BrokerSource
from parley_conformance.languages import discover
from parley_conformance.paths import SCAFFOLDS
from parley_conformance.smoke import Found

READY = [kind for kind in scaffold.KINDS if not kind.build]
COMMANDS = [name.removeprefix("command_") for name in schemas.load("adapter")["$defs"] if name.startswith("command_")]


@pytest.mark.parametrize("kind", READY, ids=lambda kind: kind.name)
async def test_it_starts_at_once_and_says_what_it_lacks(kind: scaffold.Scaffold, tmp_path: Path) -> None:
    folder = tmp_path / "my adapter"
    written = scaffold.write(kind, folder)
    assert folder / "README.md" in written
    language = discover([f"mine={kind.started(folder)}"])["mine"]
    findings = await smoke.look(language, BrokerSource(), tmp_path)
    assert [one.found for one in findings[:6]] == [Found.OK] * 5 + [Found.LACKS], findings
    assert findings[5].title == "start"
    assert {one.found for one in findings} <= {Found.OK, Found.LACKS, Found.NOT_TRIED}
    assert "claims no profile" in findings[0].text


@pytest.mark.parametrize("kind", scaffold.KINDS, ids=lambda kind: kind.name)
def test_each_names_every_command(kind: scaffold.Scaffold) -> None:
    (program,) = [path for path in (SCAFFOLDS / kind.name).iterdir() if path.suffix in (".py", ".cs", ".sh")]
    text = program.read_text(encoding="utf-8")
    assert [name for name in COMMANDS if not re.search(rf"\b(do_)?{name}\b", text)] == []


@pytest.mark.parametrize("kind", scaffold.KINDS, ids=lambda kind: kind.name)
def test_all_that_there_is_to_read_comes_with_it_and_its_links_hold(kind: scaffold.Scaffold, tmp_path: Path) -> None:
    scaffold.write(kind, tmp_path / "rust")
    text = (tmp_path / "rust" / "README.md").read_text(encoding="utf-8")
    assert "@" not in text
    for name in re.findall(r"`(reference/[\w./-]+)`", text):
        assert (tmp_path / "rust" / name).exists(), name
    protocol = tmp_path / "rust" / "reference" / "conformance" / "adapters" / "PROTOCOL.md"
    for link in re.findall(r"\]\(([^)#]+)\)", protocol.read_text(encoding="utf-8")):
        assert (protocol.parent / link).exists(), link


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("precious")
    with pytest.raises(FileExistsError, match="is not empty"):
        scaffold.write(READY[0], tmp_path)
    assert (tmp_path / "mine.py").read_text() == "precious"


@pytest.mark.parametrize(("folder", "name"), [("rust", "rust"), ("my adapter", "my_adapter"), ("3rd", "adapter_3rd")])
def test_the_name_is_one_that_the_kit_takes(folder: str, name: str) -> None:
    assert scaffold.adapter_name(Path(folder)) == name
    assert name in discover([f"{name}=true"])
