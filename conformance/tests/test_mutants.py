"""The kit catches a broken broker: each bug of `mutants/broker.py` turns the cases red that are named for it."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from parley_conformance.paths import CONFORMANCE

CAUGHT_BY = {
    "reply_to_the_wrong_caller": ["rpc/equal-ids", "rpc/colliding-ids-in-flight"],
    "lost_worker_hangs_its_calls": ["rpc/worker-connection-lost", "rpc/worker-says-goodbye"],
    "deadline_ignored": ["timeout/queued-never-dispatched", "timeout/cut-to-the-limit"],
    "cancel_swallowed": ["rpc/cancel-before-dispatch", "rpc/cancel-reaches-worker"],
    "cancel_kept_from_the_worker": ["rpc/cancel-reaches-worker"],
    "delivered_twice": ["pubsub/once-per-agent", "pubsub/exact-and-prefix"],
    "event_dropped": ["pubsub/order-and-positions", "pubsub/durable-waits"],
    "place_forgotten": ["placement/spread-of-keys", "placement/one-activation"],
    "envelope_limit_ignored": ["payload/limit-at-the-broker", "payload/limit-as-set"],
    "any_version_accepted": ["versioning/protocol-range", "versioning/protocol-unsupported"],
    "sender_unchecked": ["hostile/forged-sender"],
    "drain_ignored": ["session/drain"],
    "queues_without_end": ["pubsub/queue-full", "pubsub/queue-full-of-bytes"],
    "trace_of_events_dropped": ["rpc/trace-context"],
    "refused_subscribers_remembered": ["hostile/refused-subscriptions"],
    "kinds_without_end": ["hostile/endless-hello"],
    "one_message_per_frame": ["session/frames-carry-no-meaning"],
    "small_messages_only": ["session/largest-message"],
    "receipts_withheld": ["session/receipts"],
    "heartbeats_on_demand": ["session/heartbeats"],
    "unknown_reasons_replaced": ["session/unknown-reason"],
    "keys_cut_at_a_slash": ["session/printed-ids"],
    "grace_forgotten": ["session/resume", "session/resume-takes-up"],
    "nothing_sent_again": ["session/resume-sends-again"],
    "repeats_taken": ["session/number-again"],
    "any_token_accepted": ["session/wrong-token"],
    "older_connection_kept": ["session/newest-connection"],
    "claims_ignored": ["restart/claims"],
    "claims_not_waited_for": ["restart/claims"],
    "first_claim_wins": ["restart/highest-epoch-wins"],
    "every_claim_granted": ["session/claims-after-the-grace", "restart/unclaimed-agents"],
    "attempts_without_end": ["dead-letter/after-its-attempts"],
    "lost_sessions_uncounted": ["dead-letter/kills-its-worker"],
    "pauses_of_one_length": ["ordering/pauses-grow"],
    "producers_forgotten": ["ordering/producer-numbers", "restart/producer-numbers"],
    "event_ids_forgotten": ["ordering/event-ids"],
    "dead_letters_without_end": ["dead-letter/bounded"],
    "subscriptions_without_end": ["dead-letter/expired-subscription"],
    "fence_skipped": ["state/stale-epochs"],
    "versions_unchecked": ["state/versions", "state/commit-with-an-ack"],
    "publishes_of_commits_dropped": ["state/commit-with-an-ack", "state/commit-with-a-reply"],
    "idempotency_keys_ignored": ["state/idempotency-keys"],
}
MUTANTS = CONFORMANCE / "mutants" / "broker.py"


def verdicts(cases: list[str], out: Path, broker: list[str]) -> dict[str, str]:
    """Runs the cases over a broker that this command starts; the verdict of each case."""
    ended = subprocess.run(
        [sys.executable, "-m", "parley_conformance.cli", "run", "--kind", "broker", "--out", str(out), *cases],
        env={**os.environ, "PARLEY_BROKER_COMMAND": shlex.join(broker)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert ended.returncode in (0, 1), ended.stdout + ended.stderr
    runs = json.loads((out / "results.json").read_text())["runs"]
    return {run["name"].partition("[")[0]: run["verdict"] for run in runs}


def test_every_bug_is_named() -> None:
    """A bug without a case that catches it would show nothing."""
    listed = subprocess.run([sys.executable, str(MUTANTS)], capture_output=True, text=True, timeout=60).stderr
    assert set(listed.partition(": ")[2].strip().split(", ")) == set(CAUGHT_BY)


def test_the_unbroken_broker_passes(tmp_path: Path) -> None:
    """The control: without it a red case would prove nothing."""
    cases = sorted({case for named in CAUGHT_BY.values() for case in named})
    assert verdicts(cases, tmp_path, [sys.executable, "-m", "parley_broker"]) == dict.fromkeys(cases, "pass")


@pytest.mark.parametrize("bug", CAUGHT_BY)
def test_bug_turns_its_cases_red(bug: str, tmp_path: Path) -> None:
    cases = CAUGHT_BY[bug]
    assert verdicts(cases, tmp_path, [sys.executable, str(MUTANTS), bug]) == dict.fromkeys(cases, "fail")
