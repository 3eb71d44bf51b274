"""Cases of kind `sdk` in tests, with the adapter of the Python SDK."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from conftest import broker_case

from parley_conformance import sdk_case
from parley_conformance.languages import PYTHON_ADAPTER
from parley_conformance.model import Kind, Run
from parley_conformance.timing import LagMeter

CALL = {"do": {"client": {"call": {"label": "c1", "to": "other/k"}}}}
GET = {"get": {"label": "c1", "request": {"target": "other/k"}}, "as": "c1"}
ANSWER = {"answer": {"reply": {"envelope": {"answer": {"value": "hi"}}}}, "to": "c1"}
SEE = {"see": {"client": {"outcome": {"label": "c1", "reply": {"value": {"value": "hi"}}}}}}


async def play(folder: Path, *steps: dict[str, Any], **fields: Any) -> None:
    """Plays a case of these steps."""
    parties = fields.pop("parties", {"client": {"agents": {"probe": "probe"}}})
    case = broker_case(kind=Kind.SDK, steps=steps, parties=parties, **fields)
    commands = {"python": (sys.executable, str(PYTHON_ADAPTER))}
    table = sdk_case.Table(Run(case, handler="python"), commands, folder, LagMeter())
    try:
        await sdk_case.play(table, case)
    finally:
        await table.close()
