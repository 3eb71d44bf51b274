"""Whether a command is well-formed and allowed, before anything is decided about it (MSG-5)."""

from __future__ import annotations

from parley_broker.core.gateway.port import ShardPort
from parley_broker.core.gateway.session import Session
from parley_broker.core.ids import AgentId, check_agent_id, check_agent_type, check_key, check_topic_id, stale_epoch
from parley_broker.core.messages import AgentMode, Commit, Publish, RegisterAgentType, Request, Trace
from parley_broker.core.policy import MAX_CALL_CHAIN, MAX_PUBLISHES, Policy
from parley_broker.errors import CommandError, Reason

MAX_LABEL_BYTES = 255
"""Longest event id, producer id, and label of a client."""
MAX_PRODUCER_SEQ = 2**63 - 1
"""What a store can keep of PUB-4's numbers."""
MAX_TRACESTATE_BYTES = 8192


def check_size(size: int, policy: Policy) -> None:
    """Raises PAYLOAD_TOO_LARGE with size and limit (FLOW-6)."""
    if size > policy.max_envelope_bytes:
        raise CommandError(
            Reason.PAYLOAD_TOO_LARGE,
            f"the envelope has {size} bytes; the limit is {policy.max_envelope_bytes}",
            size=size,
            limit=policy.max_envelope_bytes,
        )


def check_label(value: str, field: str) -> None:
    """Raises INVALID_ARGUMENT naming `field` when the text for people or the id is too long."""
    if value and len(value.encode()) > MAX_LABEL_BYTES:
        raise CommandError(Reason.INVALID_ARGUMENT, f"{field} is longer than {MAX_LABEL_BYTES} bytes", field=field)


def check_trace(trace: Trace | None) -> None:
    """Raises INVALID_ARGUMENT when the trace context is larger than any real one."""
    if trace is not None:
        check_label(trace.traceparent, "trace.traceparent")
        if len(trace.tracestate) > MAX_TRACESTATE_BYTES:
            raise CommandError(
                Reason.INVALID_ARGUMENT,
                f"trace.tracestate is longer than {MAX_TRACESTATE_BYTES} bytes",
                field="trace.tracestate",
            )


def check_sender(session: Session, sender: AgentId | None, sender_epoch: int, shard: ShardPort) -> None:
    """Raises PERMISSION_DENIED or STALE_EPOCH unless the session hosts the sender (SEC-2, AGT-5)."""
    if sender is None:
        return
    held = session.epoch_of(sender)
    registration = session.types.get(sender.type)
    if sender_epoch and sender_epoch != held:
        current = held or shard.current_epoch(sender)
        placed = registration is not None and registration.mode != AgentMode.STATELESS
        if sender_epoch < current or (not current and placed):
            raise stale_epoch(sender, sender_epoch, current)
    if held:
        return
    if registration is None or not (sender.key in registration.pinned_keys or registration.mode == AgentMode.STATELESS):
        check_agent_id(sender, "sender")
        raise CommandError(Reason.PERMISSION_DENIED, f"this session does not host the sender {sender}", sender=sender)


def check_request(request: Request, session: Session, policy: Policy, shard: ShardPort) -> None:
    """Raises CommandError unless the request may be placed."""
    check_agent_id(request.target, "target")
    check_size(len(request.envelope), policy)
    check_trace(request.trace)
    check_label(request.idempotency_key, "idempotency_key")
    depth = len(request.call_chain) + 1
    if len(request.call_chain) > MAX_CALL_CHAIN:
        raise CommandError(
            Reason.RESOURCE_EXHAUSTED,
            f"the call is {depth} deep; the limit is {MAX_CALL_CHAIN + 1}",
            retryable=False,
            depth=depth,
            limit=MAX_CALL_CHAIN + 1,
        )
    for agent in request.call_chain:
        check_agent_id(agent, "call_chain")
    if request.target in request.call_chain and shard.mode(request.target.type) is AgentMode.EFFECTIVELY_ONCE:
        raise CommandError(
            Reason.CALL_CYCLE,
            f"{request.target} waits for this call itself; an effectively-once agent runs one message at a time",
            agent=request.target,
        )
    check_sender(session, request.sender, request.sender_epoch, shard)
    if len(session.calls) >= policy.max_outstanding_calls:
        raise CommandError(
            Reason.RESOURCE_EXHAUSTED,
            f"{len(session.calls)} calls of this session have no outcome yet, which is the limit",
            limit=policy.max_outstanding_calls,
        )
    if session.waiting_bytes + len(request.envelope) > policy.max_waiting_bytes:
        raise CommandError(
            Reason.RESOURCE_EXHAUSTED,
            f"calls of this session with {session.waiting_bytes} bytes wait to be dispatched;"
            f" the limit is {policy.max_waiting_bytes}",
            limit=policy.max_waiting_bytes,
        )


