"""A small results.json and a history, as the kit writes them, for the tests of the reports."""

from __future__ import annotations

from typing import Any

from parley_conformance import schemas

RULES = [
    {"id": "RPC-1", "level": "MUST", "profile": "core", "binds": "both", "text": "A request ends once; `never` twice."},
    {
        "id": "RPC-2",
        "level": "MUST",
        "profile": "core",
        "binds": "broker",
        "text": "Ids of **two** callers never meet.",
    },
    {"id": "PUB-1", "level": "SHOULD", "profile": "durable", "binds": "broker", "text": "Published means stored."},
]
ECHO, WRONG, LEFT_OUT, ALONE = (
    "rpc/echo[python-python-json]",
    "rpc/echo[python-dotnet-json]",
    "rpc/echo[dotnet-python-json]",
    "pubsub/stored[broker]",
)


def run(name: str, verdict: str = "pass", **members: Any) -> dict[str, Any]:
    """One run of results.json; the name says its case and axes."""
    case, _, axes = name.rstrip("]").partition("[")
    made: dict[str, Any] = {
        "name": name,
        "case": case,
        "family": case.partition("/")[0],
        "kind": "broker",
        "title": f"What {case} shows.",
        "level": "MUST",
        "rules": ["RPC-1", "RPC-2"],
        "verdict": verdict,
        "duration_ms": 1234,
        "repeat": f"parley-conformance run --keep '{name}'",
    }
    if axes.startswith("sdk-"):
        made |= {"kind": "sdk", "handler": axes.removeprefix("sdk-")}
    elif axes != "broker":
        caller, handler, content = axes.split("-")
        made |= {"kind": "pair", "caller": caller, "handler": handler, "content": content}
    made |= members
    told = {"fail": "fail", "pass": "pass"}.get(verdict, verdict)
    made["checks"] = [{"check": f"{case}#{rule}@{axes}", "rule": rule, "verdict": told} for rule in made["rules"]]
    return made


def results(*runs: dict[str, Any], exit_code: int = 0, **members: Any) -> dict[str, Any]:
    """A whole results.json, valid by its schema."""
    verdicts = ("pass", "fail", "expected-fail", "unsupported", "inconclusive", "harness-error", "not-run")
    checks = [check for one in runs for check in one["checks"]]
    content = {
        "format": 2,
        "kit": "0.1.0",
        "spec": {"rules": RULES, "covered": ["RPC-1", "RPC-2"]},
        "exit_code": exit_code,
        "duration_ms": 61_000,
        "summary": {name: sum(one["verdict"] == name for one in runs) for name in verdicts},
        "checks": {name: sum(one["verdict"] == name for one in checks) for name in verdicts},
        "baseline": [],
        "plan": {"filters": {"families": ["rpc"]}, "length": "default", "part": "1/2", "jobs": 2, "required": []},
        "machine": {"system": "Linux", "processor": "x86_64", "processors": 2, "python": "3.11.7"},
        "environment": {"broker": "launcher", "adapters": {"python": "python adapter.py", "dotnet": ""}},
        "runs": list(runs),
    }
    content |= members
    assert schemas.errors("results", content) == ""
    return content


def failing() -> dict[str, Any]:
    """A pair's reply that came twice in the wrong place, beside what passed and what was left out."""
    wrong = run(
        WRONG,
        "fail",
        reason="caller: c1 got the reply to c2 <&>",
        rule="RPC-2",
        party="caller",
        steps=[
            {"n": 1, "text": "do: {caller: {call: {label: c1}}}", "at_ms": 10.0, "verdict": "pass"},
            {"n": 2, "text": "see: {caller: {outcome: {label: c1}}}", "at_ms": 12.0, "verdict": "fail"},
        ],
        history="histories/wrong.json.gz",
        trace=["    10.0 caller => #1 {'request': …}"],
        logs="logs/wrong",
    )
    left = run(LEFT_OUT, "not-run", reason="dotnet is not installed")
    return results(run(ECHO, history="histories/echo.json"), wrong, left, run(ALONE, rules=["PUB-1"]), exit_code=1)


def message(at_ms: float, party: str, way: str, kind: str, label: str = "", **members: Any) -> dict[str, Any]:
    """One message of a history."""
    return {
        "at_ms": at_ms,
        "party": party,
        "connection": 1,
        "dir": way,
        "number": 1,
        "again": False,
        "kind": kind,
        "label": label,
        "id": 1,
        "re": 0,
        "came": True,
        "went": True,
        "summary": f"{{'{kind}': {{'label': '{label}'}}}}",
        "bytes": "",
        **members,
    }


def observation(at_ms: float, party: str, obs: str, label: str = "", **fields: Any) -> dict[str, Any]:
    """One observation of a history."""
    told = {"obs": obs, "i": 1, "rt": "main", "t_ms": at_ms, "label": label, **fields}
    return {"at_ms": at_ms, "party": party, "obs": obs, "label": label, "fields": told}


def history(**members: Any) -> dict[str, Any]:
    """What the reports read of a history file: one call, with the heartbeat and the fence that every run has."""
    return {
        "steps": [
            {"n": 1, "text": "do: {caller: {call: {label: c1}}}", "at_ms": 10.0, "verdict": "pass"},
            {"n": 2, "text": "see: {caller: {outcome: {label: c1}}}", "at_ms": 12.0, "verdict": "fail"},
        ],
        "parties": {"handler": {}, "caller": {}},
        "messages": [
            message(1.0, "handler", "up", "register_agent_type"),
            message(11.0, "caller", "up", "request", "c1"),
            message(12.0, "handler", "down", "request", "c1"),
            message(13.0, "handler", "up", "heartbeat"),
            message(15.0, "handler", "up", "reply", "c2"),
            message(16.0, "caller", "down", "reply", "c1"),
            message(20.0, "caller", "up", "request", "fence 1 caller handler"),
        ],
        "observations": [
            observation(14.0, "handler", "enter", "c1", attempt=2),
            observation(17.0, "caller", "outcome", "c1", error={"reason": "CANCELLED"}),
        ],
        "lines": ["    14.5 handler !! cut: cut_before", "    15.0 handler => #1 {'reply': …}"],
        **members,
    }
