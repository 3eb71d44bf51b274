import json
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from parley_bench.processes import BENCH
from parley_bench.report import plots
from parley_bench.report.page import ReportError, read, render
from parley_bench.report.view import bends, number, view

MACHINE = {"system": "Linux", "processor": "<fast>", "cores": 2, "memory_bytes": 8 * 2**30}
CASE = {
    "scenario": "calls", "kind": "call", "system": "parley", "caller": "python", "host": "python", "content": "json",
    "size": 256, "in_flight": 64, "storage": "sqlite", "rate": 0, "agents": 1, "subscribers": 1, "beside": 0,
}  # fmt: skip


def spread(median: float) -> dict[str, float]:
    return {"median": median, "min": median / 2, "q1": median * 0.9, "q3": median * 1.1, "max": median * 2}


def row(per_second: float, **case: Any) -> dict[str, Any]:
    times = {name: spread(1500) for name in ("p50_us", "p99_us", "p999_us")}
    cpu = {process: spread(20) for process in ("server", "caller", "host")}
    return {"case": CASE | case, "per_second": spread(per_second), **times, "cpu_us": cpu, "rounds": [{}] * 5}


def target(name: str, met: bool | None) -> dict[str, Any]:
    measured = None if met is None else spread(0.95)
    return {
        "id": name, "text": f"the {name} one", "value": "per_second", "of": None, "to": None, "bound": "at_least",
        "limit": 0.9, "measured": measured, "met": met, "why": "no server" if met is None else "",
    }  # fmt: skip


def point(at: int, speed: float, to_first: float) -> dict[str, Any]:
    times = {name: spread(1500) for name in ("p50_us", "p99_us", "broker_cpu_us")}
    return {"at": at, "per_second": spread(speed), "to_first": spread(to_first), "worst_us": 9000,
            "grow_seconds": 1, "bytes_each": 570, **times}  # fmt: skip


def curve(name: str, *points: dict[str, Any]) -> dict[str, Any]:
    return {"id": name, "title": name.title(), "axis": "things", "unit": "calls/s", "each": "thing",
            "points": list(points)}  # fmt: skip


def file(**more: Any) -> dict[str, Any]:
    return {
        "format": 2, "commit": "0123456789abcdef", "date": "2026-11-23T00:00:00+00:00", "machine": MACHINE,
        "versions": {"python": "3.11"}, "length": "short", "seconds": 0.5, "turns": {"planned": 5, "done": 5},
        "missing": [], "rows": [], "ratios": [], "targets": [], **more,
    }  # fmt: skip


def test_the_headline_counts_what_was_measured() -> None:
    shown = view([file(targets=[target("a", True), target("b", False), target("c", None)])], {})

    assert shown.headline == "1 of 2 targets met, 1 not measured"
    assert [(aim.verdict, aim.promised, aim.measured) for aim in shown.aims] == [
        ("met", "≥ 0.9", "0.95"), ("missed", "≥ 0.9", "0.95"), ("not measured", "≥ 0.9", ""),
    ]  # fmt: skip


def test_a_target_that_one_file_measured_is_not_lost_to_one_that_did_not() -> None:
    shown = view([file(targets=[target("a", True)]), file(targets=[target("a", None)])], {})

    assert [aim.verdict for aim in shown.aims] == ["met"]


def test_rows_are_named_by_where_they_differ() -> None:
    rows = [row(100), row(200, system="nats", storage="own"), row(300, in_flight=512)]
    (section,) = view([file(rows=rows)], {"calls": "Calls"}).sections

    assert (section.title, section.unit) == ("Calls", "per second")
    assert [line.label for line in section.lines] == [
        "parley, 64 in flight", "nats, 64 in flight", "parley, 512 in flight",
    ]  # fmt: skip
    assert section.lines[0].cells == ("100", "90 … 110", "1.50", "1.50", "1.50", "20 / 20 / 20", "5")


def test_one_at_a_time_is_told_by_its_time() -> None:
    (section,) = view([file(rows=[row(100, in_flight=1)])], {}).sections

    assert section.unit == "µs to the answer, p50"
    assert section.lines[0].value["median"] == 1500


