"""The launcher of the reference broker: standard library only, run as a program, see `broker.py` for its contract."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import threading
import time
from pathlib import Path

# The kit's settings that the reference broker has, under the same names in its configuration file.
SETTINGS = (
    "claim_window_ms",
    "dead_letter_max_age_ms",
    "drain_timeout_ms",
    "event_id_window_ms",
    "heartbeat_interval_ms",
    "idempotency_window_ms",
    "max_attempts",
    "max_call_timeout_ms",
    "max_dead_letter_bytes",
    "max_dead_letters",
    "max_envelope_bytes",
    "max_event_ids",
    "max_lost_sessions",
    "max_output_bytes",
    "max_outstanding_calls",
    "max_queue_bytes",
    "max_queue_events",
    "max_stored_replies",
    "max_stored_reply_bytes",
    "max_subscriptions",
    "producer_retention_ms",
    "redelivery_backoff_ms",
    "session_grace_ms",
    "subscription_expiry_ms",
    "suspect_limit_ms",
)


def main() -> int:
    """Starts `parley-broker serve` with the settings in the first argument, says where it serves, waits for the end."""
    settings = json.loads(sys.argv[1])
    folder = Path(settings.pop("data_dir"))
    in_memory = settings.pop("store", "disk") == "memory"
    listen = settings.pop("listen", "127.0.0.1:0")
    unknown = sorted(set(settings) - set(SETTINGS))
    if unknown:
        _tell({"unsupported": f"no such setting: {', '.join(unknown)}"})
        return 0
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "broker.toml"
    config.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in settings.items()))
    configured = ["--config", str(config)] if settings else []
    ready = folder / "ready.json"
    # A broker that was started here before has left its own.
    ready.unlink(missing_ok=True)
    store = ["--memory"] if in_memory else ["--data", str(folder / "store")]
    command = shlex.split(os.environ.get("PARLEY_BROKER_COMMAND", "")) or [sys.executable, "-m", "parley_broker"]
    broker = subprocess.Popen(
        [*command, "serve", "--listen", listen, *store, *configured, "--ready-file", str(ready)],
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
    )
    while not ready.exists():
        if broker.poll() is not None:
            sys.exit(f"the broker ended with exit code {broker.returncode} before it served")
        time.sleep(0.01)
    told = json.loads(ready.read_text())
    _tell({"address": "grpc://" + told["address"].removeprefix("grpc://"), "pid": broker.pid})
    threading.Thread(target=_end_with_input, args=(broker,), daemon=True).start()
    # At once: the thread may be reading, which an orderly end would wait for.
    os._exit(broker.wait())


def _end_with_input(broker: subprocess.Popen[bytes]) -> None:
    sys.stdin.buffer.read()
    broker.kill()


def _tell(line: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
