from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner
from conftest import fake_adapter

from parley_conformance import smoke
from parley_conformance.cli import main
from parley_conformance.cli.smoke import code_of, conclusion
from parley_conformance.smoke import Finding, Found

FINE = Finding("hello", Found.OK, "", "")
LACKS = Finding("cancel", Found.LACKS, "no such command", "fire the token")
WRONG = Finding("call", Found.SDK, "expected outcome", "run the steps")
BROKEN = Finding("ping", Found.BROKEN, "no answer", "answer ping")


@pytest.mark.parametrize(
    ("findings", "code", "text"),
    [
        ([FINE], 0, "next: parley-conformance run --adapter 'mine=my program' --pair mine-mine"),
        ([FINE, LACKS], 0, "It lacks: cancel.\nnext: cancel: fire the token"),
        ([FINE, LACKS, WRONG], 1, "Your adapter speaks the protocol; what its SDK did"),
        ([FINE, WRONG, BROKEN], 2, "Your adapter is broken: nothing can be said of its SDK.\nnext: ping: answer ping"),
    ],
)
def test_what_it_comes_to(findings: list[Finding], code: int, text: str) -> None:
    assert code_of(findings) == code
    assert text in "\n".join(conclusion("mine", "mine=my program", findings))


def test_the_report(monkeypatch: pytest.MonkeyPatch) -> None:
    async def look(*_: object) -> list[Finding]:
        return [FINE, WRONG, LACKS]

    monkeypatch.setattr(smoke, "look", look)
    done = CliRunner().invoke(main, ["smoke", "--adapter", "mine=x"])
    assert done.exit_code == 1
    lines = done.output.splitlines()
    assert lines[:3] == [
        " 1 ok        hello",
        " 2 SDK       call: expected outcome",
        " 3 lacks     cancel: no such command",
    ]


def test_a_broken_one_for_real() -> None:
    adapter = shlex.join(fake_adapter("dies-at-once"))
    done = CliRunner().invoke(main, ["smoke", "--adapter", f"mine={adapter}"])
    assert done.exit_code == 2, done.output
    assert " 1 BROKEN    hello: the adapter of mine ended with exit code 1 before it dialled" in done.output
    assert "the SDK cannot be loaded" in done.output


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--adapter", "cobol"], "there is no adapter 'cobol'"),
        (["--adapter", "=x"], "NAME=COMMAND"),
        ([], "--adapter"),
        (["--adapter", "mine=x", "--broker", "false"], "there is no broker to look with"),
    ],
)
def test_what_cannot_be_looked_at(arguments: list[str], text: str) -> None:
    done = CliRunner().invoke(main, ["smoke", *arguments])
    assert done.exit_code == 2
    assert text in done.output


def test_what_was_looked_at_is_kept_where_it_is_asked_for(tmp_path: Path) -> None:
    adapter, out = shlex.join(fake_adapter("dies-at-once")), tmp_path / "new" / "folder"
    done = CliRunner().invoke(main, ["smoke", "--adapter", f"mine={adapter}", "--out", str(out)])
    assert done.exit_code == 2, done.output
    assert [path.name for path in out.glob("*.log")]
