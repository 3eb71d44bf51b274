"""When what is to be written waits, with a clock that the test moves."""

from __future__ import annotations

from parley_broker.frontends.grpc_v1.crowd import LONGEST, NEXT, Crowd


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def go(self, seconds: float) -> None:
        self.now += seconds


def test_nothing_waits_where_frames_come_alone() -> None:
    crowd = Crowd(Clock())
    assert not crowd.keeps(crowd.now())


def test_it_waits_until_the_next_frame_is_overdue() -> None:
    crowd = Crowd(clock := Clock())
    crowd.grow()
    since = crowd.now()
    clock.go(NEXT * 0.9)
    assert crowd.keeps(since)
    clock.go(NEXT * 0.2)
    assert not crowd.keeps(since)
    assert not crowd.keeps(crowd.now())


def test_each_frame_prolongs_it_to_the_longest() -> None:
    crowd = Crowd(clock := Clock())
    since = crowd.now()
    waited = 0.0
    while waited + NEXT / 2 < LONGEST:
        crowd.grow()
        clock.go(NEXT / 2)
        waited += NEXT / 2
        assert crowd.keeps(since)
    crowd.grow()
    clock.go(NEXT / 2)
    assert not crowd.keeps(since)
    # Who begins to wait now waits for the same crowd.
    assert crowd.keeps(crowd.now())
