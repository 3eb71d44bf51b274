"""A timeline as a sequence diagram: inline SVG whose colours and fonts come from the page's style.

Pure. Each mark is a sign or a word as well as a colour; each row has its whole text as a title.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from parley_conformance.reports.timeline import BAD, Row, Timeline

_LEFT, _RIGHT, _GAP = 44, 52, 190
_CHARACTER = 6.7
"""How wide a character of 11 px is, and a little more: fonts differ."""
_LABEL = 27
"""Characters between two lanes."""
_TOP = 44
_HEIGHT = {"message": 30, "seen": 22, "step": 24, "done": 22, "fold": 24}
_FLAWS = {
    "dropped": "did not go on",
    "injected": "put in by the kit",
    "changed": "changed by the kit",
    "again": "again",
}
_TITLE_LENGTH = 400


def svg(timeline: Timeline, name: str) -> str:
    """Draws a timeline.

    Args:
        timeline: Its lanes and rows.
        name: Of the run, for who cannot see the picture.
    """
    at = {lane: _LEFT + 44 + number * _GAP for number, lane in enumerate(timeline.lanes)}
    width = _LEFT + 44 + (len(timeline.lanes) - 1) * _GAP + _RIGHT
    parts: list[str] = []
    y = _TOP
    for row in timeline.rows:
        y += _HEIGHT[row.form]
        parts.append(_row(row, y, at, width))
    height = y + 16
    messages = sum(row.form == "message" for row in timeline.rows)
    label = f"Sequence diagram of {name}: {messages} messages between {_listed(timeline.lanes)}"
    lanes = "".join(
        f'<path class="lane" d="M{x} 30V{height - 4}"/>'
        f'<rect class="head" x="{x - 44}" y="6" width="88" height="24" rx="5"/>'
        f'<text class="who" x="{x}" y="22">{escape(_cut(lane, 13))}</text>'
        for lane, x in at.items()
    )
    return (
        f'<svg class="seq" role="img" aria-label="{escape(label)}" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}">{lanes}{"".join(parts)}</svg>'
    )


def _row(row: Row, y: int, at: dict[str, int], width: int) -> str:
    if row.form == "fold":
        return f'<text class="fold" x="{width // 2}" y="{y - 6}">⋮ {escape(row.text)} ⋮</text>'
    time = f'<text class="at" x="{_LEFT - 8}" y="{y - 5}">{row.at_ms:.0f}</text>'
    title = f"<title>{escape(row.detail[:_TITLE_LENGTH])}</title>" if row.detail else ""
    if row.form == "step":
        bad = row.flaw in BAD
        text = escape(_cut(row.text, int((width - _LEFT - 30) / _CHARACTER)))
        sign = "✗ " if bad else ""
        return (
            f'<g class="step{" bad" if bad else ""}">{title}<rect x="{_LEFT}" y="{y - 19}" width="{width - _LEFT - 4}" '
            f'height="18" rx="3"/><text x="{_LEFT + 6}" y="{y - 6}">{sign}{text}</text></g>{time}'
        )
    x = at[row.source]
    if row.form == "done":
        return f'<g class="done">{title}<text x="{x}" y="{y - 5}">⚡ {escape(_cut(row.text, 14))}</text></g>{time}'
    if row.form == "seen":
        text = ("✗ " if row.marked else "") + _cut(row.text, _LABEL)
        wide = round(_CHARACTER * len(text)) + 14
        # A note begins at its lane and lies towards the middle of the picture.
        left = x - wide + 10 if x == max(at.values()) else x - 10
        return (
            f'<g class="seen{" bad" if row.marked else ""}">{title}<rect x="{left}" y="{y - 18}" '
            f'width="{wide}" height="17" rx="8"/><text x="{left + 7}" y="{y - 6}">{escape(text)}</text></g>{time}'
        )
    return _message(row, x, at[row.target], y) + time


def _message(row: Row, x: int, to: int, y: int) -> str:
    towards = 1 if to > x else -1
    # Beside the lane where it starts, whichever other lanes it crosses: there its text stands, and there it is lost.
    middle = x + towards * _GAP // 2
    end = middle if row.flaw == "dropped" else to
    head = (
        f'<path class="lost" d="M{end - 5} {y - 9}l10 10m0 -10l-10 10"/>'
        if row.flaw == "dropped"
        else f'<path class="tip" d="M{end} {y - 4}l{-8 * towards} -4v8z"/>'
    )
    told = _FLAWS.get(row.flaw, "")
    text = ("✗ " if row.marked else "") + _cut(row.text, _LABEL) + (f" ({told})" if told else "")
    kind = f"msg {row.flaw}".strip() + (" bad" if row.marked else "")
    title = f"<title>{escape(row.detail[:_TITLE_LENGTH])}</title>" if row.detail else ""
    return (
        f'<g class="{kind}">{title}<path d="M{x} {y - 4}H{end}"/>{head}'
        f'<text x="{middle}" y="{y - 10}">{escape(text)}</text></g>'
    )


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else "".join(names)