def test_what_bends_first_comes_first() -> None:
    flat = curve("agents", point(10, 100, 1), point(100, 97, 0.97))
    bent = curve("subscriptions", point(10, 100, 1), point(100, 85, 0.85), point(1000, 40, 0.4))
    payload = curve("payload", point(64, 100, 1), point(1024, 1, 0.01))

    assert bends([flat, bent, payload]) == (
        "Subscriptions: falls below 90% at 100 things; 0.40 × at 1,000",
        "Agents: stays above 90%; 0.97 × at 100",
    )


@pytest.mark.parametrize(
    ("value", "shown"), [(1234567.8, "1,234,568"), (99.95, "100"), (0.9512, "0.951"), (12.34, "12.3")]
)
def test_numbers_have_three_digits(value: float, shown: str) -> None:
    assert number(value) == shown


def everything() -> str:
    scaling = {
        "curves": [curve("agents", point(10, 100, 1), point(100, 97, 0.97)), curve("payload", point(64, 9, 1))],
        "values": [{"id": "start", "title": "Start", "value": 812.4, "unit": "ms"}],
    }
    ratio = {"axis": "system", "base": "of", "of": CASE, "to": CASE | {"system": "nats"},
             **{name: spread(2) for name in ("per_second", "p50_us", "p99_us", "cpu_us")}}  # fmt: skip
    missing = [{"name": "redis", "title": "Redis", "why": "apt-get install redis-server"}]
    results = file(
        rows=[row(100), row(200, system="nats")], ratios=[ratio], targets=[target("a", True)], missing=missing,
        scaling=scaling,
    )  # fmt: skip
    return render([results], {"calls": "Calls & more"})


def test_the_page_tells_everything_and_fetches_nothing() -> None:
    page = everything()

    for text in ("1 of 1 targets met", "Redis: apt-get install redis-server", "&lt;fast&gt;", "Calls &amp; more",
                 "parley / nats", "2.00 (1.80 … 2.20)", "Start", "812 ms", "Agents: stays above 90%"):  # fmt: skip
        assert text in page, text
    assert not re.search(r"(src|href)=\"(?!#|data:)|url\((?!#)|@import|<script", page)


def test_pictures_are_in_the_pages_colours_or_it_says_what_they_lack() -> None:
    page = everything()

    if find_spec("matplotlib") is None:
        assert "there is no matplotlib here" in page
    else:
        assert page.count('<svg class="plot" role="img" aria-label="') == 3
        assert "var(--own)" in page
        assert "#000a0" not in page
        ids = re.findall(r' id="([^"]+)"', re.sub(r"<defs>.*?</defs>", "", page, flags=re.DOTALL))
        assert len(ids) == len(set(ids))


def test_a_picture_becomes_part_of_a_page() -> None:
    svg = '<?xml?><!DOCTYPE svg>\n<svg xmlns="x" width="9pt" height="8pt"><metadata>when</metadata>' \
          '<g id="axes_1"><text style="font: 10px \'Sans\'; fill: #010203">a</text></g></svg>'  # fmt: skip

    assert plots.inline(svg, 'a "b" & c') == (
        '<svg class="plot" role="img" aria-label="a &quot;b&quot; &amp; c" xmlns="x">'
        '<g><text style="font-size: 10px; fill: var(--fg)">a</text></g></svg>'
    )


def test_a_scenario_with_too_many_rows_has_no_picture() -> None:
    rows = [row(100, in_flight=number) for number in range(1, plots.MOST_BARS + 2)]
    (section,) = view([file(rows=rows)], {}).sections

    assert plots.bars(section) == ""


def test_a_file_of_another_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    path.write_text(json.dumps({"format": 1}))
    with pytest.raises(ReportError, match="has format 1; this reads format 2"):
        read(path)
    path.write_text("no json")
    with pytest.raises(ReportError, match="holds no results"):
        read(path)


def test_the_program_writes_the_page(tmp_path: Path) -> None:
    results, page = tmp_path / "results.json", tmp_path / "page.html"
    results.write_text(json.dumps(file(rows=[row(100)], targets=[target("a", True)])))
    command = [sys.executable, str(BENCH / "run.py"), "report", str(results), "--output", str(page)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)

    assert f"wrote {page}" in done.stdout
    assert "1 of 1 targets met" in page.read_text()
    results.write_text("{}")
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert "has format None; this reads format 2" in done.stderr
