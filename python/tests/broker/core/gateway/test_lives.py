"""Sessions that lose their connection, are resumed, or are not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from broker.core.harness import HELLO, Client, Core, agent, done, failed, reply, request
from parley_broker.core.messages import (
    Cancel,
    Claim,
    ClaimResult,
    Delivery,
    Frame,
    Goodbye,
    Heartbeat,
    Hello,
    ListSubscriptions,
    Message,
    Published,
    RegisterAgentType,
    Reply,
    Request,
    Resume,
    SubscriptionList,
    Welcome,
)
from parley_broker.core.policy import Policy
from parley_broker.errors import EndCode, Reason


def resumed(core: Core, client: Client) -> Welcome:
    """Resumes the client's session, which must go well."""
    welcome = core.resume(client)
    assert welcome is not None
    assert welcome.resumed
    assert welcome.session_id == client.session
    return welcome


class TestResume:
    def test_what_was_not_received_comes_again(self, core: Core) -> None:
        client = core.client()
        first = client.command(ListSubscriptions())
        client.read()
        second = client.command(ListSubscriptions())
        lost = core.machine.take(client.connection, core.now)
        assert lost is not None
        assert (lost.first_seq, len(lost.messages)) == (2, 1)
        core.cut(client)
        assert resumed(core, client).received == client.sent
        assert isinstance(client.answer(second), SubscriptionList)
        assert isinstance(client.answer(first), SubscriptionList)
        assert client.received == 2, "its number is the same"

    def test_what_the_broker_lacked_is_taken_and_what_it_had_is_dropped(self, core: Core) -> None:
        client = core.client()
        client.frame(Message(RegisterAgentType("a"), 11))
        core.cut(client)
        welcome = resumed(core, client)
        assert welcome.received == 1
        client.frame(Message(RegisterAgentType("a"), 11), Message(RegisterAgentType("b"), 12), first_seq=1)
        assert sorted(m.re for m in client.read()) == [11, 12]

    def test_what_came_up_meanwhile_comes_after_it(self, core: Core) -> None:
        worker, caller = core.client(), core.client()
        worker.host("w")
        asked = caller.command(request("w/k"))
        ((call, _),) = worker.take(Request)
        core.cut(caller)
        reply(worker, call)
        core.advance(4.9)
        worker.frame()
        resumed(core, caller)
        assert isinstance(caller.answer(asked), Reply)

    def test_nothing_is_placed_or_dispatched_meanwhile(self, core: Core) -> None:
        worker, other, caller = core.client(), core.client(), core.client()
        worker.host("w")
        caller.command(request("w/k"))
        worker.take(Request)
        core.cut(worker)
        mine = caller.command(request("w/k", b"mine"))
        caller.command(request("w/new", b"waits"))
        assert caller.answer(mine) is None
        assert core.tables["outgoing_messages"] == 0
        other.host("w")
        assert [r.envelope for _, r in other.take(Request)] == [b"waits"], "what has no place yet goes elsewhere"
        resumed(core, worker)
        assert [r.envelope for _, r in worker.take(Request)] == [b"mine"]

    def test_its_agents_and_calls_go_on(self, core: Core) -> None:
        worker, caller = core.client(), core.client()
        worker.host("w")
        asked = caller.command(request("w/k"))
        ((call, _),) = worker.take(Request)
        core.cut(worker)
        resumed(core, worker)
        reply(worker, call, b"late but there")
        assert caller.answer(asked) == Reply(b"late but there")

    def test_a_request_whose_call_has_ended_keeps_its_number(self, core: Core) -> None:
        worker, caller = core.client(), core.client()
        worker.host("w")
        asked = caller.command(request("w/k"))
        worker.read()
        worker.inbox.clear()
        dropped = caller.command(request("w/k", b"gone"))
        lost = core.machine.take(worker.connection, core.now)
        assert lost is not None
        core.cut(worker)
        caller.say(Cancel(dropped))
        failed(caller.answer(dropped), Reason.CANCELLED)
        resumed(core, worker)
        assert [r.envelope for _, r in worker.take(Request)] == [b"gone"]
        assert len(worker.take(Cancel)) == 1
        assert caller.answer(asked) is None

    def test_repeats_spend_no_credit(self, core: Core) -> None:
        worker, caller = core.client(credit=2), core.client()
        worker.host("w")
        worker.frame_credit(2, 1 << 40)
        for n in range(3):
            caller.command(request("w/k", b"%d" % n))
        while core.machine.take(worker.connection, core.now) is not None:
            pass
        core.cut(worker)
        resumed(core, worker)
        assert [r.envelope for _, r in worker.take(Request)] == [b"0", b"1"]
        worker.frame_credit(3, 1 << 40)
        assert [r.envelope for _, r in worker.take(Request)] == [b"2"]

    def test_the_credit_totals_are_repeated(self) -> None:
        core = Core(Policy(credit_messages=10))
        client = core.client()
        for _ in range(3):
            client.publish("t/k")
        core.cut(client)
        client.credit_messages = 0
        resumed(core, client)
        assert client.credit_messages == 13

    def test_deliveries_in_flight_are_not_delivered_twice(self, core: Core) -> None:
        worker, publisher = core.client(), core.client()
        worker.host("w")
        worker.subscribe("t", "w")
        assert publisher.publish("t/k") == Published(1)
        ((_, delivery),) = worker.take(Delivery)
        core.cut(worker)
        publisher.publish("t/k", b"next")
        resumed(core, worker)
        assert worker.take(Delivery) == []
        assert done(worker.ack(delivery))
        assert [d.envelope for _, d in worker.take(Delivery)] == [b"next"]

    def test_heartbeats_are_not_repeated(self, core: Core) -> None:
        client = core.client()
        core.advance(2.6)
        client.say(Heartbeat(), 77)
        core.cut(client)
        resumed(core, client)
        assert client.answer(77) is None

    def test_fifty_times(self, core: Core) -> None:
        worker, caller = core.client(), core.client()
        worker.host("w")
        asked = []
        for n in range(50):
            asked.append(caller.command(request("w/k", b"%d" % n)))
            core.machine.take((worker if n % 2 else caller).connection, core.now)
            for client in (worker, caller):
                core.cut(client)
                resumed(core, client)
        for call, body in worker.take(Request):
            reply(worker, call, body.envelope)
        assert [caller.answer(number) for number in asked] == [Reply(b"%d" % n) for n in range(50)]
        caller.frame()
        worker.frame()
        core.disconnect(caller)
        assert core.tables["kept_messages"] == 0


