"""What a report shows, made of results.json: the verdict, who broke which rule, the matrix, cases and rules.

Pure: plain data in, plain values out.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Json = Mapping[str, Any]

SIGNS = {
    "fail": "✗",
    "harness-error": "!",
    "inconclusive": "?",
    "unsupported": "○",
    "expected-fail": "≈",
    "not-run": "–",
    "pass": "✓",
}
"""The verdicts, worst first, each with the sign that stands beside its word or its number."""
_PROBLEMS = frozenset({"fail", "harness-error", "inconclusive", "unsupported", "expected-fail"})
_HEADLINES = {
    0: ("pass", "Conforms"),
    1: ("fail", "Does not conform"),
    2: ("harness-error", "Could not be judged"),
    3: ("inconclusive", "Inconclusive"),
}


@dataclass(frozen=True)
class Rule:
    """A rule of SPEC.md as the report tells it; `text` is Markdown, and empty where the results do not have it."""

    id: str
    level: str = ""
    profile: str = ""
    binds: str = ""
    text: str = ""


@dataclass(frozen=True)
class Problem:
    """What did not pass for one reason, on one or more points of a case's axes.

    Attributes:
        verdict: Of its runs.
        case: Its id.
        title: What the case shows.
        rules: The rule that broke; the case's rules if it cannot be said which.
        certain: `rules` has the one that broke.
        party: Who broke it, in words.
        message: The message or observation that the first of the runs failed about, if it is known.
        reason: What was expected, and what came, in the first of the runs.
        runs: The runs, in the plan's order.
    """

    verdict: str
    case: str
    title: str
    rules: tuple[Rule, ...]
    certain: bool
    party: str
    message: str
    reason: str
    runs: tuple[Json, ...]


@dataclass(frozen=True)
class Cell:
    """One field of the matrix: passed of planned, and how many runs had each other verdict, worst first."""

    passed: int
    planned: int
    others: tuple[tuple[str, int], ...]

    @property
    def worst(self) -> str:
        """The worst verdict in it."""
        return self.others[0][0] if self.others else "pass"


@dataclass(frozen=True)
class CaseView:
    """A case with its runs."""

    id: str
    title: str
    kind: str
    level: str
    rules: tuple[Rule, ...]
    runs: tuple[Json, ...]

    @property
    def worst(self) -> str:
        """The worst verdict of its runs."""
        return worst(run["verdict"] for run in self.runs)


@dataclass(frozen=True)
class RuleView:
    """A rule, and the cases that judge it: id, worst verdict, and the mutants that it kills."""

    rule: Rule
    cases: tuple[tuple[str, str, tuple[str, ...]], ...]


@dataclass(frozen=True)
class View:
    """All that a report shows."""

    verdict: str
    headline: str
    sentence: str
    counts: tuple[tuple[str, int], ...]
    problems: tuple[Problem, ...]
    baseline: tuple[str, ...]
    left_out: tuple[tuple[str, int], ...]
    columns: tuple[str, ...]
    matrix: tuple[tuple[str, tuple[Cell | None, ...]], ...]
    families: tuple[tuple[str, tuple[CaseView, ...]], ...]
    rules: tuple[RuleView, ...]
    facts: tuple[tuple[str, str], ...]
    anchors: Mapping[str, str] = field(default_factory=dict)


def make(results: Json, kill_matrix: Json | None = None, messages: Mapping[str, str] | None = None) -> View:
    """Makes the view.

    Args:
        results: What results.json has.
        kill_matrix: What kill-matrix.json has, where there is one.
        messages: What the failure of a run is about, by the run's name, where that is known.
    """
    runs: Sequence[Json] = results["runs"]
    rules = _rules(results)
    count = Counter(run["verdict"] for run in runs)
    verdict, headline = _HEADLINES[results["exit_code"]]
    plan = results["plan"]
    if verdict == "pass" and (count["not-run"] or plan["filters"] or plan["part"] != "1/1"):
        headline = "What was run conforms"
    columns = tuple(dict.fromkeys(axis(run) for run in runs))
    families = tuple(dict.fromkeys(run["family"] for run in runs))
    return View(
        verdict=verdict,
        headline=headline,
        sentence=_sentence(count, len(runs)),
        counts=tuple((name, count[name]) for name in SIGNS if count[name]),
        problems=_problems(runs, rules, messages or {}),
        baseline=tuple(results["baseline"]),
        left_out=tuple(Counter(run.get("reason", "") for run in runs if run["verdict"] == "not-run").items()),
        columns=(*columns, "all"),
        matrix=tuple((family, _row([r for r in runs if r["family"] == family], columns)) for family in families)
        + ((("all", _row(runs, columns)),) if len(families) > 1 else ()),
        families=tuple((family, _cases([r for r in runs if r["family"] == family], rules)) for family in families),
        rules=_covered(runs, rules, _kills(kill_matrix or {})),
        facts=_facts(results),
        anchors=_anchors(run["name"] for run in runs),
    )


def worst(verdicts: Iterable[str]) -> str:
    """The worst of some verdicts."""
    order = list(SIGNS)
    return min(verdicts, key=order.index)


def axis(run: Json) -> str:
    """Who takes part: `broker`, `python SDK`, or `python→dotnet`."""
    if run["kind"] == "pair":
        return f"{run['caller']}→{run['handler']}"
    return f"{run['handler']} SDK" if run["kind"] == "sdk" else "broker"


def party_in_words(run: Json) -> str:
    """Who broke the rule: with its language, where it has one."""
    name = run.get("party", "")
    if run["kind"] == "broker":
        return "the broker" if run["verdict"] == "fail" or name else ""
    if run["kind"] == "sdk":
        return f"the {run['handler']} SDK" if run["verdict"] == "fail" or name else ""
    if name == "broker":
        return "the broker"
    if name:
        return f"{name} (the {run['caller'] if name == 'caller' else run['handler']} SDK)"
    return f"cannot be said: {run['caller']} SDK, broker or {run['handler']} SDK" if run["verdict"] == "fail" else ""


def _sentence(count: Counter[str], planned: int) -> str:
    if count["pass"] == planned:
        return f"All {planned} runs passed." if planned > 1 else "The one run passed."
    words = {"fail": "failed", "harness-error": "could not be judged", "not-run": "not run", "pass": "passed"}
    told = [f"{count[name]} {words.get(name, name)}" for name in ("pass", *SIGNS) if count[name]]
    return f"{planned} runs: {', '.join(dict.fromkeys(told))}."


def _rules(results: Json) -> dict[str, Rule]:
    found: dict[str, Rule] = {}
    for one in results["spec"]["rules"]:
        found[one["id"]] = Rule(**{name: one.get(name, "") for name in ("id", "level", "profile", "binds", "text")})
    return found


def _problems(runs: Sequence[Json], rules: Mapping[str, Rule], messages: Mapping[str, str]) -> tuple[Problem, ...]:
    grouped: dict[tuple[str, ...], list[Json]] = {}
    for run in runs:
        if run["verdict"] in _PROBLEMS:
            # Reasons name languages and times, and differ; a group is of those where one broke one rule in one case.
            key = (run["verdict"], run["case"], run.get("rule", ""), run.get("party", ""))
            grouped.setdefault(key, []).append(run)
    order = list(SIGNS)
    made = []
    # Who is named counts before who cannot be; so does a broker or an SDK judged alone before a pair.
    ranked = sorted(
        grouped.items(),
        key=lambda item: (order.index(item[0][0]), not item[0][2], item[1][0]["kind"] == "pair", not item[0][3]),
    )
    for (verdict, case, rule, _), own in ranked:
        first = own[0]
        certain = bool(rule) and verdict in ("fail", "expected-fail")
        made.append(
            Problem(
                verdict=verdict,
                case=case,
                title=first["title"],
                rules=tuple(rules.get(one, Rule(one)) for one in ([rule] if certain else first["rules"])),
                certain=certain,
                party=party_in_words(first),
                message=messages.get(first["name"], ""),
                reason=first.get("reason", ""),
                runs=tuple(own),
            )
        )
    return tuple(made)


def _cell(runs: Sequence[Json]) -> Cell:
    count = Counter(run["verdict"] for run in runs)
    others = tuple((name, count[name]) for name in SIGNS if name != "pass" and count[name])
    return Cell(count["pass"], len(runs), others)


def _row(runs: Sequence[Json], columns: Sequence[str]) -> tuple[Cell | None, ...]:
    by_axis: dict[str, list[Json]] = {}
    for run in runs:
        by_axis.setdefault(axis(run), []).append(run)
    return (*(_cell(by_axis[one]) if one in by_axis else None for one in columns), _cell(runs))


def _cases(runs: Sequence[Json], rules: Mapping[str, Rule]) -> tuple[CaseView, ...]:
    by_case: dict[str, list[Json]] = {}
    for run in runs:
        by_case.setdefault(run["case"], []).append(run)
    return tuple(
        CaseView(
            id=case,
            title=own[0]["title"],
            kind=own[0]["kind"],
            level=own[0]["level"],
            rules=tuple(rules.get(one, Rule(one)) for one in own[0]["rules"]),
            runs=tuple(own),
        )
        for case, own in by_case.items()
    )


def _kills(kill_matrix: Json) -> dict[str, tuple[str, ...]]:
    """Mutants by the checks, `CASE#RULE`, that kill them."""
    checks = [check for rule in kill_matrix.get("rules", ()) for check in rule["checks"]]
    return {check["check"]: tuple(check["mutants"]) for check in checks}


def _covered(
    runs: Sequence[Json], rules: Mapping[str, Rule], kills: Mapping[str, tuple[str, ...]]
) -> tuple[RuleView, ...]:
    judged: dict[str, dict[str, list[str]]] = {}
    for run in runs:
        for rule in run["rules"]:
            judged.setdefault(rule, {}).setdefault(run["case"], []).append(run["verdict"])
    made = []
    for one in rules.values():
        cases = judged.get(one.id, {})
        told = ((case, worst(verdicts), kills.get(f"{case}#{one.id}", ())) for case, verdicts in cases.items())
        made.append(RuleView(one, tuple(told)))
    return tuple(made)


def _facts(results: Json) -> tuple[tuple[str, str], ...]:
    environment, plan, machine = results["environment"], results["plan"], results["machine"]
    chosen = [
        f"{name} {' '.join(map(str, value)) if isinstance(value, list) else value}"
        for name, value in plan["filters"].items()
    ]
    chosen += [f"length {plan['length']}"] if plan["length"] != "default" else []
    chosen += [f"part {plan['part']}"] if plan["part"] != "1/1" else []
    return (
        ("broker", environment["broker"]),
        *((f"{name} adapter", command) for name, command in environment["adapters"].items() if command),
        ("plan", f"{', '.join(chosen) or 'everything'}; {plan['jobs']} at a time"),
        (
            "machine",
            f"{machine['system']} {machine['processor']}, {machine['processors']} processors, "
            f"Python {machine['python']}",
        ),
        ("kit", str(results["kit"])),
        ("took", duration(results["duration_ms"])),
        ("exit code", str(results["exit_code"])),
    )


def first_sentence(text: str) -> str:
    """What a rule says first; a stop within an abbreviation or a name ends nothing."""
    return re.split(r"(?<=[.;]) (?=[A-Z`*])|(?<=;) ", text, maxsplit=1)[0].rstrip(";")


def duration(milliseconds: float) -> str:
    """A length of time for people: `240 ms`, `3.2 s`, `6 min 12 s`."""
    if milliseconds < 1000:
        return f"{milliseconds:.0f} ms"
    if milliseconds < 60_000:
        return f"{milliseconds / 1000:.1f} s"
    minutes, rest = divmod(round(milliseconds / 1000), 60)
    return f"{minutes} min {rest} s"


def _anchors(names: Iterable[str]) -> dict[str, str]:
    """A fragment for each run that is legal in an address; names that differ in other characters alone get a number."""
    made: dict[str, str] = {}
    taken: Counter[str] = Counter()
    for name in names:
        plain = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-")
        taken[plain] += 1
        made[name] = plain if taken[plain] == 1 else f"{plain}--{taken[plain]}"
    return made
