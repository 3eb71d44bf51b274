"""Histories of real runs, tampered with: the checks bite on what is stored as they do on what goes on."""

from __future__ import annotations

import asyncio
import gzip
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from conftest import contract

from parley_conformance import history_file, runner, spec, suite
from parley_conformance.broker import BrokerSource
from parley_conformance.cli import main
from parley_conformance.languages import PYTHON_ADAPTER, Language
from parley_conformance.model import Kind, Run, Verdict
from parley_conformance.workloads import registry

CASES = ("rpc/echo", "pubsub/order-per-recipient", "rpc/equal-ids", "session/a-new-broker")


@pytest.fixture(scope="module")
def histories(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One real run of each case, by the Python SDK and the reference broker."""
    out = tmp_path_factory.mktemp("out")
    python = Language("python", (sys.executable, str(PYTHON_ADAPTER)))
    kit = runner.Kit(contract(), BrokerSource(), {"python": python}, out / "logs", histories=out / "histories")
    runs = []
    for case in suite.load(rules=spec.read().rules, workloads=registry.ALL):
        if case.id in CASES:
            caller, content = ("python", "json") if case.kind is Kind.PAIR else ("", "")
            runs.append(Run(case, caller, "" if case.kind is Kind.BROKER else "python", content))
    assert {run.case.id for run in runs} == set(CASES)
    results = asyncio.run(runner.run_all(kit, runs, begun=lambda run: None, ended=lambda result, *, final: None))
    assert [(r.run.name, r.verdict, r.reason) for r in results if r.verdict is not Verdict.PASS] == []
    assert all((out / result.history).is_file() for result in results)
    return out / "histories"


def recheck(*paths: Path, options: tuple[str, ...] = ()) -> Result:
    return CliRunner().invoke(main, ["recheck", *options, *map(str, paths)])


def test_what_passed_passes_again(histories: Path) -> None:
    done = recheck(histories)
    assert done.exit_code == 0, done.output
    assert done.output.endswith("4 histories: 4 pass; 0 judged otherwise than when they ran\n")
    assert "not judged again: what its " in done.output
    assert recheck(histories, options=("--quiet",)).output.count("\n") == 1


def one_of(content: dict[str, Any], **members: Any) -> dict[str, Any]:
    found = [m for m in content["messages"] if all(m[name] == value for name, value in members.items())]
    assert found, members
    return found[len(found) // 2]  # type: ignore[no-any-return]


def drop(**members: Any) -> Callable[[dict[str, Any]], None]:
    return lambda content: content["messages"].remove(one_of(content, **members))


def double(**members: Any) -> Callable[[dict[str, Any]], None]:
    def tamper(content: dict[str, Any]) -> None:
        one = one_of(content, **members)
        content["messages"].insert(content["messages"].index(one), one)

    return tamper


def forget(**members: Any) -> Callable[[dict[str, Any]], None]:
    def tamper(content: dict[str, Any]) -> None:
        seen = content["observations"]
        seen.remove(next(o for o in seen if all(o[name] == value for name, value in members.items())))

    return tamper


@pytest.mark.parametrize(
    ("case", "tamper", "rule", "party"),
    [
        ("rpc/echo", drop(kind="reply", dir="down"), "RPC-1", "caller"),
        ("rpc/echo", double(kind="reply", dir="down"), "RPC-1", "broker"),
        ("rpc/echo", forget(obs="outcome"), "RPC-1", "caller"),
        ("rpc/echo", forget(obs="leave"), "RPC-11", "handler"),
        ("pubsub/order-per-recipient", double(kind="delivery", dir="down"), "DLV-11", "broker"),
        ("pubsub/order-per-recipient", drop(kind="ack", dir="up"), "MSG-3", "broker"),
        ("rpc/equal-ids", drop(kind="reply", dir="down"), "SES-7", "broker"),
        ("rpc/equal-ids", double(kind="reply", dir="down"), "MSG-3", "broker"),
        ("session/a-new-broker", double(kind="request", dir="up"), "MSG-3", "client"),
    ],
)
def test_a_history_that_was_tampered_with_fails_with_the_rule(
    histories: Path, tmp_path: Path, case: str, tamper: Callable[[dict[str, Any]], None], rule: str, party: str
) -> None:
    (path,) = histories.glob(f"{case.replace('/', '_')}_*")
    content = json.loads(gzip.decompress(path.read_bytes()))
    tamper(content)
    history_file.write(content, tmp_path / "tampered.json.gz")
    done = recheck(tmp_path / "tampered.json.gz")
    assert done.exit_code == 1, done.output
    assert f"  rule {rule}, by {party}  (was: pass)" in done.output


def test_what_is_no_history_is_a_harness_error(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{}")
    done = recheck(tmp_path / "a.json")
    assert (done.exit_code, "a.json: it is no history of format 1" in done.output) == (2, True)
    (tmp_path / "a.json").unlink()
    assert recheck(tmp_path).exit_code == 2


def test_a_failure_of_the_run_itself_stands(histories: Path, tmp_path: Path) -> None:
    (path,) = histories.glob("rpc_echo_*")
    content = json.loads(gzip.decompress(path.read_bytes()))
    content["run"] |= {"verdict": "fail", "reason": "step 2: it did not come", "rule": "RPC-1"}
    history_file.write(content, tmp_path / "failed.json.gz")
    done = recheck(tmp_path / "failed.json.gz")
    assert done.exit_code == 1
    assert "as it ran: step 2: it did not come" in done.output
