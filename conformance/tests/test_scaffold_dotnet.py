from __future__ import annotations

import asyncio
import shlex
import subprocess
from pathlib import Path

import pytest

from parley_conformance import scaffold, smoke
from parley_conformance.broker import BrokerSource
from parley_conformance.languages import discover
from parley_conformance.smoke import Found


@pytest.mark.timeout(400)
def test_it_builds_and_says_what_it_lacks(tmp_path: Path) -> None:
    (kind,) = [one for one in scaffold.KINDS if one.name == "dotnet"]
    scaffold.write(kind, tmp_path / "net")
    build = [*shlex.split(kind.built(tmp_path / "net")), "-nodeReuse:false", "--verbosity", "quiet"]
    built = subprocess.run(build, capture_output=True, text=True, timeout=300, check=False)
    assert built.returncode == 0, built.stdout
    language = discover([f"net={kind.started(tmp_path / 'net')}"])["net"]
    findings = asyncio.run(smoke.look(language, BrokerSource(), tmp_path))
    assert [one.found for one in findings[:6]] == [Found.OK] * 5 + [Found.LACKS], findings
