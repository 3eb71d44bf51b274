"""The HTML page: one file with everything in it, which fetches nothing and can be read without script."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import zip_longest
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from parley_conformance.reports import evidence, timeline, view

MOST_BYTES = 5_000_000
_PROBLEMS_SHOWN = 12
_AROUND = 120
"""Bytes of the template around a diagram or a step, and a few more."""
_CODE, _STRONG = re.compile(r"`([^`]+)`"), re.compile(r"\*\*([^*]+)\*\*")


def render(shown: view.View, found: Mapping[str, evidence.Evidence], folder: Path) -> str:
    """Makes the page.

    What did not pass is shown whole. Of what passed there is a small diagram as long as the page stays below
    MOST_BYTES; the first run of each case comes first.

    Args:
        shown: What is told.
        found: The evidence of what did not pass, by the names of the runs.
        folder: Of results.json, from which the histories of what passed are read.
    """
    template = environment().get_template("page.html.j2")
    cases = [case for _, own in shown.families for case in own]
    nothing = evidence.Evidence()
    details = {run["name"]: found.get(run["name"], nothing) for case in cases for run in case.runs}
    told: dict[str, Any] = {
        "view": shown,
        "details": details,
        "filters": _filters(shown),
        "signs": view.SIGNS,
        "shown": _PROBLEMS_SHOWN,
        "killed": any(mutants for one in shown.rules for _, _, mutants in one.cases),
        "css": Markup(_source("page.css")),
        "js": Markup(_source("page.js")),
    }
    room = MOST_BYTES - _size(template.render(told))
    for run in _in_turns(cases):
        if run["name"] in found:
            continue
        brief = evidence.of_run(run, folder, brief=True)
        room -= _size(brief.diagram) + sum(_size(escape(step["text"])) for step in brief.steps)
        room -= _AROUND * (1 + len(brief.steps))
        if room < 0:
            break
        details[run["name"]] = brief
    return template.render(told)


@cache
def environment() -> Environment:
    """The templates of all reports, with their filters; HTML is escaped."""
    made = Environment(
        loader=PackageLoader("parley_conformance.reports"),
        autoescape=lambda name: name is not None and ".html." in name,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    made.filters |= {
        "words": _words,
        "first_sentence": view.first_sentence,
        "duration": view.duration,
        "step_text": timeline.step_text,
        "axis": view.axis,
    }
    made.globals |= {"signs": view.SIGNS, "axis": view.axis}
    return made


def _size(text: str) -> int:
    return len(text.encode(errors="replace"))


def _in_turns(cases: Sequence[view.CaseView]) -> Iterator[view.Json]:
    """The first run of each case, then the second of each, and so on."""
    for turn in zip_longest(*(case.runs for case in cases)):
        yield from (run for run in turn if run is not None)


def _filters(shown: view.View) -> list[tuple[str, list[str]]]:
    runs = [run for _, cases in shown.families for case in cases for run in case.runs]
    return [
        ("verdict", [name for name, _ in shown.counts]),
        ("family", [family for family, _ in shown.families]),
        ("axis", list(shown.columns[:-1])),
        ("content", sorted({run["content"] for run in runs if run.get("content")})),
        ("kind", sorted({run["kind"] for run in runs})),
        ("rule", [one.rule.id for one in shown.rules if one.cases]),
        ("level", sorted({run["level"] for run in runs})),
    ]


def _words(text: str) -> Markup:
    """A rule's Markdown: code and what is strong."""
    html = str(escape(text))
    return Markup(_STRONG.sub(r"<strong>\1</strong>", _CODE.sub(r"<code>\1</code>", html)))


def _source(name: str) -> str:
    loader = environment().loader
    assert loader is not None
    return loader.get_source(environment(), name)[0]
