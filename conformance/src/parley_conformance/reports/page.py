"""The HTML page: one file with everything in it, which fetches nothing and can be read without script."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
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
"""Bytes of the template around a diagram, a step or a log, and a few more."""
_CODE, _STRONG = re.compile(r"`([^`]+)`"), re.compile(r"\*\*([^*]+)\*\*")


def render(shown: view.View, found: Mapping[str, evidence.Evidence], folder: Path) -> str:
    """Makes the page.

    It stays below MOST_BYTES: first come the diagrams of what did not pass, then what was said there and the logs, then
    small diagrams of what passed; of each the first run of a problem or case comes first. What finds no room is left
    out, and the page says so.

    Args:
        shown: What is told.
        found: The evidence of what did not pass, by the names of the runs.
        folder: Of results.json, from which the histories of what passed are read.
    """
    template = environment().get_template("page.html.j2")
    cases = [case for _, own in shown.families for case in own]
    details = {run["name"]: evidence.Evidence() for case in cases for run in case.runs}
    details |= {name: replace(one, diagram="", said="", logs=()) for name, one in found.items()}
    told: dict[str, Any] = {
        "view": shown,
        "details": details,
        "filters": _filters(shown),
        "signs": view.SIGNS,
        "full": True,
        "shown": _PROBLEMS_SHOWN,
        "killed": any(mutants for one in shown.rules for _, _, mutants in one.cases),
        "css": Markup(_source("page.css")),
        "js": Markup(_source("page.js")),
    }
    room = _Room(MOST_BYTES - _size(template.render(told)))
    bad = [run["name"] for run in _in_turns([problem.runs for problem in shown.problems])]
    for name in bad:
        if room.takes(found[name].diagram):
            details[name] = replace(details[name], diagram=found[name].diagram)
    for name in bad:
        one = found[name]
        if room.takes(*(escape(text) for text in (one.said, *(text for _, text in one.logs)))):
            details[name] = replace(details[name], said=one.said, logs=one.logs)
    for run in _in_turns([case.runs for case in cases]):
        if run["name"] not in found and not room.full:
            brief = evidence.of_run(run, folder, brief=True)
            if room.takes(brief.diagram, *(escape(step["text"]) for step in brief.steps)):
                details[run["name"]] = brief
    return template.render(told | {"full": room.full})


class _Room:
    """Bytes that the page may still grow by; full once something found no room."""

    def __init__(self, size: int) -> None:
        self._size = size
        self.full = False

    def takes(self, *texts: str) -> bool:
        """True if there is room for these."""
        needed = sum(_size(text) + _AROUND for text in texts)
        if needed > self._size:
            self.full = True
            return False
        self._size -= needed
        return True


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


def _in_turns(groups: Sequence[Sequence[view.Json]]) -> Iterator[view.Json]:
    """The first run of each group, then the second of each, and so on."""
    for turn in zip_longest(*groups):
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
