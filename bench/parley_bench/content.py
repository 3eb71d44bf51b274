"""What the messages of the bench hold: the same numbers and text in every language and content type."""

import json
from dataclasses import dataclass

_STEP = 0.6180339887498949


@dataclass(frozen=True)
class Recipe:
    """How to make a message: parties follow it, each in its language.

    Attributes:
        values: how many numbers; the i-th, from 0, is `(i + 1) * 0.6180339887498949`.
        text: how many times the letter `x`.
    """

    values: int
    text: int


def recipe(size: int) -> Recipe:
    """Returns how to make a message of `size` bytes of JSON, about half of them numbers.

    Raises:
        ValueError: `size` is too small for a message.
    """
    values = max(0, size - 60) // 40
    text = size - len(_as_json(values, ""))
    if text < 0:
        raise ValueError(f"no message has {size} bytes; the smallest has {len(_as_json(0, ''))}")
    return Recipe(values, text)


def _as_json(values: int, text: str) -> str:
    reading = {"number": 0, "source": "bench", "values": [(i + 1) * _STEP for i in range(values)], "text": text}
    return json.dumps(reading, separators=(",", ":"))
