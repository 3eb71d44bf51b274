"""From rounds to rows and ratios: what a file of results holds (bench/schema/results.schema.json)."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median, quantiles
from typing import Any, Literal

from parley_bench.plan import Case, Plan
from parley_bench.scenarios import Compare, Scenario

FORMAT = 2
"""The version of the file's format."""

Spread = dict[str, float]
Process = Literal["server", "caller", "host"]


@dataclass(frozen=True)
class Round:
    """What one round of a case measured.

    Attributes:
        turn: in which turn, from 1.
        count: calls with a reply, or events that all their subscribers have handled.
        seconds: from the first send to the last reply, or to the last event's arrival, in s.
        p50_us: median time to a call's reply, or to a publish's answer, in µs.
        p99_us: the same for the slowest hundredth, in µs.
        p999_us: the same for the slowest thousandth, in µs.
        cpu_s: CPU time of server, caller and host during the round, in s.
    """

    turn: int
    count: int
    seconds: float
    p50_us: float
    p99_us: float
    p999_us: float
    cpu_s: Mapping[Process, float]

    @property
    def per_second(self) -> float:
        """How many per second."""
        return self.count / self.seconds

    @property
    def cpu_us(self) -> float:
        """CPU time of all processes per message, in µs."""
        return sum(self.cpu_s.values()) / self.count * 1e6


Rounds = Mapping[Case, Sequence[Round]]


def spread(values: Iterable[float]) -> Spread:
    """Returns median, extremes and quartiles, to four significant digits.

    Raises:
        ValueError: there are no values.
    """
    ordered = sorted(values)
    if not ordered:
        raise ValueError("no values have no median")
    lower, _, upper = quantiles(ordered, n=4, method="inclusive") if len(ordered) > 1 else ordered * 3
    named = {"median": median(ordered), "min": ordered[0], "q1": lower, "q3": upper, "max": ordered[-1]}
    return {name: float(f"{value:.4g}") for name, value in named.items()}


def by_case(measured: Iterable[tuple[Case, Round]]) -> Rounds:
    """Returns each case's rounds, in the order of the turns."""
    rounds: defaultdict[Case, list[Round]] = defaultdict(list)
    for case, round_ in measured:
        rounds[case].append(round_)
    return rounds


def rows(plan: Plan, rounds: Rounds) -> list[dict[str, Any]]:
    """Returns a row per case that was measured, in the plan's order."""
    return [_row(case, rounds[case]) for case in plan.cases if rounds.get(case)]


def ratio(of: Sequence[Round], to: Sequence[Round], value: Callable[[Round], float]) -> Spread | None:
    """Returns the spread of the ratios of rounds that were measured in the same turn; None if there are none.

    Neighbouring rounds are compared, and not the medians, so that a slow moment of the machine falls on both.
    """
    others = {round_.turn: value(round_) for round_ in to}
    values = [value(round_) / others[round_.turn] for round_ in of if others.get(round_.turn)]
    return spread(values) if values else None


def ratios(plan: Plan, scenarios: Sequence[Scenario], rounds: Rounds) -> list[dict[str, Any]]:
    """Returns what each scenario compares, in the plan's order."""
    compared = {scenario.id: scenario.compare for scenario in scenarios}
    result = []
    for group in plan.groups:
        compare = compared[group[0].scenario]
        if compare is None:
            continue
        base = [case for case in group if getattr(case, compare.axis) == compare.base]
        others = [case for case in group if getattr(case, compare.axis) != compare.base]
        for one in base:
            for other in others:
                of, to = (one, other) if compare.base_is == "of" else (other, one)
                result += _ratio(compare, of, to, rounds)
    return result


def _ratio(compare: Compare, of: Case, to: Case, rounds: Rounds) -> list[dict[str, Any]]:
    spreads = {name: ratio(rounds.get(of, ()), rounds.get(to, ()), value) for name, value in VALUES.items()}
    if None in spreads.values():
        return []
    return [{"axis": compare.axis, "base": compare.base_is, "of": asdict(of), "to": asdict(to), **spreads}]


VALUES: Mapping[str, Callable[[Round], float]] = {
    "per_second": lambda round_: round_.per_second,
    "p50_us": lambda round_: round_.p50_us,
    "p99_us": lambda round_: round_.p99_us,
    "cpu_us": lambda round_: round_.cpu_us,
}
"""What of a round can be compared."""


def _row(case: Case, rounds: Sequence[Round]) -> dict[str, Any]:
    processes: tuple[Process, ...] = ("server", "caller", "host")
    return {
        "case": asdict(case),
        "per_second": spread(round_.per_second for round_ in rounds),
        "p50_us": spread(round_.p50_us for round_ in rounds),
        "p99_us": spread(round_.p99_us for round_ in rounds),
        "p999_us": spread(round_.p999_us for round_ in rounds),
        "cpu_us": {
            process: spread(round_.cpu_s[process] / round_.count * 1e6 for round_ in rounds) for process in processes
        },
        "rounds": [asdict(round_) for round_ in rounds],
    }
