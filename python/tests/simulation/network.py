"""Connections between clients and the broker: in order, with latency, and liable to be cut anywhere."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Protocol

from parley_broker.core.messages import Frame, Message

from .world import World

LATENCY = (0.0002, 0.004)
NOTICE = (0.0, 0.05)
"""How long after a cut each end may hear of it, in seconds."""


class Client(Protocol):
    """The client's end of a connection."""

    def heard(self, link: Link, frame: Frame) -> None:
        """The broker said this."""

    def broken(self, link: Link, why: str) -> None:
        """The connection is gone."""


class Link:
    """One connection. What is on its way when it is cut is lost, in both directions."""

    def __init__(
        self,
        world: World,
        client: Client,
        to_broker: Callable[[Link, Frame], None],
        broker_breaks: Callable[[Link, str], None],
    ) -> None:
        self.id = 0
        self.is_cut = False
        self._world = world
        self._client = client
        self._to_broker = to_broker
        self._broker_breaks = broker_breaks
        self._up = self._down = 0.0

    def send_up(self, frame: Frame) -> None:
        """The client writes."""
        if not self.is_cut:
            self._up = self._arrival(self._up)
            self._world.at(self._up, self._arrive_up, _copied(frame))

    def send_down(self, frame: Frame) -> None:
        """The broker writes."""
        if not self.is_cut:
            self._down = self._arrival(self._down)
            self._world.at(self._down, self._arrive_down, _copied(frame))

    def end_by_broker(self, why: str) -> None:
        """The broker ends the connection after what it wrote."""
        self._world.at(self._arrival(self._down), self._end, why)

    def end_by_client(self) -> None:
        """The client ends the connection after what it wrote."""
        self._world.at(self._arrival(self._up), self._end, "the client closed it")

    def cut(self) -> None:
        """Nothing that is on its way arrives; each end hears of it in its own time."""
        self._end("cut")

    def _end(self, why: str) -> None:
        if not self.is_cut:
            self.is_cut = True
            between = self._world.between
            self._world.after(between(*NOTICE), self._client.broken, self, why)
            self._world.after(between(*NOTICE), self._broker_breaks, self, why)

    def _arrival(self, last: float) -> float:
        return max(last, self._world.now + self._world.between(*LATENCY))

    def _arrive_up(self, frame: Frame) -> None:
        if not self.is_cut:
            self._to_broker(self, frame)

    def _arrive_down(self, frame: Frame) -> None:
        if not self.is_cut:
            self._client.heard(self, frame)


def _copied(frame: Frame) -> Frame:
    """The frame as it would be after a wire: no end sees what the other does to its values."""
    messages = [Message(copy.copy(message.body), message.id, message.re) for message in frame.messages]
    return Frame(frame.first_seq, frame.received, frame.credit_messages, frame.credit_bytes, messages)
