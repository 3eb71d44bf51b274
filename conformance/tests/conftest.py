"""What the kit's own tests share: fake adapters and launchers, cases made up on the spot, a broker that is real."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from parley_conformance import runner, spec
from parley_conformance.broker import Broker, BrokerSource
from parley_conformance.broker_case import Table
from parley_conformance.languages import Language
from parley_conformance.model import Case, Kind, Run
from parley_conformance.timing import LagMeter

FAKES = Path(__file__).parent / "fakes"
DOTNET = shutil.which("dotnet")
collect_ignore = [] if DOTNET else ["test_scaffold_dotnet.py"]


def pytest_report_header() -> str | None:
    """Says what is left out where .NET is missing."""
    return None if DOTNET else "there is no dotnet here, so the .NET scaffold is not built"


def program(path: Path) -> Any:
    """A program that is no module of a package, as one."""
    found = importlib.util.spec_from_file_location(path.stem, path)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def fake_adapter(flaw: str = "") -> tuple[str, ...]:
    """The command of the fake adapter, with a flaw."""
    return (sys.executable, str(FAKES / "adapter.py"), flaw)


def fake_launcher(flaw: str = "none") -> BrokerSource:
    """A launcher of no broker, with a flaw."""
    return BrokerSource(command=(sys.executable, str(FAKES / "launcher.py"), flaw))


def fake_kit(folder: Path, *, flaw: str = "", launcher: str = "none", **more: Any) -> runner.Kit:
    """A kit whose languages `good` and `bad` are the fake adapter without and with a flaw."""
    languages = {
        "good": Language("good", fake_adapter()),
        "bad": Language("bad", fake_adapter(flaw)),
        "gone": Language("gone", (), "there is no such language here"),
    }
    return runner.Kit(contract(), fake_launcher(launcher), languages, folder, jobs=2, **more)


def pair_case(**fields: Any) -> Case:
    """A case of kind `pair`: one call that is answered."""
    known: dict[str, Any] = {
        "id": "rpc/made-up",
        "title": "a call is answered",
        "kind": Kind.PAIR,
        "covers": ("RPC-1",),
        "source": "rpc.yaml",
        "parties": {"caller": {}, "handler": {"agents": {"probe": "probe"}}},
        "steps": [
            {"do": {"caller": {"call": {"label": "c1", "to": "probe/k", "do": [{"reply": "hi"}]}}}},
            {"see": {"caller": {"outcome": {"label": "c1", "reply": {"value": {"value": "hi"}}}}}, "within_ms": 500},
        ],
    }
    return Case(**{**known, **fields})


def broker_case(**fields: Any) -> Case:
    """A case of kind `broker` without steps: it passes if the broker works."""
    known: dict[str, Any] = {
        "id": "rpc/made-up",
        "title": "the broker works",
        "kind": Kind.BROKER,
        "covers": ("RPC-1",),
        "source": "rpc.yaml",
    }
    return Case(**{**known, **fields})


def contract() -> spec.Spec:
    """SPEC.md as read."""
    return spec.read()


@pytest_asyncio.fixture
async def table(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Table]:
    """A table with the reference broker; `@pytest.mark.parametrize("table", [settings], indirect=True)` sets it up."""
    settings: Mapping[str, Any] = getattr(request, "param", {})
    broker = await Broker.launch(BrokerSource(), settings, tmp_path)
    made = Table(broker, Run(broker_case()), contract(), LagMeter())
    try:
        yield made
    finally:
        await made.close()
        await broker.close()