def check_begun(size: int, session: Session, policy: Policy) -> None:
    """Raises RESOURCE_EXHAUSTED when too many commands of the session wait for the store (FLOW-5)."""
    count, limit = len(session.begun), policy.max_outstanding_calls
    if count >= limit:
        raise CommandError(
            Reason.RESOURCE_EXHAUSTED, f"{count} commands of this session wait for the store, the limit", limit=limit
        )
    if session.begun_bytes + size > policy.max_waiting_bytes:
        raise CommandError(
            Reason.RESOURCE_EXHAUSTED,
            f"commands of this session with {session.begun_bytes} bytes wait for the store;"
            f" the limit is {policy.max_waiting_bytes}",
            limit=policy.max_waiting_bytes,
        )


def check_publish(publish: Publish, session: Session, policy: Policy, shard: ShardPort) -> None:
    """Raises CommandError unless the event may be stored."""
    check_event(publish, policy)
    check_sender(session, publish.sender, publish.sender_epoch, shard)


def check_event(publish: Publish, policy: Policy) -> None:
    """Raises CommandError unless the event is well-formed, whoever sends it."""
    check_topic_id(publish.topic, "topic")
    check_size(len(publish.envelope), policy)
    check_trace(publish.trace)
    check_label(publish.event_id, "event_id")
    if publish.producer_seq > MAX_PRODUCER_SEQ:
        raise CommandError(
            Reason.INVALID_ARGUMENT,
            f"producer_seq is {publish.producer_seq}; the highest number is {MAX_PRODUCER_SEQ}",
            field="producer_seq",
        )


def check_commit(commit: Commit, policy: Policy) -> None:
    """Raises CommandError unless what is committed is well-formed, and its events are those of the agent (STA-4)."""
    check_agent_id(commit.agent, "commit.agent")
    count = len(commit.publishes)
    if count > MAX_PUBLISHES:
        raise CommandError(
            Reason.RESOURCE_EXHAUSTED,
            f"{count} events are published with one commit; the limit is {MAX_PUBLISHES}",
            retryable=False,
            limit=MAX_PUBLISHES,
        )
    for publish in commit.publishes:
        check_event(publish, policy)
        if publish.sender not in (None, commit.agent):
            raise CommandError(
                Reason.PERMISSION_DENIED,
                f"{commit.agent} commits an event that {publish.sender} sends",
                sender=publish.sender,
            )


def check_registration(register: RegisterAgentType, session: Session, policy: Policy) -> AgentMode:
    """The mode of the registration.

    Raises:
        CommandError: INVALID_ARGUMENT or RESOURCE_EXHAUSTED.
    """
    check_agent_type(register.type, "type")
    for key in register.pinned_keys:
        check_key(key, "pinned_keys")
    if register.mode not in AgentMode._value2member_map_:
        raise CommandError(
            Reason.INVALID_ARGUMENT,
            f"mode is {register.mode}: it is STANDARD (1), STATELESS (2) or EFFECTIVELY_ONCE (3)",
            mode=register.mode,
        )
    if register.keeps_state and register.mode == AgentMode.STATELESS:
        raise CommandError(
            Reason.INVALID_ARGUMENT, "keeps_state is set: stateless agents keep no state", field="keeps_state"
        )
    if register.type not in session.types and len(session.types) >= policy.max_agent_types:
        raise CommandError(
            Reason.RESOURCE_EXHAUSTED,
            f"this session hosts {len(session.types)} agent types, which is the limit",
            limit=policy.max_agent_types,
        )
    if len(register.pinned_keys) > policy.max_pinned_keys:
        raise CommandError(
            Reason.RESOURCE_EXHAUSTED,
            f"{len(register.pinned_keys)} keys are pinned; the limit is {policy.max_pinned_keys}",
            limit=policy.max_pinned_keys,
        )
    mode = AgentMode(register.mode)
    return AgentMode.STANDARD if mode is AgentMode.UNSPECIFIED else mode
