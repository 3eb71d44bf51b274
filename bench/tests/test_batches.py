import asyncio

import pytest
from batches import Batches


async def test_what_comes_while_a_batch_is_out_is_the_next_batch() -> None:
    written: list[list[int]] = []
    out, gate = asyncio.Event(), asyncio.Event()

    async def write(batch: list[int]) -> None:
        written.append(batch)
        out.set()
        await gate.wait()

    batches = Batches(write)

    async def lane() -> None:
        await batches.add(1)
        await batches.add(4)

    first = asyncio.create_task(lane())
    await out.wait()
    others = [asyncio.create_task(batches.add(number)) for number in (2, 3)]
    await asyncio.sleep(0)
    assert written == [[1]]
    assert not first.done()
    gate.set()
    await asyncio.gather(first, *others)
    # Who is answered is part of the next batch.
    assert written == [[1], [2, 3, 4]]


async def test_lanes_that_are_answered_share_the_next_batch() -> None:
    written: list[int] = []

    async def write(batch: list[int]) -> None:
        written.append(len(batch))

    batches = Batches(write)

    async def lane() -> None:
        for number in range(5):
            await batches.add(number)

    await asyncio.gather(*(lane() for _ in range(8)))
    assert sum(written) == 40
    assert max(written) == 8
    assert len(written) <= 6


async def test_a_batch_that_cannot_be_written_fails_those_in_it_alone() -> None:
    async def write(batch: list[str]) -> None:
        if "bad" in batch:
            raise OSError("no room")

    batches = Batches(write)
    with pytest.raises(OSError, match="no room"):
        await batches.add("bad")
    await batches.add("good")
