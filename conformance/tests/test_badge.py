from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from samples import failing, results, run

from parley_conformance.reports import badge, view


def told(content: dict[str, object]) -> tuple[str, str]:
    picture = ET.fromstring(badge.render(view.make(content)))
    assert float(picture.get("width", "")) > 100
    fills = [one.get("fill", "") for one in picture.iter() if one.tag.endswith("path")]
    return picture.get("aria-label", ""), fills[0]


def test_what_failed() -> None:
    assert told(failing()) == ("Parley: 2 of 4 pass", "#b3131f")


@pytest.mark.parametrize(
    ("code", "text", "colour"),
    [
        (0, "Parley: 1 of 1 pass", "#11682f"),
        (2, "Parley: could not be judged: 1 of 1 pass", "#6d3cc0"),
        (3, "Parley: inconclusive: 1 of 1 pass", "#8a4600"),
    ],
)
def test_the_other_verdicts(code: int, text: str, colour: str) -> None:
    assert told(results(run("rpc/echo[broker]"), exit_code=code)) == (text, colour)
