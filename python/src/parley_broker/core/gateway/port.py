"""What the gateway and the shard say to each other: plain values, and the commands that a shard takes."""

from __future__ import annotations

from typing import Protocol

from parley_broker.core.ids import AgentId
from parley_broker.core.messages import Ack, AgentMode, Error, Nack, Publish, Save, Subscription, SubscriptionKey
from parley_broker.core.orders import Claim, Outcome, Registration, Ticket


class ShardPort(Protocol):
    """A shard as the gateway sees it. What it decides comes back as effects; times are in seconds."""

    def host(self, session: str, registration: Registration, now: float) -> None:
        """The session hosts the type from now on; raises CommandError."""

    def unhost(self, session: str, agent_type: str, now: float) -> None:
        """The session no longer hosts the type."""

    def lose(self, session: str, now: float) -> None:
        """The session is over."""

    def drain(self, session: str, timeout: float, now: float) -> bool:
        """Nothing new is placed with the session, which has `timeout` left; true if there is nothing to wait for."""

    def pause(self, session: str) -> None:
        """The session is suspect."""

    def resume(self, session: str, now: float) -> None:
        """The session is no longer suspect."""

    def allow(self, session: str, messages: int, size: int, now: float) -> None:
        """The session may take this many more covered messages and bytes."""

    def activated(self, session: str, agent: AgentId, epoch: int) -> None:
        """The session has made the agent."""

    def activation_failed(self, session: str, agent: AgentId, epoch: int, error: Error, now: float) -> None:
        """The session could not make the agent."""

    def deactivated(self, session: str, agent: AgentId, epoch: int, now: float) -> None:
        """The session gives back the agent that it was asked for."""

    def leave(self, session: str, agent: AgentId, epoch: int, now: float) -> None:
        """The session was asked for the agent already."""

    def adopt(self, session: str, agent: AgentId, epoch: int) -> None:
        """The session has held the agent since this epoch."""

    def claim(self, claim: Claim, now: float) -> None:
        """The session says to hold these agents since before (SES-14)."""

    def unsaved(self) -> list[tuple[str, AgentId, int]]:
        """Session, agent and epoch of the agents that may have changed since they saved last."""

    def quiesce(self, now: float) -> None:
        """The broker drains: no event is delivered any more, and calls that wait for a host are refused (DRN-1)."""

    def adopt_call(self, session: str, ticket: Ticket) -> None:
        """The session runs this call already."""

    def mode(self, agent_type: str) -> AgentMode | None:
        """The mode of a hosted type; None when nobody hosts it."""

    def current_epoch(self, agent: AgentId) -> int:
        """The epoch of the agent's place; 0 when it has none."""

    def place(self, ticket: Ticket, now: float) -> None:
        """A call wants a session."""

    def withdraw(self, call: int) -> None:
        """The call is not wanted any more."""

    def recall(self, ticket: Ticket) -> None:
        """The dispatched call was not written to its session, which is about to be lost: it waits for it again."""

    def finish(self, call: int) -> None:
        """The dispatched call has its outcome."""

    def reply(self, session: str, re: int, outcome: Outcome, now: float) -> None:
        """The reply to a call commits something, or is to be kept for its key; raises CommandError."""

    def subscribe(self, session: str, re: int, subscription: Subscription, now: float) -> None:
        """The subscription is to be there; raises CommandError."""

    def unsubscribe(self, session: str, re: int, key: SubscriptionKey) -> None:
        """The subscription is to be gone; raises CommandError."""

    def subscriptions(self) -> list[Subscription]:
        """All subscriptions in the order of their triples."""

    def publish(self, session: str, re: int, publish: Publish, now: float) -> None:
        """The event is to be stored and delivered; raises CommandError."""

    def ack(self, session: str, re: int, ack: Ack, now: float) -> None:
        """The recipient is done with the event; raises CommandError."""

    def refuse(self, session: str, ack: Ack, error: Error, now: float) -> None:
        """What the ack commits is malformed: it counts as a nack; raises CommandError."""

    def save(self, session: str, re: int, save: Save, now: float) -> None:
        """The state is to be stored; raises CommandError."""

    def nack(self, session: str, re: int, nack: Nack, now: float) -> None:
        """The attempt failed; raises CommandError."""
