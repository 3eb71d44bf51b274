from pathlib import Path

import pytest

from parley_bench.plan import plan
from parley_bench.scenarios import DEFAULT_AXES, Compare, ScenarioError, Target, load_scenarios
from parley_bench.systems import SYSTEMS
from parley_bench.targets import case_at
from parley_bench.vocabulary import LANGUAGES, Length

BENCH = Path(__file__).parent.parent
SCHEMA = BENCH / "schema/scenarios.schema.json"
WHOLE = """
id: echo
title: An echo
about: What to know.
axes: {system: [parley, nats], in_flight: [1, 64]}
lengths:
  short:
  full: {in_flight: [512]}
compare: {axis: system, of: parley}
targets:
  - {id: fast, text: fast, of: {system: parley}, to: {system: nats}, value: p50_us, at_most: 1.25}
"""


def write(folder: Path, text: str, name: str = "echo.yaml") -> Path:
    (folder / name).write_text(text)
    return folder


def test_a_file_becomes_a_scenario(tmp_path: Path) -> None:
    (echo,) = load_scenarios(write(tmp_path, WHOLE), SCHEMA)

    assert (echo.id, echo.title, echo.about) == ("echo", "An echo", "What to know.")
    assert echo.axes_of("short") == {**DEFAULT_AXES, "system": ["parley", "nats"], "in_flight": [1, 64]}
    assert echo.axes_of("full")["in_flight"] == [512]
    assert list(echo.axes_of("full")) == list(DEFAULT_AXES)
    assert echo.compare == Compare("system", "parley", "of")
    assert echo.targets == (
        Target("fast", "fast", {"system": "parley"}, {"system": "nats"}, "p50_us", "at_most", 1.25),
    )


def test_files_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    write(tmp_path, WHOLE.replace("id: echo", "id: second"), "2-second.yaml")
    write(tmp_path, WHOLE, "10-echo.yaml")
    write(tmp_path, WHOLE.replace("id: echo", "id: first"), "1-first.yaml")

    assert [scenario.id for scenario in load_scenarios(tmp_path, SCHEMA)] == ["first", "second", "echo"]


@pytest.mark.parametrize(
    ("was", "becomes", "fault"),
    [
        ("in_flight: [1, 64]", "in_flight: [0]", r"\$.axes.in_flight\[0\]: 0 is less than the minimum of 1"),
        ("in_flight: [1, 64]", "inflight: [1]", "'inflight' was unexpected"),
        ("in_flight: [1, 64]", "in_flight: []", r"in_flight: \[\] (is too short|should be non-empty)"),
        ("short:\n", "brief:\n", "'brief' was unexpected"),
        ("at_most: 1.25", "at_most: 1.25, at_least: 1", r"targets\[0\]"),
        ("of: parley}", "of: parley, to: nats}", r"\$.compare"),
        ("title: An echo", "title: [", "while parsing"),
        ("id: echo", "id: other", "its id is 'other'"),
    ],
)
def test_a_faulty_file_is_named_with_its_fault(tmp_path: Path, was: str, becomes: str, fault: str) -> None:
    assert was in WHOLE
    with pytest.raises(ScenarioError, match=rf"(?s)^echo.yaml: .*{fault}"):
        load_scenarios(write(tmp_path, WHOLE.replace(was, becomes)), SCHEMA)


def test_every_target_of_the_bench_is_a_ratio_of_two_cases_of_some_length() -> None:
    scenarios = load_scenarios(BENCH / "scenarios", SCHEMA)
    ids = [target.id for scenario in scenarios for target in scenario.targets]
    assert len(set(ids)) == len(ids)
    for scenario in scenarios:
        for target in scenario.targets:
            measured: list[Length] = []
            for length in scenario.lengths:
                cases = plan([scenario], length, SYSTEMS, LANGUAGES).cases
                pair = [case_at(cases, place, target.id) for place in (target.of, {**target.of, **target.to})]
                if all(pair):
                    assert pair[0] != pair[1], target.id
                    measured.append(length)
            assert measured, target.id
