"""summary.md: what came of a run on one page of a CI system, in Markdown as those read it. Pure."""

from __future__ import annotations

from parley_conformance.reports.view import SIGNS, Cell, Problem, View, first_sentence

_MOST_PROBLEMS = 20
_REASON_LENGTH = 600


def render(shown: View) -> str:
    """Makes the summary: the verdict, what did not pass with rule, party, message and command, then the matrix."""
    lines = [f"# {SIGNS[shown.verdict]} Parley conformance: {_lower(shown.headline)}", "", shown.sentence]
    lines += [f"{number} not run: {_line(reason)}" for reason, number in shown.left_out]
    lines.append("")
    if shown.baseline:
        lines += ["## The baseline is wrong", "", *(f"- {_line(text)}" for text in shown.baseline), ""]
    if shown.problems:
        lines += ["## What did not pass", ""]
        for problem in shown.problems[:_MOST_PROBLEMS]:
            lines += _problem(problem)
        if (more := len(shown.problems) - _MOST_PROBLEMS) > 0:
            lines += [f"And {more} more: report.html has them all.", ""]
    lines += ["## Matrix", "", *_matrix(shown), ""]
    lines += ["<details><summary>How it was run</summary>", "", "| | |", "| --- | --- |"]
    lines += [f"| {name} | {_code(value)} |" for name, value in shown.facts]
    return "\n".join([*lines, "", "</details>", ""])


def _problem(problem: Problem) -> list[str]:
    names = ", ".join(rule.id for rule in problem.rules)
    told = [f"### {SIGNS[problem.verdict]} {problem.case}: {problem.verdict}", "", problem.title, ""]
    if problem.certain:
        told.append(f"- **Rule {names}**: {first_sentence(problem.rules[0].text)}")
    else:
        told.append(f"- **Judges** {names}: {'; '.join(first_sentence(rule.text) for rule in problem.rules[:3])}")
    if problem.party:
        told.append(f"- **{'Broken by' if problem.verdict == 'fail' else 'Party'}**: {problem.party}")
    told.append(f"- **What happened**: {_line(problem.reason)}")
    if problem.message:
        told.append(f"- **Message**: {_code(problem.message)}")
    told.append(f"- **Again**: {_code(problem.runs[0]['repeat'])}")
    if len(problem.runs) > 1:
        told += ["", f"<details><summary>{len(problem.runs)} runs</summary>", ""]
        told += [f"- {_code(run['name'])}: {_line(run.get('reason', ''))}" for run in problem.runs]
        told += ["", "</details>"]
    return [*told, ""]


def _matrix(shown: View) -> list[str]:
    rows = [f"| family | {' | '.join(shown.columns)} |", f"| --- |{' ---: |' * len(shown.columns)}"]
    return rows + [f"| {family} | {' | '.join(_cell(cell) for cell in cells)} |" for family, cells in shown.matrix]


def _cell(cell: Cell | None) -> str:
    if cell is None:
        return ""
    if not cell.others:
        return f"✓ {cell.passed}"
    others = " ".join(f"{number}{SIGNS[name]}" for name, number in cell.others)
    return f"**{cell.passed}/{cell.planned}** {others}"


def _line(text: str) -> str:
    """Text as it is: nothing in it is Markdown, HTML, or a new line."""
    short = text if len(text) <= _REASON_LENGTH else f"{text[:_REASON_LENGTH]}…"
    for character in "\\`*_{}[]<>|#":
        short = short.replace(character, f"\\{character}")
    return " ".join(short.split())


def _code(text: str) -> str:
    """Text as code, whatever quotes it has; a bar would end a table's field."""
    short = " ".join((text if len(text) <= _REASON_LENGTH else f"{text[:_REASON_LENGTH]}…").split())
    fence = "`" * (max((len(run) for run in _runs_of_ticks(short)), default=0) + 1)
    space = " " if short.startswith("`") or short.endswith("`") else ""
    return f"{fence}{space}{short}{space}{fence}".replace("|", "\\|")


def _runs_of_ticks(text: str) -> list[str]:
    return [part for part in "".join(c if c == "`" else " " for c in text).split() if part]


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
