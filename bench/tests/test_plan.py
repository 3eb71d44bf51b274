from collections import Counter

from parley_bench.plan import CONTENTS, LANGUAGES, MEASURES, SIZES, full_plan, quick_plan


def test_full_plan_has_a_cell_for_every_measure_pair_and_size() -> None:
    cells = full_plan().cells

    assert len(set(cells)) == len(cells) == len(MEASURES) * len(SIZES) * len(LANGUAGES) ** 2


def test_every_cell_is_measured_equally_often_in_each_content() -> None:
    plan = full_plan()

    counts = Counter(plan.in_order())

    assert len(counts) == len(plan.cells) * len(CONTENTS)
    assert set(counts.values()) == {plan.rounds}


def test_contents_of_a_cell_are_neighbours_and_take_turns_in_going_first() -> None:
    plan = full_plan()
    rounds = list(plan.in_order())
    pairs = list(zip(rounds[::2], rounds[1::2], strict=True))

    assert all(a.cell == b.cell and {a.content, b.content} == set(CONTENTS) for a, b in pairs)
    first = [a.content for a, _ in pairs if a.cell == plan.cells[0]]
    assert first == ["json", "protobuf"] * (plan.rounds // 2)


def test_a_plan_of_one_language_has_that_pair_alone() -> None:
    assert {(cell.caller, cell.host) for cell in full_plan(("python",)).cells} == {("python", "python")}


def test_sending_alone_takes_less_than_the_whole_run_may() -> None:
    for plan, limit in ((full_plan(), 240), (quick_plan(), 20)):
        assert len(list(plan.in_order())) * plan.seconds < limit
