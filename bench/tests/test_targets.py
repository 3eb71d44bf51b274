import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from parley_bench.plan import Case, Plan
from parley_bench.results import Round, by_case
from parley_bench.scenarios import Scenario, ScenarioError, Target
from parley_bench.targets import judge

SCHEMA = json.loads((Path(__file__).parent.parent / "schema/results.schema.json").read_text())
PARLEY = Case("s", "call", "parley", "python", "python", "json", 256, 64, "sqlite", 0, 1, 1, 0)
NATS = replace(PARLEY, system="nats", storage="own")
FAST = Target("fast", "fast", {"system": "parley"}, {"system": "nats"}, "per_second", "at_least", 1.0)


def judged(target: Target, of: float, to: float, **more: Any) -> dict[str, Any]:
    plan = Plan(((PARLEY, NATS),), 1, 1.0, 60)
    rounds = [(PARLEY, of), (NATS, to)]
    measured = [(case, Round(1, 1000, 1000 / n, 1e6 / n, 2, 3, {"server": 1 / n})) for case, n in rounds if n]
    scenario = Scenario("s", "S", {}, {}, targets=(target,))
    (found,) = judge([scenario], plan, by_case(measured), more.get("missing", {}))
    jsonschema.validate(found, {"$ref": "#/$defs/target", "$defs": SCHEMA["$defs"]})
    return found


def test_a_target_is_met_when_the_median_ratio_reaches_it() -> None:
    met, missed = judged(FAST, 2000, 2000), judged(FAST, 1990, 2000)

    assert (met["measured"]["median"], met["met"], met["why"]) == (1.0, True, "")
    assert (missed["measured"]["median"], missed["met"]) == (0.995, False)
    assert (met["of"]["system"], met["to"]["system"]) == ("parley", "nats")


def test_latency_is_to_stay_below() -> None:
    quick = replace(FAST, value="p50_us", bound="at_most", limit=0.75)

    assert judged(quick, 4000, 3000)["met"] is True
    assert judged(quick, 3900, 3000)["met"] is False


def test_a_target_against_what_is_missing_says_what_is_missing() -> None:
    found = judged(FAST, 2000, 0, missing={"nats": "no nats-server; apt-get install nats-server"})

    assert (found["measured"], found["met"]) == (None, None)
    assert found["why"] == "nats: no nats-server; apt-get install nats-server"


def test_a_target_of_another_length_is_not_part_of_this_run() -> None:
    found = judged(replace(FAST, of={"system": "parley", "in_flight": 512}), 2000, 2000)

    assert (found["met"], found["why"], found["of"]) == (None, "not part of this run", None)


def test_a_place_of_several_cases_is_refused() -> None:
    with pytest.raises(ScenarioError, match=r"target fast: \{'kind': 'call'\} is the place of 2 cases"):
        judged(replace(FAST, of={"kind": "call"}), 1, 1)
