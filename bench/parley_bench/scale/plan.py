"""What a run of the curves measures, and what is expected of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Length:
    """How much a run measures.

    Attributes:
        points: of each curve, by its id, in rising order.
        turns: how often each point is measured.
        seconds: how long a round counts, in s.
        events: that are stored when the broker is killed.
        queued: events in the queue whose memory is looked at.
        many: subscriptions of one type that nobody hosts, and agents that are taken back.
    """

    points: Mapping[str, tuple[int, ...]]
    turns: int
    seconds: float
    events: int
    queued: int
    many: int


QUICK = Length(
    {
        "subscriptions": (10, 100),
        "agents": (10, 100),
        "keeping-agents": (10, 100),
        "sessions": (1, 5),
        "shared-sessions": (1, 5),
        "payload": (64, 16_384),
    },
    turns=1, seconds=0.1, events=500, queued=500, many=100,
)  # fmt: skip
SHORT = Length(
    {
        "subscriptions": (10, 1_000, 100_000),
        "agents": (1_000, 1_000_000),
        "keeping-agents": (1_000, 20_000),
        "sessions": (1, 100, 1_000),
        "shared-sessions": (1, 100, 1_000),
        "payload": (64, 1_024, 16_384, 65_536, 262_144),
    },
    turns=5, seconds=0.5, events=100_000, queued=40_000, many=10_000,
)  # fmt: skip
FULL = Length(
    {
        "subscriptions": (10, 100, 1_000, 10_000, 100_000),
        "agents": (1_000, 10_000, 100_000, 1_000_000),
        "keeping-agents": (1_000, 20_000, 100_000),
        "sessions": (1, 3, 10, 30, 100, 300, 1_000),
        "shared-sessions": (1, 3, 10, 30, 100, 300, 1_000),
        "payload": (64, 256, 1_024, 4_096, 16_384, 65_536, 262_144),
    },
    turns=7, seconds=1.0, events=100_000, queued=60_000, many=20_000,
)  # fmt: skip
LENGTHS = {"quick": QUICK, "short": SHORT, "full": FULL}


@dataclass(frozen=True)
class Target:
    """What is expected of a curve's ends.

    Attributes:
        id: of the target.
        text: for people.
        curve: whose.
        value: `per_second`: at the second of `ends`, against the first; `bytes`: of each, at the second.
        ends: points of the curve.
        bound: of `limit`.
        limit: what is just good enough.
    """

    id: str
    text: str
    curve: str
    value: Literal["per_second", "bytes"]
    ends: tuple[int, int]
    bound: Literal["at_least", "at_most"]
    limit: float


_SUBSCRIPTIONS, _AGENTS, _SESSIONS = (10, 100_000), (1_000, 1_000_000), (1, 1_000)

TARGETS = (
    Target(
        "scale-subscriptions", "events over 10 → 100,000 subscriptions",
        "subscriptions", "per_second", _SUBSCRIPTIONS, "at_least", 0.9,
    ),
    Target("scale-agents", "calls to 10³ → 10⁶ agents", "agents", "per_second", _AGENTS, "at_least", 0.9),
    Target(
        "scale-sessions", "calls of 1 → 1,000 sessions, 16 in flight each",
        "sessions", "per_second", _SESSIONS, "at_least", 0.8,
    ),
    Target(
        "scale-shared-sessions", "1,000 calls in flight of 1 → 1,000 sessions",
        "shared-sessions", "per_second", _SESSIONS, "at_least", 0.8,
    ),
    Target("memory-agent", "bytes of an idle agent", "agents", "bytes", _AGENTS, "at_most", 2048),
    Target(
        "memory-keeping-agent", "bytes of an idle agent that keeps state",
        "keeping-agents", "bytes", (1_000, 20_000), "at_most", 2048,
    ),
    Target("memory-subscription", "bytes of a subscription", "subscriptions", "bytes", _SUBSCRIPTIONS, "at_most", 1024),
)  # fmt: skip
