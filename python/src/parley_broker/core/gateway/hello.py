"""The beginning of a session: which version is spoken, and what Welcome says."""

from __future__ import annotations

from parley_broker.core.gateway.checks import check_label
from parley_broker.core.gateway.session import Session
from parley_broker.core.messages import Hello, Limits, Welcome
from parley_broker.core.policy import PROTOCOL_MAX, PROTOCOL_MIN, Policy
from parley_broker.errors import CommandError, Reason


def agree(hello: Hello) -> int:
    """The highest version that both sides speak (SES-3).

    Raises:
        CommandError: PROTOCOL_VERSION_UNSUPPORTED or INVALID_ARGUMENT.
    """
    version = min(hello.max_version, PROTOCOL_MAX)
    if version < max(hello.min_version, PROTOCOL_MIN):
        raise CommandError(
            Reason.PROTOCOL_VERSION_UNSUPPORTED,
            f"the client speaks versions {hello.min_version} to {hello.max_version},"
            f" the broker {PROTOCOL_MIN} to {PROTOCOL_MAX}",
            client_min=hello.min_version,
            client_max=hello.max_version,
            broker_min=PROTOCOL_MIN,
            broker_max=PROTOCOL_MAX,
        )
    if not hello.producer_id:
        raise CommandError(Reason.INVALID_ARGUMENT, "producer_id is empty", field="producer_id")
    for field in ("producer_id", "instance_id", "sdk_name", "sdk_language", "sdk_version"):
        check_label(getattr(hello, field), field)
    return version


def welcome(session: Session, version: int, policy: Policy, incarnation: str, release: str, resumed: bool) -> Welcome:
    """The answer to a Hello that was accepted."""
    return Welcome(
        version=version,
        session_id=session.id,
        resume_token=session.resume_token,
        incarnation=incarnation,
        heartbeat_interval_ms=round(policy.heartbeat_interval * 1000),
        session_grace_ms=round(policy.session_grace * 1000),
        suspect_limit_ms=round(policy.suspect_limit * 1000),
        limits=Limits(
            max_envelope_bytes=policy.max_envelope_bytes,
            max_outstanding_calls=policy.max_outstanding_calls,
            max_subscriptions=policy.max_subscriptions,
            max_agent_types=policy.max_agent_types,
            max_call_timeout_ms=round(policy.max_call_timeout * 1000),
        ),
        broker_version=release,
        received=session.received,
        resumed=resumed,
    )
