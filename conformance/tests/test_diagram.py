from __future__ import annotations

import xml.etree.ElementTree as ET

from samples import history, message

from parley_conformance.reports.culprit import Culprit
from parley_conformance.reports.diagram import svg
from parley_conformance.reports.timeline import timeline


def parsed(text: str) -> ET.Element:
    return ET.fromstring(text)


def test_it_is_one_picture_with_a_name() -> None:
    picture = parsed(svg(timeline(history()), "rpc/echo[<&>]"))
    assert picture.tag == "svg"
    assert picture.get("aria-label") == (
        "Sequence diagram of rpc/echo[<&>]: 5 messages between caller, broker and handler"
    )


def test_every_row_is_within_the_picture() -> None:
    picture = parsed(svg(timeline(history(), failure="x" * 500), "a"))
    width, height = (float(picture.get(name, "")) for name in ("width", "height"))
    for element in picture.iter():
        for name, most in (("x", width), ("y", height)):
            if (value := element.get(name)) is not None:
                assert 0 <= float(value) <= most
    for box in picture.iter("rect"):
        assert float(box.get("x", "")) + float(box.get("width", "")) <= width


def test_an_arrow_goes_from_its_sender_to_its_receiver() -> None:
    told = history(messages=[message(1, "caller", "up", "request", "c1")], observations=[], steps=[], lines=[])
    arrow = next(g for g in parsed(svg(timeline(told), "a")).iter("g") if g.get("class") == "msg")
    assert [part.get("d") for part in arrow.findall("path")] == ["M88 70H278", "M278 70l-8 -4v8z"]
    assert [part.text for part in arrow.findall("text")] == ["Request c1"]
    assert [part.text for part in arrow.findall("title")] == ["{'request': {'label': 'c1'}}"]


def test_the_mark_is_a_sign_and_not_a_colour_alone() -> None:
    picture = parsed(svg(timeline(history(), culprit=Culprit("messages", 4, "")), "a"))
    marked = [g for g in picture.iter("g") if g.get("class") == "msg bad"]
    assert [text.text for g in marked for text in g.findall("text")] == ["✗ Reply c2"]


def test_what_became_of_a_message_is_said_in_words() -> None:
    told = history(
        messages=[message(1, "a", "up", "ack", "e1", went=False), message(2, "a", "up", "ack", "e2", came=False)]
    )
    picture = parsed(svg(timeline(told, short=True), "a"))
    texts = [text.text for text in picture.iter("text")]
    assert "Ack e1 (did not go on)" in texts
    assert "Ack e2 (put in by the kit)" in texts
    lost, put_in = (g for g in picture.iter("g") if (g.get("class") or "").startswith("msg"))
    assert [path.get("class") for path in lost.findall("path")] == [None, "lost"]
    assert lost.findall("path")[0].get("d") == "M658 70H563"
    assert put_in.get("class") == "msg injected"
