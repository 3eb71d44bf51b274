"""Scenarios as data: the files of bench/scenarios (bench/schema/scenarios.schema.json)."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import jsonschema
import yaml

from parley_bench.vocabulary import Length, Value

Axes = Mapping[str, Sequence[Any]]
Place = Mapping[str, Any]
"""One value on each of some axes."""

DEFAULT_AXES: Axes = {
    "kind": ["call"],
    "size": [256],
    "in_flight": [64],
    "storage": ["sqlite"],
    "rate": [0],
    "agents": [1],
    "subscribers": [1],
    "beside": [0],
    "caller": ["python"],
    "host": ["python"],
    "system": ["parley"],
    "content": ["json"],
}
"""All axes, with what a scenario has where it says nothing; outermost first, so that those compared most stand near."""


class ScenarioError(Exception):
    """A file of scenarios is not what it should be."""


@dataclass(frozen=True)
class Compare:
    """What a scenario compares.

    Attributes:
        axis: whose values take turns right after one another.
        base: the value that all others are compared with.
        base_is: whether the base is what is divided (`of`) or what it is divided by (`to`).
    """

    axis: str
    base: str | float
    base_is: Literal["of", "to"]


@dataclass(frozen=True)
class Target:
    """A ratio that is expected.

    Attributes:
        id: its name.
        text: what it says, for people.
        of: the place of what is divided.
        to: where that by which it is divided differs.
        value: what of the two is compared.
        bound: which side of `limit` is good.
        limit: the ratio.
    """

    id: str
    text: str
    of: Place
    to: Place
    value: Value
    bound: Literal["at_least", "at_most"]
    limit: float


@dataclass(frozen=True)
class Scenario:
    """One question and what is measured to answer it.

    Attributes:
        id: its name.
        title: for people.
        axes: what every length has unless it says otherwise.
        lengths: the runs that it is part of, with the axes that differ there.
        compare: what is compared; None: nothing.
        targets: what is expected.
        about: what the reader of a report should know.
    """

    id: str
    title: str
    axes: Axes
    lengths: Mapping[Length, Axes]
    compare: Compare | None = None
    targets: tuple[Target, ...] = field(default=())
    about: str = ""

    def axes_of(self, length: Length) -> Axes:
        """Returns the values of every axis in a run of this length, outermost axis first."""
        return {**DEFAULT_AXES, **self.axes, **self.lengths[length]}


def load_scenarios(folder: Path, schema: Path) -> tuple[Scenario, ...]:
    """Returns the scenarios of a folder, in the order of the numbers before their files' names.

    Raises:
        ScenarioError: a file is not as the schema says, or its id is not its name.
    """
    validator = jsonschema.Draft202012Validator(json.loads(schema.read_text()))
    return tuple(_load(path, validator) for path in sorted(folder.glob("*.yaml"), key=_number))


def _number(path: Path) -> int:
    number = path.stem.partition("-")[0]
    return int(number) if number.isdigit() else 0


def _load(path: Path, validator: jsonschema.Draft202012Validator) -> Scenario:
    try:
        data = yaml.safe_load(path.read_text())
    except yaml.YAMLError as error:
        raise ScenarioError(f"{path.name}: {error}") from error
    fault = jsonschema.exceptions.best_match(validator.iter_errors(data))
    if fault is not None:
        raise ScenarioError(f"{path.name}: {fault.json_path}: {fault.message}")
    # A number in front of the name only says where it stands in the table.
    if data["id"] != path.stem.lstrip("0123456789-"):
        raise ScenarioError(f"{path.name}: its id is {data['id']!r}")
    return Scenario(
        id=data["id"],
        title=data["title"],
        axes=data["axes"],
        lengths={length: axes or {} for length, axes in data["lengths"].items()},
        compare=_compare(data["compare"]) if "compare" in data else None,
        targets=tuple(_target(target) for target in data.get("targets", ())),
        about=data.get("about", ""),
    )


def _compare(data: Mapping[str, Any]) -> Compare:
    base_is: Literal["of", "to"] = "of" if "of" in data else "to"
    return Compare(data["axis"], data[base_is], base_is)


def _target(data: Mapping[str, Any]) -> Target:
    bound: Literal["at_least", "at_most"] = "at_least" if "at_least" in data else "at_most"
    return Target(data["id"], data["text"], data["of"], data["to"], data["value"], bound, data[bound])
