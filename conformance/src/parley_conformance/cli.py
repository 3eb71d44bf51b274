"""The command `parley-conformance`: run, list, explain, coverage."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from rich.markup import escape

from parley_conformance import __version__, exitcode, languages, plan, runner, spec, suite
from parley_conformance import coverage as rules_shown
from parley_conformance.broker import BrokerSource
from parley_conformance.explain import explain as explain_case
from parley_conformance.model import Case, HarnessError, Kind, Run
from parley_conformance.paths import CONFORMANCE
from parley_conformance.reports import console as shown
from parley_conformance.reports import files
from parley_conformance.workloads import registry

DEFAULT_OUT = CONFORMANCE.parent / "build" / "conformance"


class _HarnessFailure(click.ClickException):
    exit_code = exitcode.HARNESS_ERROR


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """Says whether an SDK or a broker does what the contract promises, and where not, which rule it breaks.

    Exit codes: 0 conforms, 1 fails, 2 harness error (also: nothing to run), 3 inconclusive.
    """


def _selecting(command: Callable[..., Any]) -> Callable[..., Any]:
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


@main.command()
@_selecting
@click.option("--jobs", default=2, show_default=True, type=click.IntRange(1, 64), help="Runs at the same time.")
@click.option("--require", "required", multiple=True, help="Fail (exit code 2) if this language cannot take part.")
@click.option(
    "--out", default=DEFAULT_OUT, type=click.Path(path_type=Path, file_okay=False), help="For reports and logs."
)
@click.option("--broker", default="", metavar="COMMAND", help="A broker launcher instead of the reference broker's.")
@click.option("--address", default="", metavar="grpc://HOST:PORT", help="A broker that runs already.")
@click.option("--length", default="default", type=click.Choice(["default", "full"]), help="full: long histories, too.")
@click.option("--keep", is_flag=True, help="Keep the logs of what passed, too.")
def run(
    jobs: int,
    required: tuple[str, ...],
    out: Path,
    broker: str,
    address: str,
    length: str,
    keep: bool,
    **selection: Any,
) -> None:
    """Runs cases. CASE is a case's id, a glob of ids, or the name of a run; none: all."""
    console = shown.console_for(sys.stdout)
    if broker and address:
        raise click.UsageError("--broker and --address exclude each other")
    known, contract, runs = _plan(selection)
    if length == "full":
        runs = [replace(one, case=suite.at_length(one.case)) for one in runs]
    unknown = sorted(set(required) - set(known))
    if unknown:
        raise click.UsageError(f"--require {unknown[0]}: there is no such adapter; there are {', '.join(known)}")
    if not runs:
        raise _HarnessFailure("no case fits: nothing to run")
    source = BrokerSource(address=address) if address else BrokerSource.launcher(broker) if broker else BrokerSource()
    out.mkdir(parents=True, exist_ok=True)
    kit = runner.Kit(contract, source, known, out / "logs", jobs, keep)
    with shown.Progressing(console, len(runs)) as progress:
        results = asyncio.run(runner.run_all(kit, runs, begun=progress.begun, ended=progress.ended))
    code = exitcode.of(results, required)
    commands = {name: " ".join(one.command) for name, one in known.items()}
    try:
        content = files.as_json(
            results, contract, exit_code=code, broker=address or " ".join(source.command), adapters=commands
        )
    except HarnessError as error:
        raise _HarnessFailure(str(error)) from error
    files.write_json(content, out / "results.json")
    files.write_junit(results, out / "junit.xml")
    shown.matrix(console, results)
    for language in required:
        if missing := known[language].missing:
            console.print(f"[bold red]required: {escape(language)}: {escape(missing)}[/]", soft_wrap=True)
    console.print(f"written: {escape(str(out / 'results.json'))}, {escape(str(out / 'junit.xml'))}", soft_wrap=True)
    sys.exit(code)


@main.command(name="list")
@_selecting
def list_cases(**selection: Any) -> None:
    """Lists the runs that a selection has, each with its rules."""
    _, _, runs = _plan(selection)
    if not runs:
        raise _HarnessFailure("no case fits")
    for one in runs:
        click.echo(f"{one.name}  {' '.join(one.case.covers)}")
    click.echo(f"{len({one.case.id for one in runs})} cases, {len(runs)} runs", err=True)


@main.command()
@click.argument("case")
def explain(case: str) -> None:
    """Tells a case: what it shows, its rules in words, who takes part, its steps."""
    cases, contract = _load()
    for one in cases:
        if one.id == case.partition("[")[0]:
            click.echo(explain_case(one, contract))
            return
    near = [one.id for one in cases if case.rpartition("/")[2] in one.id]
    raise _HarnessFailure(f"there is no case {case!r}" + (f"; is it one of {', '.join(near)}?" if near else ""))


@main.command()
@click.option("--profile", "profiles", multiple=True, help="Only rules of this profile; may be repeated.")
def coverage(profiles: tuple[str, ...]) -> None:
    """Lists the MUSTs of SPEC.md that neither a case nor a test shows; exit code 1 if there are any.

    A case names its rules in `covers`, a test in a comment or docstring: `covers: SES-9, SES-14`.
    """
    cases, contract = _load()
    known = rules_shown.shown(cases)
    if wrong := rules_shown.unheard_of(contract.rules, known):
        raise _HarnessFailure("\n".join(wrong))
    rules = {key: rule for key, rule in contract.rules.items() if not profiles or rule.profile in profiles}
    left = rules_shown.missing(rules, known)
    for rule in left:
        click.echo(f"{rule.id}  {rule.profile}, {rule.binds}: {rule.text[:90]}")
    musts = sum(rule.level == "MUST" for rule in rules.values())
    click.echo(f"{musts} rules are a MUST, {len(left)} of them shown by nothing", err=True)
    sys.exit(exitcode.FAILS if left else exitcode.CONFORMS)


def _load() -> tuple[list[Case], spec.Spec]:
    try:
        contract = spec.read()
        return suite.load(rules=contract.rules, workloads=registry.ALL), contract
    except (suite.SuiteError, OSError, ValueError) as error:
        raise _HarnessFailure(f"the suites cannot be used:\n{error}") from error


def _plan(selection: dict[str, Any]) -> tuple[dict[str, languages.Language], spec.Spec, list[Run]]:
    cases, contract = _load()
    try:
        known = languages.discover(selection.pop("added"))
    except ValueError as error:
        raise click.UsageError(f"--adapter {error}") from error
    text = selection.pop("text")
    if unknown := sorted(set(selection["rules"]) - set(contract.rules)):
        raise click.UsageError(f"--rule {unknown[0]}: SPEC.md has no such rule")
    runs = plan.make(cases, list(known), plan.Filter(**selection))
    return known, contract, [one for one in runs if text in one.name]


if __name__ == "__main__":
    main()
