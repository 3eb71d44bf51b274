"""Who keeps the agents that were there before."""

from __future__ import annotations

import pytest

from broker.core.harness import Client, Core, agent, done, failed, reply, request
from parley_broker.core.ids import AgentId
from parley_broker.core.messages import (
    Activate,
    AgentMode,
    Claim,
    ClaimResult,
    Commit,
    Delivery,
    Published,
    Reply,
    Request,
    Save,
    State,
)
from parley_broker.core.policy import Policy
from parley_broker.core.shard.claims import Claims
from parley_broker.errors import Reason


def epoch_of(worker: Client, caller: Client, target: str) -> int:
    """Has the agent placed with the worker: its epoch there."""
    caller.command(request(target))
    ((call, asked),) = worker.take(Request)
    reply(worker, call)
    worker.inbox.clear()
    return asked.epoch


def claim(worker: Client, *held: tuple[str, int]) -> int:
    """Claims these agents: the id of the claim."""
    return worker.command(Claim(tuple((agent(name), epoch) for name, epoch in held)))


def refused(worker: Client, claim_id: int) -> list[AgentId]:
    """The agents that were not granted."""
    result = worker.answer(claim_id)
    assert isinstance(result, ClaimResult), result
    return list(result.refused)


def restarted(policy: Policy | None = None) -> tuple[Core, int]:
    """A core over what an earlier one left, with its window open, and the epoch of `w/k` in the earlier one."""
    earlier = Core(policy)
    worker, caller = earlier.client(), earlier.client()
    worker.host("w")
    epoch = epoch_of(worker, caller, "w/k")
    return Core(policy, store=earlier.store, claims=True), epoch


