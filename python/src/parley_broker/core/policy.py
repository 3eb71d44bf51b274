"""Every number that the core goes by."""

from __future__ import annotations

from dataclasses import dataclass

KIB = 1024
MIB = 1024 * KIB

PROTOCOL_MIN = 1
PROTOCOL_MAX = 1
"""Range of protocol versions that this broker speaks (SES-3)."""

FRAME_BYTES = 64 * KIB
"""Where a frame is cut (MSG-8)."""

MESSAGE_OVERHEAD = 128
"""What a queue counts for a message beside its payload, in bytes."""

MAX_PUBLISHES = 1_000
"""Events that one commit may publish (STA-4)."""

DRAIN_NOTICE = 1.0
"""Seconds that a draining broker waits for clients to say that they have heard of it (DRN-1)."""

DRAIN_REPORT = 1.0
"""Seconds between two log lines of what a drain waits for."""

MAX_CALL_CHAIN = 31
"""Agents that may wait for one call (RPC-10)."""

BEATS_PER_INTERVAL = 2
"""The broker's heartbeats in one interval: a receipt waits half of one at most for something else to say (SES-8)."""

SUSPECT_AFTER_INTERVALS = 3
"""Silent heartbeat intervals after which a session is suspect (SES-12)."""


@dataclass(frozen=True, slots=True)
class Policy:
    """Times in seconds, sizes in bytes."""

    heartbeat_interval: float = 5.0
    suspect_limit: float = 60.0
    session_grace: float = 5.0
    claim_window: float = 2.0
    hello_timeout: float = 10.0
    default_call_timeout: float = 120.0
    max_call_timeout: float = 3600.0
    host_grace: float = 10.0
    drain_timeout: float = 25.0
    idempotency_window: float = 600.0
    max_stored_replies: int = 100_000
    max_stored_reply_bytes: int = 256 * MIB
    max_envelope_bytes: int = MIB
    max_outstanding_calls: int = 10_000
    max_waiting_bytes: int = 64 * MIB
    max_subscriptions: int = 10_000
    max_agent_types: int = 1_000
    max_pinned_keys: int = 10_000
    max_agents: int = 1_000_000
    max_queue_events: int = 10_000
    max_queue_bytes: int = 64 * MIB
    max_stored_events: int = 1_000_000
    max_stored_bytes: int = 1024 * MIB
    max_recipients: int = 1_000
    max_output_bytes: int = 64 * MIB
    credit_messages: int = 1_000
    credit_bytes: int = 16 * MIB
    window_events: int = 512
    window_bytes: int = MIB
    max_attempts: int = 5
    max_lost_sessions: int = 5
    redelivery_backoff: float = 0.5
    dead_letter_max_age: float = 14 * 24 * 3600.0
    max_dead_letters: int = 100_000
    max_dead_letter_bytes: int = 256 * MIB
    subscription_expiry: float = 7 * 24 * 3600.0
    producer_retention: float = 24 * 3600.0
    max_producers: int = 100_000
    event_id_window: float = 120.0
    max_event_ids: int = 100_000