class TestRefusals:
    @pytest.mark.parametrize("token", [b"", b"wrong", b"token2"])
    def test_a_token_that_does_not_fit(self, core: Core, token: bytes) -> None:
        client = core.client()
        client.host("w")
        core.cut(client)
        welcome = core.resume(client, token=token)
        assert welcome is not None
        assert not welcome.resumed
        assert welcome.session_id != client.session
        assert core.tables["sessions"] == 2, "its owner may still come"

    def test_after_the_grace(self, core: Core) -> None:
        worker, caller = core.client(), core.client()
        worker.host("w")
        asked = caller.command(request("w/k"))
        worker.take(Request)
        core.cut(worker)
        core.advance(4.9)
        assert caller.answer(asked) is None
        core.advance(0.2)
        failed(caller.answer(asked), Reason.OUTCOME_UNKNOWN, agent="w/k")
        welcome = core.resume(worker)
        assert welcome is not None
        assert not welcome.resumed

    def test_a_receipt_beside_hello_says_nothing_of_a_new_session(self, core: Core) -> None:
        client = core.client()
        client.ask(ListSubscriptions())
        core.disconnect(client)
        welcome = core.resume(client, receipt=client.received)
        assert welcome is not None
        assert not welcome.resumed
        assert client.closed is None

    def test_after_goodbye(self, core: Core) -> None:
        client = core.client()
        core.disconnect(client)
        welcome = core.resume(client)
        assert welcome is not None
        assert not welcome.resumed

    def test_without_a_grace_nothing_can_be_resumed(self) -> None:
        core = Core(Policy(session_grace=0))
        client = core.client()
        core.cut(client)
        assert core.tables["sessions"] == 0
        welcome = core.resume(client)
        assert welcome is not None
        assert (welcome.resumed, welcome.session_grace_ms) == (False, 0)

    @pytest.mark.parametrize("received", [0, 4])
    def test_a_receipt_that_cannot_be(self, core: Core, received: int) -> None:
        client = core.client()
        for _ in range(3):
            client.ask(ListSubscriptions())
        client.frame()
        core.cut(client)
        assert core.resume(client, received=received) is None
        assert client.closed is not None
        assert client.closed.code is EndCode.INVALID_ARGUMENT
        assert "from 3 to 3" in client.closed.text
        assert core.tables["sessions"] == 1
        resumed(core, client)


