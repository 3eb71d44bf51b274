"""Subset equality: what a case expects, compared with what came."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_ABSENT = object()


def differences(expected: Any, actual: Any, path: str = "") -> list[str]:
    """Lists where `actual` lacks what `expected` asks for; empty: it matches.

    A mapping matches a mapping that has its members, and possibly more; everything else must be equal. A member that
    is absent equals its proto default (0, "", false, an empty list), but an empty mapping must be there. A mapping
    with one key that begins with `$` is a matcher: `$contains` (a text or several), `$at_least`, `$at_most`, `$one_of`,
    `$any` (true: present), `$length`.

    Args:
        expected: From the case.
        actual: Plain data from a message or an observation.
        path: Where in the whole this is, for the texts.
    """
    where = path or "value"
    if isinstance(expected, Mapping):
        if len(expected) == 1 and next(iter(expected)).startswith("$"):
            ((name, argument),) = expected.items()
            fits = _matches(name, argument, actual)
            return [] if fits else [f"{where}: expected {name} {argument!r}, got {_show(actual)}"]
        if actual is _ABSENT and not expected:
            return [f"{where}: absent"]
        if not isinstance(actual, Mapping):
            return [f"{where}: expected an object, got {_show(actual)}"]
        found: list[str] = []
        for key, value in expected.items():
            wrong = differences(value, actual.get(key, _ABSENT), f"{path}.{key}" if path else str(key))
            if wrong and key not in actual and isinstance(value, Mapping):
                wrong[-1] += _instead(expected, actual)
            found += wrong
        return found
    if actual is _ABSENT:
        return [] if expected in (None, 0, "", False, []) else [f"{where}: expected {expected!r}, it is absent"]
    if isinstance(expected, Sequence) and not isinstance(expected, str):
        if not isinstance(actual, Sequence) or isinstance(actual, str) or len(actual) != len(expected):
            return [f"{where}: expected {expected!r}, got {_show(actual)}"]
        pairs = enumerate(zip(expected, actual, strict=True))
        return [one for at, (first, second) in pairs for one in differences(first, second, f"{where}[{at}]")]
    same = expected == actual and isinstance(expected, bool) == isinstance(actual, bool)
    return [] if same else [f"{where}: expected {expected!r}, got {_show(actual)}"]


def matches(expected: Any, actual: Any) -> bool:
    """True if `actual` has what `expected` asks for."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        # Among thousands of observations nearly all differ by a label: that is seen at once.
        for key, value in expected.items():
            if value and type(value) is str and actual.get(key) != value and not key.startswith("$"):
                return False
    return not differences(expected, actual)


def nearest(expected: Mapping[str, Any], there: Iterable[Mapping[str, Any]]) -> str:
    """Says in what the nearest of some messages differs, as a clause of a sentence; empty: none is of the same kind.

    Args:
        expected: What did not come. Its kind is its first member that is an object.
        there: What came; the last one counts of those that are as near.
    """
    kind = next((name for name, value in expected.items() if isinstance(value, Mapping)), "")
    each = [differences(expected, one) for one in there if kind in one]
    if not kind or not each:
        return ""
    best: list[str] = min(each[::-1], key=len)
    return f"; the nearest {kind} differs in {'; '.join(best)}"


def _matches(name: str, argument: Any, actual: Any) -> bool:
    if name == "$any":
        return (actual is not _ABSENT) is bool(argument)
    if actual is _ABSENT:
        return False
    if name == "$contains":
        texts = argument if isinstance(argument, Sequence) and not isinstance(argument, str) else [argument]
        return isinstance(actual, str) and all(str(text) in actual for text in texts)
    if name == "$at_least":
        return isinstance(actual, int | float) and bool(actual >= argument)
    if name == "$at_most":
        return isinstance(actual, int | float) and bool(actual <= argument)
    if name == "$one_of":
        return any(matches(one, actual) for one in argument)
    if name == "$length":
        return isinstance(actual, str | Sequence | Mapping) and len(actual) == argument
    raise ValueError(f"no such matcher: {name}; there are $any, $contains, $at_least, $at_most, $one_of and $length")


def _instead(expected: Mapping[str, Any], actual: Mapping[str, Any]) -> str:
    """What came where an object is missing: an error, where a reply was expected, is what one wants to know."""
    others = [
        f"{key} {_show(value)}" for key, value in actual.items() if isinstance(value, Mapping) and key not in expected
    ]
    return f"; there is {', '.join(others)}" if others else ""


def _show(value: Any) -> str:
    if value is _ABSENT:
        return "nothing"
    text = repr(value)
    return text if len(text) <= 300 else f"{text[:300]}… ({len(text)} characters)"
