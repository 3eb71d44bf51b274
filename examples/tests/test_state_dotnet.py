from __future__ import annotations

import subprocess

import pytest
from programs import DOTNET, EXAMPLES, Run

WORKER = EXAMPLES / "state" / "dotnet"


# Builds a program.
@pytest.mark.timeout(400)
def test_state_goes_on_in_another_language(run: Run) -> None:
    assert DOTNET is not None
    build = [DOTNET, "build", "-c", "Release", "-v", "quiet", "-nodeReuse:false", str(WORKER)]
    subprocess.run(build, check=True, stdin=subprocess.DEVNULL, timeout=300)
    worker = run("state/worker.py")
    worker.line("Worker is ready")
    assert run("state/caller.py", "milk", "two").end() == ["Notes: {'milk': 'two'}"]
    worker.stop()
    worker = run(DOTNET, str(WORKER / "bin" / "Release" / "net10.0" / "Worker.dll"))
    worker.line("Worker is ready")
    assert run("state/caller.py", "eggs", "six").end() == ["Notes: {'milk': 'two', 'eggs': 'six'}"]
    worker.stop()
    worker = run("state/worker.py")
    worker.line("Worker is ready")
    assert run("state/caller.py", "bread", "one").end() == ["Notes: {'milk': 'two', 'eggs': 'six', 'bread': 'one'}"]
    assert worker.stop() == ["Worker is ready", "Agent restored with state: {'milk': 'two', 'eggs': 'six'}"]
