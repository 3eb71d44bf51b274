from __future__ import annotations

from parley_conformance.journal import KEPT_LINES, LINE_LENGTH, Journal, shortened


def test_the_last_lines_are_kept_in_order() -> None:
    journal = Journal()
    for number in range(KEPT_LINES + 10):
        journal.note("a", "->", f"line {number}")
    lines = journal.lines()
    assert len(lines) == KEPT_LINES
    assert lines[0].endswith("a -> line 10")
    assert lines[-1].endswith(f"a -> line {KEPT_LINES + 9}")


def test_long_lines_are_cut_and_say_so() -> None:
    assert shortened("x" * LINE_LENGTH) == "x" * LINE_LENGTH
    assert shortened("x" * (LINE_LENGTH + 1)).endswith(f"… ({LINE_LENGTH + 1} characters)")
