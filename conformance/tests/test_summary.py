from __future__ import annotations

from samples import WRONG, failing, results, run

from parley_conformance.reports import summary, view


def test_a_failure_with_all_that_is_needed_to_act() -> None:
    text = summary.render(view.make(failing(), messages={WRONG: "said `this`"}))
    assert (
        text
        == """\
# ✗ Parley conformance: does not conform

4 runs: 2 passed, 1 failed, 1 not run.
1 not run: dotnet is not installed

## What did not pass

### ✗ rpc/echo: fail

What rpc/echo shows.

- **Rule RPC-2**: Ids of **two** callers never meet.
- **Broken by**: caller (the python SDK)
- **What happened**: caller: c1 got the reply to c2 \\<&\\>
- **Message**: `` said `this` ``
- **Again**: `parley-conformance run --keep 'rpc/echo[python-dotnet-json]'`

## Matrix

| family | python→python | python→dotnet | dotnet→python | broker | all |
| --- | ---: | ---: | ---: | ---: | ---: |
| rpc | ✓ 1 | **0/1** 1✗ | **0/1** 1– |  | **1/3** 1✗ 1– |
| pubsub |  |  |  | ✓ 1 | ✓ 1 |
| all | ✓ 1 | **0/1** 1✗ | **0/1** 1– | ✓ 1 | **2/4** 1✗ 1– |

<details><summary>How it was run</summary>

| | |
| --- | --- |
| broker | `launcher` |
| python adapter | `python adapter.py` |
| plan | `families rpc, part 1/2; 2 at a time` |
| machine | `Linux x86_64, 2 processors, Python 3.11.7` |
| kit | `0.1.0` |
| took | `1 min 1 s` |
| exit code | `1` |

</details>
"""
    )


def test_all_that_passes_is_short() -> None:
    text = summary.render(view.make(results(run("rpc/echo[broker]"))))
    assert text.startswith("# ✓ Parley conformance: what was run conforms\n\nThe one run passed.\n\n## Matrix\n")


def test_many_failures_are_not_a_wall() -> None:
    bad = [run(f"a/c{at}[broker]", "fail", reason="x" * 5_000, rule="RPC-1") for at in range(50)]
    text = summary.render(view.make(results(*bad, exit_code=1)))
    assert "And 30 more: report.html has them all." in text
    assert len(text) < 30_000


def test_runs_of_one_problem_and_the_rules_that_may_have_broken() -> None:
    bad = [run(f"a/b[python-{x}-json]", "fail", reason=f"{x} | late") for x in ("python", "dotnet")]
    text = summary.render(view.make(results(*bad, exit_code=1, baseline=["stale: *"])))
    assert "- **Judges** RPC-1, RPC-2: A request ends once; Ids of **two** callers never meet." in text
    assert "- `a/b[python-dotnet-json]`: dotnet \\| late" in text
    assert "## The baseline is wrong\n\n- stale: \\*\n" in text
