from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner
from samples import failing

from parley_conformance.cli import main


def test_reports_are_made_again(tmp_path: Path) -> None:
    source = tmp_path / "results.json"
    source.write_text(json.dumps(failing()))
    ended = CliRunner().invoke(main, ["report", str(source), "--out", str(tmp_path / "again")])
    assert ended.exit_code == 0, ended.output
    names = [Path(line).name for line in ended.output.split()]
    assert names == ["report.html", "summary.md", "badge.svg"]
    assert sorted(path.name for path in (tmp_path / "again").iterdir()) == sorted(names)


def test_what_is_no_results_file_is_refused(tmp_path: Path) -> None:
    for text, told in (("{", "is no JSON"), ('{"format": 1}', "is no results.json of this kit's format")):
        source = tmp_path / "results.json"
        source.write_text(text)
        ended = CliRunner().invoke(main, ["report", str(source)])
        assert ended.exit_code == 2
        assert told in ended.output
