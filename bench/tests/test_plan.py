from collections import Counter

from parley_bench.plan import MEASURES, SIZES, Round, full_plan, quick_plan
from parley_bench.vocabulary import CONTENTS, LANGUAGES


def test_full_plan_has_a_cell_for_every_measure_pair_and_size() -> None:
    cells = full_plan().cells

    assert len(set(cells)) == len(cells) == len(MEASURES) * len(SIZES) * len(LANGUAGES) ** 2


def test_every_turn_measures_every_cell_once_in_each_content() -> None:
    plan = full_plan()
    turns = list(plan.turns())

    assert len(turns) == plan.rounds
    for turn in turns:
        assert Counter(turn) == {Round(cell, content): 1 for cell in plan.cells for content in CONTENTS}


def test_contents_of_a_cell_are_neighbours_and_take_turns_in_going_first() -> None:
    plan = full_plan()
    pairs = [list(zip(turn[::2], turn[1::2], strict=True)) for turn in plan.turns()]

    assert all(a.cell == b.cell and {a.content, b.content} == set(CONTENTS) for turn in pairs for a, b in turn)
    assert [turn[0][0].content for turn in pairs] == ["json", "protobuf"] * (plan.rounds // 2)
    assert [a.content for a, _ in pairs[0]][:2] == ["json", "protobuf"]


def test_a_plan_of_one_language_has_that_pair_alone() -> None:
    assert {(cell.caller, cell.host) for cell in full_plan(("python",)).cells} == {("python", "python")}


def test_sending_alone_takes_less_than_the_whole_run_may() -> None:
    for plan, limit in ((full_plan(), 240), (quick_plan(), 20)):
        assert len(plan.cells) * len(CONTENTS) * plan.rounds * plan.seconds < limit
