"""History files: what went on in a run, written so that people can read it and `recheck` can judge it again."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from google.protobuf.message import DecodeError

from parley_conformance import __version__, history_messages, schemas, suite
from parley_conformance.adapter import Observation
from parley_conformance.faults import Fault
from parley_conformance.history import End
from parley_conformance.history_messages import Room
from parley_conformance.model import Case, Result, Run, Step, Verdict
from parley_conformance.record import Record
from parley_conformance.run_history import PartyTold, RunHistory

FORMAT = 1
KEPT_OBSERVATIONS = 8_000
_LEVEL = 1
"""Of gzip: the others take longer and save little."""


class HistoryError(Exception):
    """A file is no history file."""


@dataclass(frozen=True)
class Played:
    """With what a run was played, as far as that is not in its case.

    Attributes:
        broker: The launcher's command; empty: the reference broker's.
        address: Of a broker that ran already.
        adapters: The commands by language.
    """

    broker: Sequence[str] = ()
    address: str = ""
    adapters: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Stored:
    """What a history file has.

    Attributes:
        history: What went on, as far as it was kept.
        result: What came of it.
        played: With what.
        cut: What was left out, by what it is: `messages`, `observations`.
    """

    history: RunHistory
    result: Result
    played: Played
    cut: Mapping[str, int]


def as_json(
    history: RunHistory, result: Result, played: Played, logs: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Makes the content of a history file; what finds no room is left out, and `cut` says so.

    Args:
        history: What went on.
        result: What came of it.
        played: With what.
        logs: Where the logs of the parties are, relative to the folder of the results.
    """
    room = Room(lost=history.tape_lost)
    began = history.began
    watched: list[dict[str, Any]] = []
    if history.tape:
        messages, watched = history_messages.of_tape(history.tape, began, history.run.case.kind, room)
    else:
        messages = history_messages.of_record(history.record, began, room)
    observed = history.observations[:KEPT_OBSERVATIONS]
    cut = {"messages": room.lost, "observations": len(history.observations) - len(observed)}
    return {
        "format": FORMAT,
        "kit": __version__,
        "run": _run(result),
        "plan": _plan(history.run, played),
        "cut": {what: number for what, number in cut.items() if number},
        "steps": [_step(step) for step in result.steps],
        "parties": {name: _party(party) for name, party in history.parties.items()},
        "disturbed": history.disturbed,
        "faults": [_fault(fault) for fault in history.record.faults.values()],
        "messages": messages,
        "watched": watched,
        "observations": [_observation(name, one, began) for name, one in observed],
        "end": None if history.end is None else _end(history.end),
        "lines": list(history.lines),
        "logs": dict(logs or {}),
    }


