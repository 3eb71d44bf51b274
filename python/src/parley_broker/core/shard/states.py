"""What agents save: who may write it, which version it replaces, and the record of it.

A write is fenced twice: by the epoch of the agent's place, and by the version that it replaces (STA-3).
"""

from __future__ import annotations

from parley_broker.core.ids import AgentId, check_agent_id, stale_epoch
from parley_broker.core.messages import AgentMode, State
from parley_broker.core.policy import Policy
from parley_broker.core.records import StateSaved
from parley_broker.core.shard.desk import Desk
from parley_broker.core.shard.ledger import Ledger
from parley_broker.core.shard.places import Kept, Place
from parley_broker.errors import CommandError, Reason

MAX_CONTENT_TYPE_BYTES = 255


class States:
    """Checks and makes the writes of one shard's agents."""

    def __init__(self, desk: Desk, ledger: Ledger, policy: Policy) -> None:
        self._desk = desk
        self._ledger = ledger
        self._policy = policy

    def holder(self, session: str, agent: AgentId, epoch: int) -> tuple[Place, Kept]:
        """The agent's place, which this session has under this epoch.

        Raises:
            CommandError: INVALID_ARGUMENT, STALE_EPOCH (AGT-5) or PERMISSION_DENIED.
        """
        check_agent_id(agent, "agent")
        place = self._desk.places.get(agent)
        if place is None and self._desk.hosts.mode(agent.type) is AgentMode.STATELESS:
            raise CommandError(Reason.INVALID_ARGUMENT, f"{agent} is stateless: it has no state", field="agent")
        if place is None or epoch < place.epoch:
            current = 0 if place is None else place.epoch
            raise stale_epoch(agent, epoch, current)
        if place.epoch != epoch or place.host.session != session:
            raise CommandError(
                Reason.PERMISSION_DENIED, f"this session does not have {agent} under epoch {epoch}", agent=agent
            )
        if place.kept is None:
            raise CommandError(
                Reason.INVALID_ARGUMENT,
                f"agent type {agent.type} was registered without keeps_state: nothing of it is saved",
                field="keeps_state",
            )
        return place, place.kept

    def check_state(self, state: State) -> None:
        """Raises PAYLOAD_TOO_LARGE or INVALID_ARGUMENT unless the state may be stored."""
        size, limit = len(state.data), self._policy.max_envelope_bytes
        if size > limit:
            raise CommandError(
                Reason.PAYLOAD_TOO_LARGE, f"the state has {size} bytes; the limit is {limit}", size=size, limit=limit
            )
        if len(state.content_type.encode()) > MAX_CONTENT_TYPE_BYTES:
            raise CommandError(
                Reason.INVALID_ARGUMENT,
                f"state.content_type is longer than {MAX_CONTENT_TYPE_BYTES} bytes",
                field="state.content_type",
            )

    def is_repeat(self, kept: Kept, expected: int) -> bool:
        """Whether the place has replaced this version already (STA-3)."""
        return kept.version is not None and kept.first_version <= expected < kept.version

    def committed_with(self, kept: Kept, expected: int) -> int:
        """The store's commit that a repeated write of this place came with; an older one if that is durable."""
        assert kept.version is not None
        back = kept.version - expected
        return kept.commits[-back] if back <= len(kept.commits) else self._ledger.durable

    def check_version(self, agent: AgentId, kept: Kept, expected: int) -> None:
        """Raises STATE_CONFLICT unless this is the version that a write replaces, UNAVAILABLE if it is being read."""
        if kept.version is None:
            raise CommandError(Reason.UNAVAILABLE, f"the state of {agent} is being read; send it again")
        if expected != kept.version:
            raise CommandError(
                Reason.STATE_CONFLICT,
                f"the commit replaces version {expected} of {agent}; the last one is {kept.version}",
                expected=expected,
                actual=kept.version,
            )

    def write(self, agent: AgentId, epoch: int, kept: Kept, state: State | None) -> None:
        """Records the next version, which `check_version` and `check_state` let pass. `state` None: it is as before."""
        assert kept.version is not None
        commits = kept.commits
        while commits and commits[0] <= self._ledger.durable:
            commits.popleft()
        kept.version += 1
        kept.touched = False
        if state is None:
            record = StateSaved(agent, kept.version, epoch=epoch)
        else:
            record = StateSaved(agent, kept.version, state.content_type, state.data, epoch)
        commits.append(self._ledger.write(record))


def durable_version(kept: Kept, durable: int) -> int | None:
    """The version that the store has for certain; None: it was not read yet."""
    if kept.version is None:
        return None
    return kept.version - sum(commit > durable for commit in kept.commits)
