"""Whether what was expected was measured: the ratios that scenarios promise."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from parley_bench.plan import Case, Plan
from parley_bench.results import VALUES, Rounds, ratio
from parley_bench.scenarios import Place, Scenario, ScenarioError, Target


def judge(
    scenarios: Sequence[Scenario], plan: Plan, rounds: Rounds, missing: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Returns every target of these scenarios with its measured ratio, and whether it is met.

    Args:
        scenarios: those of the run.
        plan: what was to be measured.
        rounds: what was measured.
        missing: what could not be run, by name, and why.

    Raises:
        ScenarioError: a target's place is that of several cases.
    """
    return [
        _judge(target, [case for case in plan.cases if case.scenario == scenario.id], rounds, missing)
        for scenario in scenarios
        for target in scenario.targets
    ]


def case_at(cases: Sequence[Case], place: Place, target: str) -> Case | None:
    """Returns the case that has this place; None if there is none.

    Raises:
        ScenarioError: there are several.
    """
    found = [case for case in cases if all(getattr(case, axis) == value for axis, value in place.items())]
    if len(found) > 1:
        raise ScenarioError(f"target {target}: {dict(place)} is the place of {len(found)} cases; name more axes")
    return found[0] if found else None


def _judge(target: Target, cases: Sequence[Case], rounds: Rounds, missing: Mapping[str, str]) -> dict[str, Any]:
    places = (target.of, {**target.of, **target.to})
    of, to = (case_at(cases, place, target.id) for place in places)
    measured = None
    if of is not None and to is not None:
        measured = ratio(rounds.get(of, ()), rounds.get(to, ()), VALUES[target.value])
    met = None
    if measured is not None:
        good = measured["median"] >= target.limit if target.bound == "at_least" else measured["median"] <= target.limit
        met = bool(good)
    absent = [f"{name}: {missing[name]}" for place in places for name in place.values() if name in missing]
    return {
        "id": target.id,
        "text": target.text,
        "value": target.value,
        "of": asdict(of) if of else None,
        "to": asdict(to) if to else None,
        "bound": target.bound,
        "limit": target.limit,
        "measured": measured,
        "met": met,
        "why": "" if measured is not None else (absent[0] if absent else "not part of this run"),
    }
