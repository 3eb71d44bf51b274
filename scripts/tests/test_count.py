import subprocess
import sys
from pathlib import Path

COUNT = Path(__file__).parent.parent / "count"

GOOD = '<testsuites><testsuite><testcase name="a"/><testcase name="b"/></testsuite></testsuites>'
MIXED = (
    '<testsuites><testsuite><testcase name="a"/><testcase name="b"><failure/></testcase>'
    '<testcase name="c"><error/></testcase><testcase name="d"><skipped/></testcase></testsuite></testsuites>'
)


def count(*sources: str) -> tuple[int, list[str]]:
    done = subprocess.run([sys.executable, COUNT, *sources], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return done.returncode, done.stdout.splitlines()


def test_sums_over_files_and_sources(tmp_path: Path) -> None:
    good = tmp_path / "good.xml"
    good.write_text(GOOD)

    assert count(f"x={good},{good}", f"y={good}") == (
        0,
        ["x: 4 passed, 0 failed", "y: 2 passed, 0 failed", "6 passed, 0 failed"],
    )


def test_failures_and_errors_fail_and_skipped_ones_are_named(tmp_path: Path) -> None:
    mixed = tmp_path / "mixed.xml"
    mixed.write_text(MIXED)

    assert count(f"x={mixed}") == (1, ["x: 1 passed, 2 failed, 1 not run", "1 passed, 2 failed"])


def test_a_source_without_tests_fails(tmp_path: Path) -> None:
    empty = tmp_path / "empty.xml"
    empty.write_text("<testsuites/>")

    assert count(f"x={empty}")[0] == 1
    assert count("x=")[0] == 1


def test_a_missing_or_broken_file_fails_and_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "broken.xml"
    broken.write_text("<testsuites>")
    good = tmp_path / "good.xml"
    good.write_text(GOOD)

    for file in (tmp_path / "missing.xml", broken):
        code, lines = count(f"x={good},{file}")
        assert code == 1
        assert str(file) in lines[0]
        assert lines[-1] == "2 passed, 0 failed"
