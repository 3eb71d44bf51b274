"""What is measured, and in which order: a pure list of cases.

A case is one place on all axes. The cases of a scenario that differ on the axis that it compares form a group: they are
measured right after one another, in turned order each time (A B, B A, A B ...). A turn goes over all groups of all
scenarios, so that whatever else the machine does is shared by all.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

from parley_bench.scenarios import Scenario, ScenarioError
from parley_bench.systems.base import System
from parley_bench.vocabulary import Content, Kind, Language, Length, Storage


@dataclass(frozen=True)
class Case:
    """What is measured: the place on each axis. The names are those of bench/schema/results.schema.json.

    Attributes:
        scenario: whose case it is.
        kind: the work.
        system: by its name.
        caller: language of the process that calls or publishes.
        host: language of the process that hosts the agent.
        content: of the payload.
        size: of the message in JSON, in bytes; protobuf carries the same content.
        in_flight: messages without an answer at any time; in the open loop, at most.
        storage: where the server keeps what must be kept.
        rate: messages that are due per second; 0: closed loop.
        agents: agents of one type that the messages are for, in turn.
        subscribers: agents that each event is for.
        beside: bytes of each event of a stream beside the calls; 0: no stream.
    """

    scenario: str
    kind: Kind
    system: str
    caller: Language
    host: Language
    content: Content
    size: int
    in_flight: int
    storage: Storage
    rate: float
    agents: int
    subscribers: int
    beside: int


Group = tuple[Case, ...]


@dataclass(frozen=True)
class Plan:
    """All that a run measures.

    Attributes:
        groups: cases that are compared stand together.
        turns: how often each case is measured.
        seconds: how long a round sends, in s.
        limit: how long the whole may take, in s; a slow machine gets fewer turns, not a longer run.
    """

    groups: tuple[Group, ...]
    turns: int
    seconds: float
    limit: float

    @property
    def cases(self) -> tuple[Case, ...]:
        """All cases, in the scenarios' order."""
        return tuple(case for group in self.groups for case in group)

    def order(self) -> Iterator[tuple[Case, ...]]:
        """Yields the cases of each turn in their order; that of a group is turned from one turn to the next."""
        for turn in range(self.turns):
            yield tuple(
                case
                for index, group in enumerate(self.groups)
                for case in group[:: 1 if (turn + index) % 2 == 0 else -1]
            )


_TIMES: Mapping[Length, tuple[int, float, float]] = {
    "quick": (1, 0.1, 45),
    "short": (5, 0.4, 225),
    "full": (5, 0.4, 5400),
    "alternatives": (5, 0.6, 1500),
    "compare": (8, 0.5, 150),
}
"""Turns, seconds per round, and how long the whole may take in s."""


def plan(
    scenarios: Sequence[Scenario],
    length: Length,
    systems: Mapping[str, System],
    languages: Sequence[Language],
    leave_out: Sequence[str] = (),
) -> Plan:
    """Returns all that a run of this length measures.

    Args:
        scenarios: those that are not part of this length are left out.
        length: of the run.
        systems: all that are known, by name.
        languages: of the parties that can be run here.
        leave_out: names of systems that cannot be run here.

    Raises:
        ScenarioError: a scenario names a system that is not known.
    """
    groups = []
    for scenario in scenarios:
        if length in scenario.lengths:
            groups += _groups(scenario, length, systems, languages, leave_out)
    turns, seconds, limit = _TIMES[length]
    return Plan(tuple(groups), turns, seconds, limit)


def systems_of(scenarios: Sequence[Scenario], length: Length) -> list[str]:
    """Returns the names of the systems that a run of this length is about, each once."""
    named = (name for each in scenarios if length in each.lengths for name in each.axes_of(length)["system"])
    return list(dict.fromkeys(named))


def _groups(
    scenario: Scenario,
    length: Length,
    systems: Mapping[str, System],
    languages: Sequence[Language],
    leave_out: Sequence[str],
) -> list[Group]:
    axes = scenario.axes_of(length)
    groups: dict[Case, list[Case]] = {}
    for values in product(*axes.values()):
        case = Case(scenario.id, **dict(zip(axes, values, strict=True)))
        if case.system not in systems:
            raise ScenarioError(f"{scenario.id}: no system {case.system!r}; there are {', '.join(systems)}")
        system = systems[case.system]
        if case.system in leave_out or not _is_possible(case, system, languages):
            continue
        if case.storage not in system.storages:
            case = replace(case, storage="own")
        shared = case
        if scenario.compare is not None:
            axis = scenario.compare.axis
            # Where systems are compared, each has its own storage.
            same = {"system": "", "storage": "own"} if axis == "system" else {axis: axes[axis][0]}
            shared = replace(case, **same)
        group = groups.setdefault(shared, [])
        if case not in group:
            group.append(case)
    return [tuple(group) for group in groups.values()]


def _is_possible(case: Case, system: System, languages: Sequence[Language]) -> bool:
    spoken = {case.caller, case.host}
    return (
        case.kind in system.kinds
        and spoken <= set(system.languages)
        and spoken <= set(languages)
        and not (system.in_process and len(spoken) > 1)
        # A stream beside events would be told apart from them by nothing.
        and (case.kind == "call" or not case.beside)
    )
