"""What several verbs share: the options that select runs, and the plan that they make."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import click

from parley_conformance import exitcode, languages, plan, profiles, spec, suite
from parley_conformance.model import Case, Kind, Run
from parley_conformance.workloads import registry

Discover = Callable[[Iterable[str]], dict[str, languages.Language]]


class HarnessFailure(click.ClickException):
    """Ends the command with a text and exit code 2."""

    exit_code = exitcode.HARNESS_ERROR


@dataclass(frozen=True)
class Selected:
    """The adapters that there are, the contract, the runs that the options leave, and all that there are.

    `filters` has the options that were given, as plain data, without the part.
    """

    languages: dict[str, languages.Language]
    contract: spec.Spec
    runs: list[Run]
    known: list[Run]
    filters: dict[str, Any]
    part: plan.Part


def selecting(command: Callable[..., Any]) -> Callable[..., Any]:
    """Gives a command the options that select runs; it hands them to `select`."""
    for option in reversed(
        [
            click.argument("cases", nargs=-1, metavar="[CASE]..."),
            click.option("--filter", "text", default="", help="Only runs whose name contains this text."),
            click.option("--family", "families", multiple=True, help="Only this family; may be repeated."),
            click.option("--pair", "pairs", multiple=True, help="Only this pair, e.g. python-dotnet."),
            click.option("--content", "contents", multiple=True, type=click.Choice(["json", "protobuf"])),
            click.option("--kind", "kinds", multiple=True, type=click.Choice([kind.value for kind in Kind])),
            click.option("--rule", "rules", multiple=True, help="Only cases that cover this rule, e.g. RPC-9."),
            click.option("--level", "levels", multiple=True, type=click.Choice(["MUST", "SHOULD", "MAY"])),
            click.option(
                "--profile",
                "profiles",
                multiple=True,
                type=click.Choice(profiles.current().names),
                help="Only cases of this profile, or of these; it is claimed for all parties, whatever they announce.",
            ),
            click.option("--part", default="1/1", metavar="N/OF", help="One share of it all, e.g. 1/4."),
            click.option("--adapter", "added", multiple=True, metavar="NAME=COMMAND", help="An adapter."),
        ]
    ):
        command = option(command)
    return command


def select(selection: dict[str, Any], discover: Discover = languages.discover) -> Selected:
    """Makes the plan that the options ask for; it may be empty. `discover` finds the adapters.

    Raises:
        click.UsageError: An option names what there is not.
        HarnessFailure: The suites cannot be used.
    """
    cases, contract = load()
    try:
        known = discover(selection.pop("added"))
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    try:
        part = plan.Part.read(selection.pop("part"))
    except ValueError as error:
        raise click.UsageError(f"--part {error}") from error
    text = selection.pop("text")
    if unknown := sorted(set(selection["rules"]) - set(contract.rules)):
        raise click.UsageError(f"--rule {unknown[0]}: SPEC.md has no such rule")
    filters = {name: list(values) for name, values in selection.items() if values} | ({"text": text} if text else {})
    if selection.get("profiles"):
        cases = [replace(case, claimed=True) for case in cases]
    everything = plan.make(cases, list(known), plan.Filter())
    wanted = plan.Filter(**selection)
    runs = [run for run in everything if wanted.takes(run) and text in run.name]
    return Selected(known, contract, part.take(runs), everything, filters, part)


def load() -> tuple[list[Case], spec.Spec]:
    """Reads all cases and the contract.

    Raises:
        HarnessFailure: They cannot be used; the text has all that is wrong.
    """
    try:
        contract = spec.read()
        return suite.load(rules=contract.rules, workloads=registry.ALL), contract
    except (suite.SuiteError, OSError, ValueError) as error:
        raise HarnessFailure(f"the suites cannot be used:\n{error}") from error
