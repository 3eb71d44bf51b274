from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from programs import DOTNET, EXAMPLES, LIMIT, NPM, Program, Run

# As with all tests of .NET: where there is none, they are not run, and pytest's header says so. Likewise for Node.js.
collect_ignore = [] if DOTNET else ["test_analytics.py", "test_state_dotnet.py"]
collect_ignore += [] if NPM else ["test_node_adapter.py"]


def pytest_report_header() -> list[str]:
    missing = [] if DOTNET else ["there is no dotnet here, so the .NET examples are not run"]
    return missing + ([] if NPM else ["there is no node with npm here, so the Node.js adapter is not run"])


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    ready = tmp_path / "ready.json"
    broker = ["-m", "parley_broker", "serve", "--memory", "--listen", "127.0.0.1:0", "--ready-file", str(ready)]
    with ExitStack() as programs:

        def start(*command: str, **environment: str) -> Program:
            program = Program(list(command), environment)
            programs.callback(program.close)
            return program

        process = start(sys.executable, *broker)
        deadline = time.monotonic() + LIMIT
        while not ready.exists():
            assert process.runs, process.seen
            assert time.monotonic() < deadline, process.seen
            time.sleep(0.01)
        address = json.loads(ready.read_text())["address"]

        def run(*command: str, **environment: str) -> Program:
            python = [sys.executable, str(EXAMPLES / command[0])] if command[0].endswith(".py") else [command[0]]
            return start(*python, *command[1:], PARLEY_BROKER_URL=f"grpc://{address}", **environment)

        yield run
