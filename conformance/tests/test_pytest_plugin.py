from __future__ import annotations

import shlex
import sys

import pytest
from conftest import fake_adapter

from parley_conformance.paths import ADAPTERS

pytest_plugins = ["pytester"]
# Each test is a test run of its own, with a broker and adapters.
pytestmark = pytest.mark.timeout(220)
MINE = f"mine={shlex.join([sys.executable, str(ADAPTERS / 'python' / 'adapter.py')])}"


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """An SDK's own tests, with the one line in them."""
    pytester.makeconftest('pytest_plugins = ["parley_conformance.pytest_plugin"]')
    pytester.makepyfile("def test_of_its_own(): pass")
    return pytester


def run(project: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return project.runpytest_subprocess("-p", "no:cacheprovider", *arguments, timeout=200)


def test_without_an_adapter_it_does_nothing(project: pytest.Pytester) -> None:
    run(project).assert_outcomes(passed=1)


def test_each_run_is_an_item(project: pytest.Pytester) -> None:
    done = run(project, "-v", "--parley-adapter", MINE, "--parley-select", "rpc/echo-direct", "-k", "mine-mine or own")
    done.assert_outcomes(passed=2, deselected=4)
    done.stdout.fnmatch_lines(["conformance::rpc/echo-direct?mine-mine-json? PASSED*"])


def test_the_ini_file_says_it_as_well(project: pytest.Pytester) -> None:
    project.makeini(
        f"[pytest]\nparley_adapter =\n    {MINE}\nparley_select = session/a-new-broker\nparley_kind = sdk\n"
    )
    run(project).assert_outcomes(passed=2)


def test_who_asks_for_one_test_gets_one(project: pytest.Pytester) -> None:
    one = "test_who_asks_for_one_test_gets_one.py::test_of_its_own"
    run(project, "--parley-adapter", MINE, one).assert_outcomes(passed=1)


def test_a_failure_can_be_read(project: pytest.Pytester) -> None:
    wrong = f"mine={shlex.join(fake_adapter('wrong-reply'))}"
    arguments = ["--parley-adapter", wrong, "--parley-select", "rpc/nested-and-back", "-k", "mine-python-json"]
    done = run(project, *arguments)
    done.assert_outcomes(failed=1, deselected=10)
    done.stdout.fnmatch_lines(
        [
            "*rpc/nested-and-back?mine-python-json?*",
            "fail: *",
            "RPC-10: *",
            "*expected outcome*",
            "what was said last*",
            "*again: parley-conformance run --keep 'rpc/nested-and-back?mine-python-json?' --adapter mine='*",
        ]
    )
    assert "Traceback" not in done.stdout.str()


def test_what_does_not_count_is_skipped(project: pytest.Pytester) -> None:
    modest = f"mine={shlex.join(fake_adapter('modest-nothing'))}"
    arguments = ["--parley-adapter", modest, "--parley-select", "session/a-new-broker", "-rs", "-k", "sdk-mine"]
    done = run(project, *arguments)
    done.assert_outcomes(skipped=1, deselected=1)
    done.stdout.fnmatch_lines(["*unsupported: the mine adapter does not claim profile*"])


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--parley-adapter", "nonsense"], "NAME=COMMAND"),
        (["--parley-adapter", MINE, "--parley-kind", "triple"], "there are broker, sdk, pair"),
        (["--parley-adapter", MINE, "--parley-profile", "gold"], "there are core, durable, state"),
        (["--parley-adapter", MINE, "--parley-select", "nothing"], "the kit has no case that fits"),
    ],
)
def test_what_there_is_not(project: pytest.Pytester, arguments: list[str], text: str) -> None:
    done = run(project, *arguments)
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines([f"*{text}*"])
