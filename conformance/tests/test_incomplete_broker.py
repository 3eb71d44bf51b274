"""A broker that does calls and nothing else gets exactly the verdicts that it deserves."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

import pytest
from conftest import FAKES, contract

from parley_conformance import exitcode, languages, profiles, runner, suite
from parley_conformance.broker import BrokerSource
from parley_conformance.model import Kind, Result, Run, Verdict
from parley_conformance.workloads import registry

CASES = {case.id: case for case in suite.load(rules=contract().rules, workloads=registry.ALL)}
PASS, FAIL, UNSUPPORTED = Verdict.PASS, Verdict.FAIL, Verdict.UNSUPPORTED
# Of each case the verdict, and what its text says of what is missing.
EXPECTED = [
    ("rpc/equal-ids", PASS, ""),
    ("rpc/no-responders", PASS, ""),
    ("rpc/echo", PASS, ""),
    ("rpc/handler-raises", PASS, ""),
    ("rpc/unhandled-message", PASS, ""),
    ("rpc/waits-when-asked", FAIL, "a got {'error': {}}, which must never come"),
    ("rpc/cancel-reaches-handler", FAIL, "the broker got cancel c1 from caller, and sent handler nothing of it"),
    ("hostile/no-frame", FAIL, "the broker did not end the connection within 5000 ms"),
    ("hostile/second-hello", FAIL, "the broker did not end the connection within 5000 ms"),
    ("pubsub/exact-and-prefix", FAIL, "subscribe was refused: .*no such kind of message"),
    ("session/resume", UNSUPPORTED, "the broker does not claim profile durable"),
    ("state/saved-and-given", UNSUPPORTED, "no such setting: session_grace_ms"),
    ("rpc/worker-connection-lost", UNSUPPORTED, "no such setting: session_grace_ms"),
]


async def play(tmp_path: Path, case: str, flaw: str = "none") -> Result:
    source = BrokerSource(command=(sys.executable, str(FAKES / "incomplete_broker.py"), flaw))
    kit = runner.Kit(contract(), source, languages.discover(), tmp_path)
    run = Run(CASES[case]) if CASES[case].kind is Kind.BROKER else Run(CASES[case], "python", "python", "json")
    async with asyncio.timeout(60):
        return await runner.run_one(kit, run)


@pytest.mark.parametrize(("case", "verdict", "text"), EXPECTED, ids=[case for case, _, _ in EXPECTED])
async def test_each_verdict(tmp_path: Path, case: str, verdict: Verdict, text: str) -> None:
    result = await play(tmp_path, case)
    assert result.verdict is verdict, result.reason
    assert re.search(text, result.reason), result.reason
    # What it lacks counts only where it claims it.
    beyond = set(profiles.current().of(CASES[case])) - {"core"}
    conforms = verdict is PASS or (verdict is UNSUPPORTED and beyond)
    assert exitcode.of([result]) == (exitcode.CONFORMS if conforms else exitcode.FAILS)


async def test_what_it_gets_wrong_is_told_with_its_rule(tmp_path: Path) -> None:
    result = await play(tmp_path, "rpc/equal-ids", "callers-ids")
    assert result.verdict is FAIL, result.reason
    assert result.rule in ("RPC-2", "MSG-3", ""), result.rule
