from __future__ import annotations

import pytest
from conftest import broker_case, pair_case

from parley_conformance.model import Run


@pytest.mark.parametrize(
    ("run", "name", "languages"),
    [
        (
            Run(pair_case(id="rpc/echo"), "python", "dotnet", "json"),
            "rpc/echo[python-dotnet-json]",
            ("python", "dotnet"),
        ),
        (
            Run(pair_case(id="rpc/echo"), "dotnet", "dotnet", "protobuf"),
            "rpc/echo[dotnet-dotnet-protobuf]",
            ("dotnet",),
        ),
        (Run(broker_case(id="hostile/no-frame")), "hostile/no-frame[broker]", ()),
    ],
)
def test_names_of_runs(run: Run, name: str, languages: tuple[str, ...]) -> None:
    assert run.name == name
    assert run.languages == languages
    assert run.case.family == name.partition("/")[0]
