import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

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
    assert "call, one at a time" in done.stdout
    assert "python → python" in done.stdout
    results = json.loads(output.read_text())
    jsonschema.validate(results, SCHEMA)
    assert results["quick"] is True
    assert {(row["kind"], row["in_flight"], row["size"]) for row in results["rows"]} == {
        (kind, in_flight, size)
        for kind, in_flight in (("call", 1), ("call", 64), ("publish-stored", 64), ("publish-ephemeral", 64))
        for size in (256, 16384)
    }
    assert list(tmp_path.iterdir()) == [output], "the broker's data was left behind"


def test_the_schema_refuses_a_row_without_a_content() -> None:
    row = {"kind": "call", "in_flight": 1, "caller": "python", "host": "python", "size": 256}

    with pytest.raises(jsonschema.ValidationError, match="'json' is a required property"):
        jsonschema.validate(row, {"$ref": "#/$defs/row", "$defs": SCHEMA["$defs"]})


def test_a_language_that_is_not_here_is_named(tmp_path: Path) -> None:
    done = bench("--quick", "--language", "dotnet", "--output", str(tmp_path / "results.json"), env={"PATH": ""})

    assert done.returncode == 1
    assert "--language dotnet: there is no dotnet here" in done.stderr
