import contextlib
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import get_args

import jsonschema

from parley_bench.vocabulary import Kind

BENCH = Path(__file__).parent.parent
SCHEMA = json.loads((BENCH / "schema/results.schema.json").read_text())


def bench(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(BENCH / "run.py"), *arguments],
        capture_output=True, text=True, timeout=100, check=False, **options,  # type: ignore[call-overload]
    )  # fmt: skip


def test_a_quick_run_prints_the_table_and_writes_results_that_validate(tmp_path: Path) -> None:
    output = tmp_path / "results.json"

    done = bench("--quick", "--language", "python", "--output", str(output))

    assert done.returncode == 0, done.stderr
    assert "Calls over every pair of languages" in done.stdout
    assert "Targets" in done.stdout
    results = json.loads(output.read_text())
    jsonschema.validate(results, SCHEMA)
    assert results["length"] == "quick"
    assert {row["case"]["kind"] for row in results["rows"]} == set(get_args(Kind))
    assert results["turns"] == {"planned": 1, "done": 1}
    assert results["missing"] == []
    assert results["versions"]["parley: grpcio"]
    assert any(target["met"] is not None for target in results["targets"])
    assert list(tmp_path.iterdir()) == [output], "the broker's data was left behind"


def of_the_run(folder: Path) -> list[str]:
    """The command lines of processes that name the folder."""
    lines = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            lines.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
    return [line for line in lines if str(folder) in line]


def test_a_run_that_is_told_to_end_takes_its_processes_along(tmp_path: Path) -> None:
    run = subprocess.Popen(
        [sys.executable, BENCH / "run.py", "--language", "python", "--output", tmp_path / "results.json"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    deadline = time.monotonic() + 30
    while not list(tmp_path.glob("data/*/ready.json")):
        assert time.monotonic() < deadline
        time.sleep(0.01)

    run.terminate()
    said, _ = run.communicate(timeout=30)

    assert run.returncode == 1
    assert "stopped by SIGTERM" in said
    assert of_the_run(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_a_scenario_that_is_not_there_is_named_with_those_that_are() -> None:
    done = bench("--quick", "--scenario", "atlantis")

    assert done.returncode == 1
    assert "no scenario 'atlantis' in a quick run; there are calls, " in done.stderr


def test_a_language_that_is_not_here_is_named(tmp_path: Path) -> None:
    done = bench("--quick", "--language", "dotnet", "--output", str(tmp_path / "results.json"), env={"PATH": ""})

    assert done.returncode == 1
    assert "--language dotnet: there is no dotnet here" in done.stderr


def test_two_files_are_compared_and_the_exit_code_says_whether_it_is_slower(tmp_path: Path) -> None:
    case = {"kind": "call", "caller": "python", "host": "python", "content": "json", "size": 256, "in_flight": 1}
    for name, rate in (("old", 1000), ("new", 500)):
        spread = dict.fromkeys(("median", "min", "q1", "q3", "max"), rate)
        rows = [{"case": case, "per_second": spread}]
        (tmp_path / name).write_text(json.dumps({"format": 2, "machine": {}, "seconds": 1, "rows": rows}))

    slower = bench("compare", str(tmp_path / "old"), str(tmp_path / "new"))
    faster = bench("compare", str(tmp_path / "new"), str(tmp_path / "old"))

    assert (slower.returncode, faster.returncode) == (1, 0)
    assert "1 of 1 cases became slower" in slower.stdout
    assert "0 of 1 cases became slower" in faster.stdout


def test_a_commit_to_compare_with_that_is_not_there_is_named(tmp_path: Path) -> None:
    done = bench("compare", "no-such-commit", "--output", str(tmp_path / "compared.json"))

    assert done.returncode == 1
    assert "no commit 'no-such-commit'" in done.stderr