class TestWindow:
    def test_nothing_is_placed_before_it_ends(self) -> None:
        core, epoch = restarted()
        worker, caller = core.client(), core.client()
        worker.host("w")
        asked = caller.command(request("w/other"))
        core.advance(1.9)
        assert worker.take(Request) == []
        assert caller.answer(asked) is None
        core.advance(0.2)
        ((_, placed),) = worker.take(Request)
        assert placed.epoch > epoch

    def test_adoption_keeps_the_epoch_and_activates_nothing(self) -> None:
        core, epoch = restarted()
        worker, caller = core.client(), core.client()
        worker.host("w")
        mine = claim(worker, ("w/k", epoch))
        caller.command(request("w/k"))
        assert worker.answer(mine) is None
        core.advance(2.1)
        assert refused(worker, mine) == []
        ((_, asked),) = worker.take(Request)
        assert asked.epoch == epoch
        assert worker.take(Activate) == []

    def test_the_highest_epoch_wins(self) -> None:
        core, epoch = restarted()
        first, second, third = core.client(), core.client(), core.client()
        for worker in (first, second, third):
            worker.host("w")
        claims = [claim(first, ("w/k", epoch - 1)), claim(second, ("w/k", epoch)), claim(third, ("w/k", epoch))]
        core.advance(2.1)
        lost = [refused(worker, n) for worker, n in zip((first, second, third), claims, strict=True)]
        assert lost == [[agent("w/k")], [], [agent("w/k")]]

    def test_events_wait_for_it(self) -> None:
        core, _ = restarted()
        worker = core.client()
        worker.host("w")
        worker.subscribe("t", "w")
        assert worker.publish("t/k") == Published(1)
        assert worker.take(Delivery) == []
        core.advance(2.1)
        assert len(worker.take(Delivery)) == 1

    def test_a_stateless_agent_waits_for_nothing(self) -> None:
        core, _ = restarted()
        worker, caller = core.client(), core.client()
        worker.host("w", AgentMode.STATELESS)
        caller.command(request("w/k"))
        assert len(worker.take(Request)) == 1

    def test_a_pinned_agent_keeps_its_epoch_too(self) -> None:
        core, epoch = restarted()
        worker, caller = core.client(), core.client()
        worker.host("w", pinned_keys=("k",))
        mine = claim(worker, ("w/k", epoch))
        caller.command(request("w/k"))
        core.advance(2.1)
        assert refused(worker, mine) == []
        assert [r.epoch for _, r in worker.take(Request)] == [epoch]

    def test_what_is_claimed_may_speak_meanwhile(self) -> None:
        core, epoch = restarted()
        worker = core.client()
        worker.host("w")
        sender = {"sender": agent("w/k"), "sender_epoch": epoch}
        failed(worker.publish("t/k", **sender), Reason.STALE_EPOCH, epoch=epoch, current=0)
        mine = claim(worker, ("w/k", epoch))
        assert worker.publish("t/k", **sender) == Published(0)
        failed(worker.publish("t/k", sender=agent("w/k"), sender_epoch=epoch - 1), Reason.STALE_EPOCH)
        core.advance(2.1)
        assert refused(worker, mine) == []
        assert worker.publish("t/k", **sender) == Published(0)

    def test_a_session_that_is_lost_meanwhile_claims_nothing(self) -> None:
        core, epoch = restarted()
        first, second = core.client(), core.client()
        for worker in (first, second):
            worker.host("w")
        claim(first, ("w/k", epoch))
        later = claim(second, ("w/k", epoch - 1))
        core.disconnect(first)
        core.advance(2.1)
        assert refused(second, later) == []

    def test_a_new_store_has_none(self, core: Core) -> None:
        worker, caller = core.client(), core.client()
        worker.host("w")
        caller.command(request("w/k"))
        assert len(worker.take(Request)) == 1

    def test_a_type_that_nobody_hosts_yet_counts_as_hosted_lately(self) -> None:
        core, _ = restarted()
        caller = core.client()
        asked = caller.command(request("w/k"))
        core.advance(9.9)
        assert caller.answer(asked) is None
        core.advance(0.2)
        failed(caller.answer(asked), Reason.NO_RESPONDERS)
        failed(caller.ask(request("w/k")), Reason.NO_RESPONDERS)
        assert core.tables["placed_calls"] == 0

    def test_it_outlives_a_failed_commit(self) -> None:
        core, epoch = restarted()
        worker = core.client()
        worker.host("w")
        mine = claim(worker, ("w/k", epoch))
        core.hold = True
        core.fail_commit()
        core.hold = False
        assert worker.answer(mine) is None
        core.advance(2.1)
        assert refused(worker, mine) == []
        assert core.tables["agents"] == 1


