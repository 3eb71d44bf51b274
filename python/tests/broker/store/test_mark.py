"""The number of answered commits, beside the database."""

from __future__ import annotations

from pathlib import Path

import pytest

from parley_broker.errors import StoreUnusableError
from parley_broker.store.sqlite.mark import Mark


def test_what_was_written_last_is_read(tmp_path: Path) -> None:
    mark = Mark(tmp_path / "m")
    assert mark.read() is None
    mark.write(1)
    assert mark.read() is None, "it is not open"
    mark.open()
    assert mark.read() is None, "it is empty"
    mark.write(7)
    mark.write(123_456_789_012)
    assert Mark(tmp_path / "m").read() == 123_456_789_012
    mark.close()
    mark.close()
    assert mark.read() == 123_456_789_012


@pytest.mark.parametrize("content", [b"12\n", b"0" * 19 + b"x\n", b"0" * 30])
def test_a_damaged_one_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "m").write_bytes(content)
    with pytest.raises(StoreUnusableError, match=f"{tmp_path / 'm'} is damaged.*delete it"):
        Mark(tmp_path / "m").read()


def test_one_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    with pytest.raises(StoreUnusableError, match="cannot write"):
        Mark(tmp_path / "m").open()
    with pytest.raises(StoreUnusableError, match="cannot read"):
        Mark(tmp_path / "m").read()