class TestConnections:
    def test_the_newest_rules(self, core: Core) -> None:
        client = core.client()
        client.host("w")
        older = client.connection
        resumed(core, client)
        assert core.closed[older].code is EndCode.ABORTED
        core.machine.receive(older, Frame(client.sent + 1, 0, 0, 0, [Message(Goodbye())]), core.now)
        core.machine.disconnect(older, "gone", core.now)
        assert core.machine.take(older, core.now) is None
        assert done(client.host("other")), "what the older one says does not count"
        assert core.tables["connections"] == 1

    def test_a_missing_number_ends_the_connection_and_not_the_session(self, core: Core) -> None:
        worker, caller = core.client(), core.client()
        worker.host("w")
        asked = caller.command(request("w/k"))
        ((call, _),) = worker.take(Request)
        worker.frame(Message(Reply(b""), re=call), first_seq=9)
        assert worker.closed is not None
        assert worker.closed.code is EndCode.INVALID_ARGUMENT
        worker.sent -= 1
        assert resumed(core, worker).received == worker.sent
        reply(worker, call)
        assert isinstance(caller.answer(asked), Reply)

    def test_other_violations_lose_the_session(self, core: Core) -> None:
        client = core.client()
        client.frame(Message(Hello(1, 1, "p"), 5))
        assert core.tables["sessions"] == 0

    def test_the_grace_begins_once(self, core: Core) -> None:
        client = core.client()
        client.frame(Message(Goodbye()), first_seq=7)
        core.advance(4)
        core.cut(client)
        core.advance(1.1)
        assert core.tables["sessions"] == core.tables["connections"] == 0

    def test_a_suspect_that_breaks_has_its_grace(self) -> None:
        core = Core(Policy(heartbeat_interval=1, suspect_limit=2))
        client = core.client()
        client.host("w")
        core.advance(4.5)
        assert core.logs.count("session suspect") == 1
        core.cut(client)
        core.advance(4.9)
        assert core.tables["sessions"] == 1
        resumed(core, client)
        core.advance(2.5)
        assert core.tables["sessions"] == 1

    def test_a_session_that_nobody_reads_is_bounded_while_it_is_away(self) -> None:
        core = Core(Policy(max_output_bytes=10_000))
        worker, caller = core.client(), core.client()
        worker.host("w")
        for n in range(20):
            caller.say(request("w/k"), n + 1)
        calls = worker.take(Request)
        core.cut(caller)
        for call, _ in calls:
            reply(worker, call, b"x" * 1000)
        assert core.tables["sessions"] == 1
        assert core.tables["calls"] == 0

    def test_the_end_of_one_grace_may_end_another_session_whose_grace_ends_with_it(self) -> None:
        core = Core(Policy(max_output_bytes=10_000))
        worker, caller = core.client(), core.client()
        worker.host("w")
        for _ in range(2):
            caller.command(request("w/k"))
        first, _ = (call for call, _ in worker.take(Request))
        reply(worker, first, bytes(20_000))
        core.cut(worker)
        core.cut(caller)
        assert core.tables["sessions"] == 2
        core.advance(10)
        assert core.tables["sessions"] == core.tables["calls"] == 0

    def test_what_is_written_and_not_confirmed_counts(self) -> None:
        core = Core(Policy(max_output_bytes=10_000))
        caller = core.client()
        for _ in range(100):
            caller.command(ListSubscriptions())
            core.machine.take(caller.connection, core.now)
        assert caller.closed is not None
        assert caller.closed.code is EndCode.RESOURCE_EXHAUSTED

    def test_one_message_may_exceed_the_limit(self) -> None:
        core = Core(Policy(max_output_bytes=10_000, heartbeat_interval=1))
        worker, caller = core.client(), core.client()
        worker.host("w")
        asked = [caller.command(request("w/k")) for _ in range(3)]
        calls = [call for call, _ in worker.take(Request)]
        reply(worker, calls[0], bytes(20_000))
        core.advance(0.6)
        assert caller.closed is None, "nor do heartbeats"
        assert isinstance(caller.answer(asked[0]), Reply)
        caller.frame()
        reply(worker, calls[1], bytes(20_000))
        assert caller.closed is None
        reply(worker, calls[2])
        assert caller.closed is not None

    def test_a_client_that_confirms_goes_on(self) -> None:
        core = Core(Policy(max_output_bytes=10_000))
        caller = core.client()
        for _ in range(100):
            caller.ask(ListSubscriptions())
        assert caller.closed is None


