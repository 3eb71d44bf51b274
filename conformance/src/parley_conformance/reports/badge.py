"""badge.svg: the verdict as a picture of one line, for a README. Pure."""

from __future__ import annotations

from html import escape

from parley_conformance.reports.view import View

_COLOURS = {"pass": "#11682f", "fail": "#b3131f", "harness-error": "#6d3cc0", "inconclusive": "#8a4600"}
_CHARACTER, _PADDING = 6.6, 8


def render(shown: View) -> str:
    """Makes the badge: `Parley | 540 of 540 pass`."""
    passed = dict(shown.counts).get("pass", 0)
    planned = sum(number for _, number in shown.counts)
    left, right = "Parley", f"{passed} of {planned} pass"
    if shown.verdict in ("harness-error", "inconclusive"):
        right = f"{shown.headline.lower()}: {right}"
    first, second = (round(len(text) * _CHARACTER) + 2 * _PADDING for text in (left, right))
    text = (
        '<text x="{x}" y="14" textLength="{length}" fill="#fff" '
        'font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">{text}</text>'
    )
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{first + second}" height="20" role="img" '
        f'aria-label="{escape(left)}: {escape(right)}">',
        f"<title>{escape(shown.headline)}: {escape(shown.sentence)}</title>",
        f'<rect width="{first + second}" height="20" rx="3" fill="#3b424b"/>',
        f'<path d="M{first} 0h{second - 3}a3 3 0 0 1 3 3v14a3 3 0 0 1-3 3h-{second - 3}z" '
        f'fill="{_COLOURS[shown.verdict]}"/>',
        text.format(x=_PADDING, length=first - 2 * _PADDING, text=escape(left)),
        text.format(x=first + _PADDING, length=second - 2 * _PADDING, text=escape(right)),
    ]
    return "".join([*parts, "</svg>\n"])
