"""Judges a tape: plays it through the same bookkeeping that watched the run.

Pure: tape in, broken rules out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from parley_conformance.client_watch import ClientWatch, begins_wrongly
from parley_conformance.judge import Broken
from parley_conformance.model import Failed
from parley_conformance.relay import DOWN, UP
from parley_conformance.spec import Flags
from parley_conformance.tape import Taped
from parley_conformance.watch import UNNUMBERED, Watch, kind_of

PEER_WAYS: Mapping[str, str] = {"wrote": UP, "again": UP, "read": DOWN}
"""Which way a peer's frames went, by op."""
BROKER_WAYS: Mapping[str, str] = {"wrote": DOWN, "again": DOWN, "first": UP, "read": UP}
"""Which way the scripted broker's frames went, by op."""


def judge_peers(tape: Sequence[Taped], reasons: Mapping[str, Flags]) -> list[Broken]:
    """Lists what the broker broke towards scripted peers, peer by peer.

    Args:
        tape: Of a case of kind `broker`. Ops are `begin` (a session; values: the id of its Hello, whether any reason is
            taken), `wrote` and `read` (frames), `again` (what was sent again, as it was counted before), and what a
            case did to the numbers: `take_number`, `expect_answer`, `goes_back`.
        reasons: The flags of each error reason.
    """
    found: list[Broken] = []
    for party in dict.fromkeys(one.party for one in tape):
        found += _peer(party, [one for one in tape if one.party == party], reasons)
    return found


def judge_client(tape: Iterable[Taped]) -> list[Broken]:
    """Lists what an SDK broke towards the scripted broker.

    Args:
        tape: Of a case of kind `sdk`. Ops are `first` (the frame that a connection begins with; values: the credit),
            `session` (a new one; values: its credit), `retire`, `wants_back`, `goes_on`, `forget`, `credit`,
            `wrote` (values: whether its messages are counted), `read` and `again`.
    """
    found: list[Failed] = []
    watch: ClientWatch | None = None
    for one in tape:
        if one.op == "first" and one.frame is not None:
            found += begins_wrongly(one.frame, *one.values)
        elif one.op == "session":
            watch = ClientWatch(*one.values)
        elif watch is None:
            continue
        elif one.op == "retire":
            found += watch.violations
            watch = None
        elif one.op == "credit":
            watch.credit_messages, watch.credit_bytes = one.values
        elif one.op == "wrote" and one.frame is not None:
            for message in one.frame.messages:
                watch.says(message, counted=bool(one.values[0]))
        elif one.op == "read" and one.frame is not None:
            for _ in watch.heard(one.frame):
                pass
        elif one.op in ("wants_back", "goes_on", "forget"):
            getattr(watch, one.op)(*one.values)
    return _broken([*found, *(watch.violations if watch else ())])


def _peer(party: str, tape: Iterable[Taped], reasons: Mapping[str, Flags]) -> list[Broken]:
    found: list[Failed] = []
    watch = Watch(party, reasons)
    for one in tape:
        if one.op == "begin":
            greeting, any_reason = one.values
            found += watch.violations
            watch = Watch(party, reasons, any_reason=bool(any_reason))
            if greeting:
                watch.expect_answer(greeting)
        elif one.op == "wrote" and one.frame is not None:
            for message in one.frame.messages:
                watch.said(message)
        elif one.op == "read" and one.frame is not None:
            watch.heard_frame(one.frame)
            for message in one.frame.messages:
                watch.heard(message)
        elif one.op in ("take_number", "expect_answer", "goes_back"):
            getattr(watch, one.op)(*one.values)
    return _broken([*found, *watch.violations])


def _broken(found: Iterable[Failed]) -> list[Broken]:
    return [Broken(one.rule, one.party, str(one).removeprefix("the client: ")) for one in found]


def numbered(one: Taped) -> list[int]:
    """The number of each message of an entry's frame; 0: it has none."""
    if one.frame is None:
        return []
    numbers: list[int] = []
    number = one.frame.first_seq
    for message in one.frame.messages:
        own = 0 if kind_of(message) in UNNUMBERED else number
        numbers.append(own)
        number += own > 0
    return numbers
