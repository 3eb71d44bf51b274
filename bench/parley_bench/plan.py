"""What is measured, and in which order: a pure list of rounds.

A cell is one number pair of the table: a measure, over a pair of languages, with a payload size. Each cell is measured
in several short rounds, JSON and protobuf in turn (A B B A ...), and the rounds of all cells are interleaved, so that
whatever else the machine does is shared by all.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from parley_bench.vocabulary import CONTENTS, LANGUAGES, Content, Kind, Language


@dataclass(frozen=True)
class Measure:
    """What the caller does: one kind of message, with so many of them unanswered at any time."""

    kind: Kind
    in_flight: int


@dataclass(frozen=True)
class Cell:
    """One comparison of the two contents.

    Attributes:
        measure: what is done.
        caller: language of the process that calls or publishes.
        host: language of the process that hosts the agent.
        size: bytes of the message in JSON; protobuf carries the same content.
    """

    measure: Measure
    caller: Language
    host: Language
    size: int


@dataclass(frozen=True)
class Round:
    """One uninterrupted measurement: a cell, with one of the contents."""

    cell: Cell
    content: Content


@dataclass(frozen=True)
class Plan:
    """All that a run measures.

    Attributes:
        cells: the comparisons.
        rounds: how often each content of each cell is measured.
        seconds: how long a round sends, in s.
    """

    cells: tuple[Cell, ...]
    rounds: int
    seconds: float

    def turns(self) -> Iterator[tuple[Round, ...]]:
        """Yields the rounds in their order: each turn goes over all cells, with the contents' order turned."""
        for turn in range(self.rounds):
            yield tuple(
                Round(cell, content)
                for index, cell in enumerate(self.cells)
                for content in CONTENTS[:: 1 if (turn + index) % 2 == 0 else -1]
            )


MEASURES = (
    Measure("call", 1),
    Measure("call", 64),
    Measure("call", 512),
    Measure("publish-stored", 64),
    Measure("publish-stored", 512),
    Measure("publish-ephemeral", 64),
    Measure("publish-ephemeral", 512),
)
SIZES = (256, 16 * 1024)


def full_plan(languages: Sequence[Language] = LANGUAGES) -> Plan:
    """Returns everything, over all pairs of these languages; about four minutes for both."""
    return Plan(_cells(MEASURES, languages, SIZES), rounds=4, seconds=0.4)


def quick_plan(languages: Sequence[Language] = LANGUAGES) -> Plan:
    """Returns one short round of everything that differs in kind: shows that all of it runs, not how fast."""
    measures = (
        Measure("call", 1),
        Measure("call", 64),
        Measure("publish-stored", 64),
        Measure("publish-ephemeral", 64),
    )
    return Plan(_cells(measures, languages, SIZES), rounds=1, seconds=0.1)


def _cells(measures: Sequence[Measure], languages: Sequence[Language], sizes: Sequence[int]) -> tuple[Cell, ...]:
    return tuple(
        Cell(measure, caller, host, size)
        for measure in measures
        for size in sizes
        for caller in languages
        for host in languages
    )