@pytest.mark.parametrize("how", ["by a save", "by a reply"])
class TestOvertaken:
    """`w/k` was with one session, then with another, which has committed; then the broker was started again."""

    @pytest.fixture
    def epochs(self) -> tuple[int, int]:
        """Those of the two."""
        return (1 << 32) + 1, (1 << 32) + 2

    @pytest.fixture
    def core(self, how: str, epochs: tuple[int, int]) -> Core:
        earlier = Core()
        for epoch in epochs:
            worker, caller = earlier.client(), earlier.client()
            worker.host("w", keeps_state=True)
            caller.command(request("w/k"))
            ((number, dispatched),) = worker.take(Request)
            assert dispatched.epoch == epoch
            if epoch == epochs[1] and how == "by a save":
                assert done(worker.ask(Save(agent("w/k"), epoch, 0, State(b"s"))))
            elif epoch == epochs[1]:
                worker.say(Reply(b"!", commit=Commit(agent("w/k"), epoch, 0)), message_id=99, re=number)
                assert done(worker.answer(99))
            earlier.disconnect(worker)
        return Core(store=earlier.store, claims=True)

    def stale(self, core: Core) -> Client:
        """The first of the two comes back."""
        worker = core.client()
        worker.host("w", keeps_state=True)
        return worker

    def test_the_stale_one_is_refused_at_once(self, core: Core, epochs: tuple[int, int]) -> None:
        worker = self.stale(core)
        assert refused(worker, claim(worker, ("w/k", epochs[0]))) == [agent("w/k")]
        stale = worker.publish("t/k", sender=agent("w/k"), sender_epoch=epochs[0])
        failed(stale, Reason.STALE_EPOCH, epoch=epochs[0], current=0)

    def test_beside_others_it_is_stale_at_once_and_the_answer_comes_with_theirs(
        self, core: Core, epochs: tuple[int, int]
    ) -> None:
        worker = self.stale(core)
        mine = claim(worker, ("w/k", epochs[0]), ("w/mine", epochs[0]))
        failed(worker.publish("t/k", sender=agent("w/k"), sender_epoch=epochs[0]), Reason.STALE_EPOCH)
        assert worker.publish("t/k", sender=agent("w/mine"), sender_epoch=epochs[0]) == Published(0)
        assert worker.answer(mine) is None
        core.advance(2.1)
        assert refused(worker, mine) == [agent("w/k")]

    def test_the_newer_one_may_come_later(self, core: Core, epochs: tuple[int, int]) -> None:
        stale = self.stale(core)
        assert refused(stale, claim(stale, ("w/k", epochs[0]))) == [agent("w/k")]
        core.advance(2.1)
        newer = self.stale(core)
        assert refused(newer, claim(newer, ("w/k", epochs[1]))) == []
        assert core.tables["agents"] == 1

    def test_it_is_refused_after_the_window_too(self, core: Core, epochs: tuple[int, int]) -> None:
        core.advance(2.1)
        worker = self.stale(core)
        assert refused(worker, claim(worker, ("w/k", epochs[0]))) == [agent("w/k")]
        assert core.tables["claims"] == 0

    @pytest.mark.parametrize("failing", [False, True], ids=["", "over a failed commit"])
    def test_nothing_is_placed_until_the_store_was_asked(
        self, core: Core, epochs: tuple[int, int], failing: bool
    ) -> None:
        core.advance(2.1)
        worker, caller = self.stale(core), core.client()
        worker.subscribe("t", "w")
        caller.publish("t/before")
        assert len(worker.take(Delivery)) == 1
        core.hold = True
        mine = claim(worker, ("w/k", epochs[1]))
        caller.command(request("w/k"))
        caller.command_publish("t/k")
        caller.command(request("w/before"))
        assert [asked.target for _, asked in worker.take(Request)] == [agent("w/before")], "only its own agents wait"
        if failing:
            core.fail_commit()
        core.hold = False
        core.settle()
        assert refused(worker, mine) == []
        assert [(r.target, r.epoch) for _, r in worker.take(Request)] == [(agent("w/k"), epochs[1])]

    def test_what_waited_goes_on_when_the_claimer_is_lost(self, core: Core, epochs: tuple[int, int]) -> None:
        core.advance(2.1)
        claimer, other, caller = self.stale(core), self.stale(core), core.client()
        other.subscribe("t", "w")
        core.hold = True
        claim(claimer, ("w/k", epochs[1]))
        asked = caller.command(request("w/k"))
        caller.command_publish("t/k")
        core.commit_once()
        claim(claimer, ("w/k", epochs[1]))
        core.disconnect(claimer)
        core.hold = False
        core.settle()
        ((number, placed),) = other.take(Request)
        assert placed.epoch > epochs[1]
        reply(other, number)
        assert caller.answer(asked) == Reply(b"!")
        assert len(other.take(Delivery)) == 1
        assert core.tables["claims"] == 0


