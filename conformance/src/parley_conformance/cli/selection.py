"""What several verbs share: the options that select runs, and the plan that they make."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import click

from parley_conformance import exitcode, languages, plan, spec, suite
from parley_conformance.model import Case, Kind, Run
from parley_conformance.workloads import registry


class HarnessFailure(click.ClickException):
    """Ends the command with a text and exit code 2."""

    exit_code = exitcode.HARNESS_ERROR


@dataclass(frozen=True)
class Selected:
    """The adapters that there are, the contract, and the runs that the options leave."""

    languages: dict[str, languages.Language]
    contract: spec.Spec
    runs: list[Run]


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
            click.option("--adapter", "added", multiple=True, metavar="NAME=COMMAND", help="An adapter."),
        ]
    ):
        command = option(command)
    return command


def select(selection: dict[str, Any]) -> Selected:
    """Makes the plan that the options ask for; it may be empty.

    Raises:
        click.UsageError: An option names what there is not.
        HarnessFailure: The suites cannot be used.
    """
    cases, contract = load()
    try:
        known = languages.discover(selection.pop("added"))
    except ValueError as error:
        raise click.UsageError(f"--adapter {error}") from error
    text = selection.pop("text")
    if unknown := sorted(set(selection["rules"]) - set(contract.rules)):
        raise click.UsageError(f"--rule {unknown[0]}: SPEC.md has no such rule")
    runs = plan.make(cases, list(known), plan.Filter(**selection))
    return Selected(known, contract, [one for one in runs if text in one.name])


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