def write(content: Mapping[str, Any], path: Path) -> None:
    """Writes a history file, compressed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # No name and no time of its own: one run written twice gives one file.
    with path.open("wb") as file, gzip.GzipFile("", "wb", _LEVEL, file, mtime=0) as packed:
        packed.write(json.dumps(content, ensure_ascii=True, separators=(",", ":")).encode("ascii"))


def read(path: Path) -> Stored:
    """Reads a history file, compressed or not.

    Raises:
        HistoryError: It cannot be read, or breaks `schema/history.schema.json`.
    """
    try:
        raw = path.read_bytes()
        content = json.loads(gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise HistoryError(f"{path}: {error}") from error
    if wrong := schemas.errors("history", content):
        raise HistoryError(f"{path}: it is no history of format {FORMAT}: {wrong}")
    try:
        return _stored(content)
    except (ValueError, TypeError, DecodeError, SystemError) as error:  # protobuf 3.21 raises the last for some bytes
        raise HistoryError(f"{path}: {error}") from error


def _stored(content: Mapping[str, Any]) -> Stored:
    plan, told = content["plan"], content["run"]
    case: Case = suite.case_of(plan["case"], plan["source"])
    run = Run(case, plan["caller"], plan["handler"], plan["content"])
    tape = history_messages.tape_of(content["messages"], content["watched"])
    came, went = ([], []) if tape else history_messages.record_of(content["messages"])
    end = content["end"]
    history = RunHistory(
        run=run,
        record=Record(came, went, {one["id"]: _fault_of(one) for one in content["faults"]}),
        tape=tape,
        parties={name: _party_of(one) for name, one in content["parties"].items()},
        observations=[_observation_of(one) for one in content["observations"]],
        disturbed=content["disturbed"],
        end=None if end is None else _end_of(end),
        lines=content["lines"],
    )
    result = Result(
        run,
        Verdict(told["verdict"]),
        told.get("reason", ""),
        told.get("rule", ""),
        told.get("party", ""),
        told["duration_ms"],
        judged=told["judged"],
        steps=tuple(Step(s["n"], s["text"], s["at_ms"], Verdict(s["verdict"])) for s in content["steps"]),
    )
    adapters = {name: tuple(command) for name, command in plan["adapters"].items()}
    return Stored(history, result, Played(tuple(plan["broker"]), plan["address"], adapters), content["cut"])


# -- the parts of a file, and back --------------------------------------------------------------------------------


def _run(result: Result) -> dict[str, Any]:
    told = {
        "name": result.run.name,
        "verdict": result.verdict.value,
        "duration_ms": result.duration_ms,
        "judged": result.judged,
    }
    optional = {"reason": result.reason, "rule": result.rule, "party": result.party}
    return told | {name: value for name, value in optional.items() if value}


def _plan(run: Run, played: Played) -> dict[str, Any]:
    return {
        "case": suite.plain(run.case),
        "source": run.case.source,
        "caller": run.caller,
        "handler": run.handler,
        "content": run.content,
        "seed": run.case.arguments.get("seed"),
        "broker": list(played.broker),
        "address": played.address,
        "adapters": {name: list(played.adapters[name]) for name in run.languages if name in played.adapters},
    }


def _step(step: Step) -> dict[str, Any]:
    return {"n": step.number, "text": step.text, "at_ms": round(step.at_ms, 3), "verdict": step.verdict.value}


def _party(party: PartyTold) -> dict[str, Any]:
    return {
        "language": party.language,
        "sdk": party.sdk,
        "version": party.version,
        "content": party.content,
        "killed": party.killed,
        "called": list(party.called),
        "never_from": party.never_from,
    }


def _party_of(one: Mapping[str, Any]) -> PartyTold:
    return PartyTold(**{**one, "called": tuple(one["called"])})


def _fault(fault: Fault) -> dict[str, Any]:
    told = {"id": fault.id, "at": fault.at, "do": fault.do, "fired": fault.fired.is_set()}
    optional = {"dir": fault.direction, "item": fault.item, "label": fault.label}
    return told | {name: value for name, value in optional.items() if value}


def _fault_of(one: Mapping[str, Any]) -> Fault:
    fault = Fault(one["id"], one["at"], one["do"], one.get("dir", ""), one.get("item", ""), one.get("label", ""))
    if one["fired"]:
        fault.fired.set()
    return fault


def _observation(party: str, one: Observation, began: float) -> dict[str, Any]:
    at_ms = history_messages.since(began, one.at)
    return {"at_ms": at_ms, "party": party, "obs": one.kind, "label": one.label, "fields": dict(one.fields)}


def _observation_of(one: Mapping[str, Any]) -> tuple[str, Observation]:
    return one["party"], Observation(one["obs"], one["fields"], one["at_ms"] / 1000)


def _end(end: End) -> dict[str, Any]:
    return {"events": end.waiting, "calls": end.calls, "dead_letters": sorted(list(one) for one in end.dead)}


def _end_of(end: Mapping[str, Any]) -> End:
    dead: Iterable[tuple[str, str]] = ((label, recipient) for label, recipient in end["dead_letters"])
    return End(end["events"], frozenset(dead), end["calls"])
