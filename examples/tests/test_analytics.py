from __future__ import annotations

import subprocess

import pytest
from programs import DOTNET, EXAMPLES, Run


@pytest.fixture
def dotnet() -> str:
    """The dotnet program, with the .NET examples built."""
    assert DOTNET is not None
    for name in ("agent", "caller"):
        build = [
            DOTNET,
            "build",
            "-c",
            "Release",
            "-v",
            "quiet",
            "-nodeReuse:false",
            str(EXAMPLES / "analytics" / name),
        ]
        subprocess.run(build, check=True, stdin=subprocess.DEVNULL, timeout=300)
    return DOTNET


# Builds two programs.
@pytest.mark.timeout(400)
def test_analytics(run: Run, dotnet: str) -> None:
    def program(name: str, assembly: str) -> str:
        return str(EXAMPLES / "analytics" / name / "bin" / "Release" / "net10.0" / f"{assembly}.dll")

    agent = run(dotnet, program("agent", "Analytics"))
    agent.line("Analytics is ready")
    collector = run("analytics/python/collector.py")
    assert collector.line("From") == "From Python: mean 5.00, standard deviation 2.00"
    assert run(dotnet, program("caller", "Caller")).end() == ["From .NET: mean 5.00, standard deviation 2.00"]
    collector.stop()
    agent.stop()