def test_a_receipt_comes_within_half_an_interval(core: Core) -> None:
    client = core.client()
    client.say(Cancel(7))
    assert core.machine.take(client.connection, core.now) is None
    core.advance(2.6)
    frame = core.machine.take(client.connection, core.now)
    assert frame is not None
    assert frame.received == 1


def test_a_receipt_for_much_comes_at_once(core: Core) -> None:
    client = core.client()
    client.frame(*(Message(Cancel(7)) for _ in range(1000)))
    frame = core.machine.take(client.connection, core.now)
    assert frame is not None
    assert (frame.received, frame.messages) == (1000, [])


def test_a_discarded_shard_leaves_the_absent_paused(core: Core) -> None:
    worker, caller = core.client(), core.client()
    worker.host("w")
    caller.command(request("w/k"))
    worker.take(Request)
    core.cut(worker)
    core.hold = True
    core.fail_commit()
    core.hold = False
    caller.command(request("w/k", b"second"))
    assert core.tables["outgoing_messages"] == 0
    resumed(core, worker)
    assert [r.envelope for _, r in worker.take(Request)] == [b"second"]


class TestAgentsToClaim:
    """Nothing is dispatched to a client that has still to claim what it holds (SES-14)."""

    def test_work_waits_for_the_claim_and_the_agent_keeps_its_epoch(self, core: Core) -> None:
        worker, caller = core.client(), core.client()
        worker.host("w")
        caller.command(request("w/k"))
        ((_, first),) = worker.take(Request)
        core.cut(worker)
        core.advance(Policy().session_grace + 0.1)
        caller.frame()
        caller.command(request("w/k"))
        back = core.client(hello=replace(HELLO, resume=Resume(worker.session, b"token", 0, agents=1)))
        back.host("w")
        assert back.take(Request) == [], "its claim may still come"
        assert back.ask(Claim(((agent("w/k"), first.epoch),))) == ClaimResult(())
        ((_, second),) = back.take(Request)
        assert second.epoch == first.epoch

    def test_it_waits_no_longer_than_the_claim_window(self, core: Core) -> None:
        caller = core.client()
        back = core.client(hello=replace(HELLO, resume=Resume("gone", b"token", 0, agents=2)))
        back.host("w")
        caller.command(request("w/k"))
        core.advance(Policy().claim_window - 0.1)
        back.frame()
        assert back.take(Request) == []
        core.advance(0.2)
        assert len(back.take(Request)) == 1
