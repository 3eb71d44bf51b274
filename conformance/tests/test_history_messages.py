from __future__ import annotations

from dataclasses import replace

from stories import CALLER, pair_history, said

from parley_conformance import history_messages, wire
from parley_conformance.history_messages import Room
from parley_conformance.model import Kind
from parley_conformance.record import Record, Said
from parley_conformance.tape import Tape
from parley_wire.v1 import broker_service_pb2 as pb


def told(record: Record, room: Room | None = None) -> list[dict[str, object]]:
    return history_messages.of_record(record, 100.0, room or Room())


def plain(all_said: list[Said]) -> list[tuple[object, ...]]:
    """All but the origin of the times."""
    first = all_said[0].at
    return [
        (round(s.at - first, 6), s.party, s.connection, s.direction, s.number, s.again, s.label, s.message)
        for s in all_said
    ]


def test_what_goes_by_untouched_is_one_entry_each_and_comes_back() -> None:
    record = pair_history().record
    entries = told(record)
    assert len(entries) == len(record.came)
    request = next(one for one in entries if one["kind"] == "request")
    assert (request["label"], request["id"], request["came"], request["went"]) == ("c1", 2, True, True)
    assert "'target': 'probe/k'" in str(request["summary"])
    came, went = history_messages.record_of(entries)
    assert plain(came) == plain(record.came)
    assert plain(went) == plain(record.went)


def test_what_faults_do_is_seen_and_comes_back() -> None:
    came = said("caller", CALLER)
    held = replace(came[1], at=came[1].at + 1)
    rewritten = replace(came[2], at=came[2].at + 1, message=wire.message({"re": 2, "reply": {"envelope": "changed"}}))
    injected = replace(came[4], at=came[4].at + 1, number=9, message=wire.message({"drain": {}}), label="")
    # The fourth is dropped; the last one is repeated by the party and goes on for the first time.
    again = replace(came[4], at=came[4].at + 2, connection=2, again=True)
    record = Record([*came, again], [came[0], held, rewritten, injected, replace(again, again=False)])
    entries = told(record)
    assert [(one["came"], one["went"], "went_at_ms" in one, "went_bytes" in one) for one in entries] == [
        (True, True, False, False),
        (True, True, True, False),
        (True, True, True, True),
        (True, False, False, False),
        (True, False, False, False),
        (False, True, False, False),
        (True, True, True, False),
    ]
    assert (entries[6]["again"], entries[6]["went_again"]) == (True, False)
    back = history_messages.record_of(entries)
    assert plain(back[0]) == plain(record.came)
    assert plain(back[1]) == plain(sorted(record.went, key=lambda one: one.at))


def test_after_the_first_that_finds_no_room_nothing_is_taken() -> None:
    record = pair_history().record
    room = Room(messages=3)
    assert len(told(record, room)) == 3
    assert room.lost == len(record.came) - 3
    room = Room(size=20)
    assert len(told(record, room)) + room.lost == len(record.came)
    assert room.lost


def tape() -> Tape:
    made = Tape()
    made.note("a", 0, "begin", 0, False)
    asked = wire.message({"id": 2, "request": {"target": "probe/k", "envelope": "hi"}})
    made.note("a", 1, "wrote", frame=pb.Frame(first_seq=1, received=3, messages=[asked, asked]))
    made.note("a", 1, "read", frame=pb.Frame(credit_messages=7, credit_bytes=8))
    made.note("a", 1, "read", frame=pb.Frame(first_seq=4, messages=[wire.message({"re": 2, "drain": {}})]))
    made.note("a", 1, "goes_back", 3)
    return made


def test_a_tape_comes_back() -> None:
    made = tape()
    messages, watched = history_messages.of_tape(made.entries, made.entries[0].at, Kind.BROKER, Room())
    assert [(one["dir"], one["number"], one["frame"]) for one in messages] == [
        ("up", 1, 1),
        ("up", 2, 1),
        ("down", 4, 3),
    ]
    back = history_messages.tape_of(messages, watched)
    assert [(t.party, t.connection, t.op, t.values, t.frame) for t in back] == [
        (t.party, t.connection, t.op, t.values, t.frame) for t in made.entries
    ]
    # A scripted broker writes down what a peer writes up.
    mirrored, _ = history_messages.of_tape(made.entries, 0, Kind.SDK, Room())
    assert [one["dir"] for one in mirrored] == ["down", "down", "up"]


def test_a_tape_that_finds_no_room_ends_at_a_frame() -> None:
    made, room = tape(), Room(messages=2)
    messages, watched = history_messages.of_tape(made.entries, 0, Kind.BROKER, room)
    assert (len(messages), [one["op"] for one in watched], room.lost) == (2, ["begin", "wrote", "read"], 1)
    room = Room(messages=1)
    messages, watched = history_messages.of_tape(made.entries, 0, Kind.BROKER, room)
    assert (messages, [one["op"] for one in watched], room.lost) == ([], ["begin"], 3)


def test_the_first_messages_are_told_in_words() -> None:
    entries = told(pair_history().record, Room(summaries=2))
    assert [bool(one["summary"]) for one in entries[:4]] == [True, True, False, False]
    assert all(one["bytes"] for one in entries[1:])