class TestLater:
    def lost(self, core: Core) -> tuple[Client, int]:
        """The successor of a worker whose session was lost, and the epoch that `w/k` had there."""
        worker, caller = core.client(), core.client()
        worker.host("w")
        epoch = epoch_of(worker, caller, "w/k")
        core.cut(worker)
        core.advance(5.1)
        successor = core.client()
        successor.host("w")
        return successor, epoch

    def test_an_agent_without_a_place_since_is_granted_at_once(self, core: Core) -> None:
        worker, epoch = self.lost(core)
        assert refused(worker, claim(worker, ("w/k", epoch))) == []
        caller = core.client()
        caller.command(request("w/k"))
        assert [r.epoch for _, r in worker.take(Request)] == [epoch]
        assert worker.take(Activate) == []

    def test_claimed_twice(self, core: Core) -> None:
        worker, epoch = self.lost(core)
        assert refused(worker, claim(worker, ("w/k", epoch))) == []
        assert refused(worker, claim(worker, ("w/k", epoch), ("w/k", epoch))) == []
        assert core.tables["agents"] == 1

    def test_one_with_another_place_is_refused(self, core: Core) -> None:
        worker, epoch = self.lost(core)
        other, caller = core.client(), core.client()
        other.host("w")
        caller.command(request("w/k"))
        assert refused(worker, claim(worker, ("w/k", epoch))) == [agent("w/k")]

    def test_one_that_had_a_place_since_is_refused(self, core: Core) -> None:
        worker, epoch = self.lost(core)
        caller = core.client()
        caller.command(request("w/k"))
        core.disconnect(worker)
        again = core.client()
        again.host("w")
        again.take(Request)
        core.disconnect(again)
        third = core.client()
        third.host("w")
        assert refused(third, claim(third, ("w/k", epoch))) == [agent("w/k")]

    def test_one_that_may_have_had_a_place_since_is_refused(self, core: Core) -> None:
        worker, epoch = self.lost(core)
        caller = core.client()
        caller.command(request("w/other"))
        core.disconnect(worker)
        core.advance(10.1)
        third = core.client()
        third.host("w")
        held = claim(third, ("w/k", epoch), ("w/other", epoch + 1))
        assert refused(third, held) == [agent("w/k")], "the last place of all is known to have no later one"

    def test_what_cannot_be_claimed(self, core: Core) -> None:
        worker, epoch = self.lost(core)
        worker.host("stateless", AgentMode.STATELESS)
        other = core.client()
        other.host("pinned", pinned_keys=("k",))
        worker.host("pinned", pinned_keys=("mine",))
        held = [("foreign/k", epoch), ("w/k", epoch + 1000), ("w/z", 0), ("stateless/k", epoch), ("pinned/k", epoch)]
        assert refused(worker, claim(worker, *held)) == [agent(name) for name, _ in held]
        assert core.tables["agents"] == 0

    def test_the_table_of_agents_is_bounded(self) -> None:
        core = Core(Policy(max_agents=1))
        worker, epoch = self.lost(core)
        held = claim(worker, ("w/k", epoch), ("w/z", epoch))
        assert refused(worker, held) == [agent("w/z")]

    def test_a_malformed_one_fails(self, core: Core) -> None:
        worker = core.client()
        failed(worker.ask(Claim(((AgentId("bad type", "k"), 1),))), Reason.INVALID_ARGUMENT, field="agents.type")

    def test_beside_a_malformed_one_none_is_heard(self, core: Core) -> None:
        other, session = core.client(), core.client()
        other.host("w")
        session.ask(Claim(((AgentId("w", "k"), 1), (AgentId("bad type", "k"), 1))))
        failed(session.publish("t/k", sender=agent("w/k"), sender_epoch=1), Reason.PERMISSION_DENIED)


def test_a_place_that_is_gone_is_forgotten() -> None:
    claims = Claims(memory_time=10, window_ends=None)
    for number in range(100):
        claims.place_ended(AgentId("w", str(number % 50)), number, now=0.1 * number)
    assert claims.remembered == 50
    assert claims.next_due() == 15.0
    claims.forget(15.05)
    assert claims.remembered == 49
    claims.forget(20)
    assert (claims.remembered, claims.next_due()) == (0, None)
