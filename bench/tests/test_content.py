import json

import pytest

from parley_bench.content import _STEP, recipe


@pytest.mark.parametrize("size", [80, 256, 16 * 1024])
def test_a_message_made_by_its_recipe_has_the_size_in_json(size: int) -> None:
    made = recipe(size)
    message = {
        "number": 0,
        "source": "bench",
        "values": [(i + 1) * _STEP for i in range(made.values)],
        "text": "x" * made.text,
    }

    assert len(json.dumps(message, separators=(",", ":"))) == size


def test_half_of_a_large_message_is_numbers() -> None:
    made = recipe(16 * 1024)

    assert 0.4 < made.text / (16 * 1024) < 0.6


def test_a_size_below_the_smallest_message_is_refused() -> None:
    with pytest.raises(ValueError, match="no message has 10 bytes; the smallest has"):
        recipe(10)
