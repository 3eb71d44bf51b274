from __future__ import annotations

from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import pytest
from samples import failing, results, run
from test_evidence import left

from parley_conformance.reports import evidence, page, view

VOID = {"meta", "link", "br", "input", "hr", "img"}


class Structure(HTMLParser):
    """Checks that what is opened is closed, in order; gathers ids, links, and what would be fetched."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: Counter[str] = Counter()
        self.links: set[str] = set()
        self.fetched: list[str] = []
        self.wrong: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        members = dict(attrs)
        if tag not in VOID:
            self.open.append(tag)
        if "id" in members:
            self.ids[members["id"] or ""] += 1
        if tag == "a":
            self.links.add(members.get("href") or "")
        else:
            self.fetched += [f"{tag} {value}" for name, value in attrs if name in ("src", "href", "action", "data")]
        self.wrong += [name for name, _ in attrs if name.startswith("on")]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"</{tag}> at {self.getpos()}")


def rendered(content: dict[str, object], folder: Path) -> str:
    found = {
        one["name"]: evidence.of_run(one, folder, brief=False)
        for one in content["runs"]  # type: ignore[attr-defined]
        if one["verdict"] not in ("pass", "not-run")
    }
    shown = view.make(content, messages={name: one.message for name, one in found.items()})
    return page.render(shown, found, folder)


def test_the_page_is_well_formed_and_fetches_nothing(tmp_path: Path) -> None:
    left(tmp_path)
    text = rendered(failing(), tmp_path)
    structure = Structure()
    structure.feed(text)
    structure.close()
    assert structure.wrong == []
    assert structure.open == []
    assert [name for name, number in structure.ids.items() if number > 1] == []
    assert structure.fetched == ["link data:,"]
    assert {link for link in structure.links if not link.startswith("#")} == set()
    assert {link[1:] for link in structure.links} <= set(structure.ids)
    assert "http:" not in text
    assert "https:" not in text
    assert "@import" not in text
    assert "url(" not in text
    assert "default-src 'none'" in text


def test_the_first_screen_says_who_broke_which_rule_by_what(tmp_path: Path) -> None:
    left(tmp_path)
    text = rendered(failing(), tmp_path)
    first = text[text.index('<ol class="problems">') : text.index('id="matrix"')]
    for told in (
        "<b>RPC-2</b>",
        "Ids of <strong>two</strong> callers never meet.",
        "caller (the python SDK)",
        "c1 got the reply to c2 &lt;&amp;&gt;",
        '<code class="message">broker → caller #1 reply c1: {',
        "parley-conformance run --keep &#39;rpc/echo[python-dotnet-json]&#39;",
        '<a href="#rpc-echo-python-dotnet-json">python→dotnet json</a>',
    ):
        assert told in first


def test_a_case_has_its_steps_diagram_lines_and_logs(tmp_path: Path) -> None:
    left(tmp_path)
    text = rendered(failing(), tmp_path)
    case = text[text.index('id="rpc-echo-python-dotnet-json"') :]
    for told in (
        "<svg",
        "see: {caller: {outcome: {label: c1}}}",
        "What was said, line by line",
        "&lt;last&gt;",
        "histories/wrong.json.gz",
    ):
        assert told in case


def test_all_that_passes_has_no_problems(tmp_path: Path) -> None:
    text = rendered(results(run("rpc/echo[broker]")), tmp_path)
    assert "What was run conforms" in text
    assert 'id="problems"' not in text


def test_a_wrong_baseline_is_told(tmp_path: Path) -> None:
    text = rendered(results(run("rpc/echo[broker]"), exit_code=1, baseline=["known.yaml: stale: a#B"]), tmp_path)
    assert "<li>known.yaml: stale: a#B</li>" in text


def test_diagrams_of_what_passed_are_left_out_where_there_is_no_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left(tmp_path)
    runs = [run(f"rpc/c{at}[broker]", history="histories/wrong.json.gz") for at in range(40)]
    whole = rendered(results(*runs), tmp_path)
    monkeypatch.setattr(page, "MOST_BYTES", 120_000)
    small = rendered(results(*runs), tmp_path)
    assert whole.count("<svg") == 40
    assert 0 < small.count("<svg") < 40
    assert len(small.encode()) < 120_000
    assert "Some diagrams and logs are left out" in small
    assert "Some diagrams and logs are left out" not in whole


def test_when_everything_fails_each_problem_has_its_diagram_before_any_has_its_logs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left(tmp_path)
    more = {"reason": "c1 is wrong", "history": "histories/wrong.json.gz", "logs": "logs/wrong"}
    bad = [run(f"rpc/c{at}[{axes}]", "fail", **more) for at in range(10) for axes in ("sdk-a", "sdk-b")]
    monkeypatch.setattr(page, "MOST_BYTES", 200_000)
    text = rendered(results(*bad, exit_code=1), tmp_path)
    assert len(text.encode()) < 200_000
    assert text.count("<svg") == 20
    assert 0 < text.count("Log: broker.log") < 10
