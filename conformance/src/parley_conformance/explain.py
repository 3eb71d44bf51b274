"""A case told for people."""

from __future__ import annotations

import textwrap
from typing import Any

import yaml

from parley_conformance import profiles
from parley_conformance.model import Case, Kind
from parley_conformance.spec import Spec


def explain(case: Case, contract: Spec) -> str:
    """Tells what a case shows, its rules in words, who takes part, and its steps."""
    about = f"{case.level}, profile {' and '.join(profiles.current().of(case))}, kind {case.kind.value}, {case.source}"
    lines = [f"{case.id}  ({about})", f"  {case.title}", "", "rules"]
    for rule in case.covers:
        text = contract.rules[rule].text.replace("**", "")
        lines += textwrap.wrap(text, 116, initial_indent=f"  {rule}  ", subsequent_indent=" " * (len(rule) + 4))
    if case.kind is Kind.PAIR:
        lines += ["", f"content types  {', '.join(case.contents)}"]
    if case.requires:
        lines += ["", f"requires  {', '.join(case.requires)}"]
    for title, value in (("broker", case.broker), ("parties", case.parties)):
        if value:
            lines += ["", title, _indented(value)]
    if case.workload:
        lines += ["", f"workload  {case.workload}", _indented(case.arguments) if case.arguments else ""]
    if case.steps:
        lines += ["", "steps"]
        lines += [f"  {number:>2}  {step_text(step)}" for number, step in enumerate(case.steps, 1)]
    if case.never:
        lines += ["", "never", *(f"      {step_text(one)}" for one in case.never)]
    return "\n".join(lines).rstrip()


def step_text(value: Any) -> str:
    """A step in one line."""
    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=10_000, allow_unicode=True)
    return str(text).strip()


def _indented(value: Any) -> str:
    return textwrap.indent(str(yaml.safe_dump(value, sort_keys=False, allow_unicode=True)).rstrip(), "  ")
