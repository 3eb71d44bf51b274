"""The reference broker with one bug put in on purpose: what the kit must catch.

    python conformance/mutants/broker.py BUG serve [OPTIONS of parley-broker serve]

Stands in for `parley-broker` in PARLEY_BROKER_COMMAND. A bug replaces a method of the core; one whose target is
gone ends with an error, so that a bug which is no longer there cannot pass for one that nobody notices.
`conformance/tests/test_mutants.py` says which cases turn red for which bug.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from parley_broker.cli import main
from parley_broker.core.gateway import checks, lives
from parley_broker.core.gateway.callers import Callers
from parley_broker.core.gateway.gateway import Gateway
from parley_broker.core.shard.places import Places


def wrap(owner: Any, name: str, make: Callable[[Any], Any]) -> None:
    """Replaces `owner.name` by what `make` returns for the original."""
    setattr(owner, name, make(getattr(owner, name)))


def reply_to_the_wrong_caller() -> None:
    """An outcome goes to another caller whose call has the same id."""

    def make(end: Any) -> Any:
        def wrong(self: Any, call: Any, outcome: Any) -> None:
            for other in self._calls.values():
                if other.caller is not call.caller and other.caller_id == call.caller_id:
                    call.caller, other.caller = other.caller, call.caller
                    call.caller.calls[call.caller_id] = call.id
                    other.caller.calls[other.caller_id] = other.id
                    break
            end(self, call, outcome)

        return wrong

    wrap(Callers, "_end", make)


def lost_worker_hangs_its_calls() -> None:
    """Nobody is told when the session that runs a call is lost."""
    wrap(Callers, "lose_worker", lambda _: lambda self, session, agent_type=None: None)


def deadline_ignored() -> None:
    """Nothing happens when the time of a call is up."""
    wrap(Callers, "tick", lambda _: lambda self, now: None)
    wrap(Callers, "next_due", lambda _: lambda self: None)


def cancel_swallowed() -> None:
    """Cancel does nothing."""
    wrap(Callers, "cancel", lambda _: lambda self, session, cancel: None)


def cancel_kept_from_the_worker() -> None:
    """The caller's outcome is CANCELLED, and the handler runs on."""
    wrap(Callers, "_tell_worker", lambda _: lambda self, call: None)


def delivered_twice() -> None:
    """Every event is handed over two times."""

    def make(deliver: Any) -> Any:
        def twice(self: Any, effect: Any, now: float) -> None:
            deliver(self, effect, now)
            deliver(self, effect, now)

        return twice

    wrap(Gateway, "deliver", make)


def event_dropped() -> None:
    """Every second event of a recipient is stored, answered for, and never handed over."""

    def make(deliver: Any) -> Any:
        seen: dict[Any, int] = {}

        def lossy(self: Any, effect: Any, now: float) -> None:
            recipient = effect.delivery.recipient
            seen[recipient] = seen.get(recipient, 0) + 1
            if seen[recipient] % 2:
                deliver(self, effect, now)

        return lossy

    wrap(Gateway, "deliver", make)


def place_forgotten() -> None:
    """Each message may go to another session."""

    def make(resolve: Any) -> Any:
        def fickle(self: Any, agent: Any, nested: bool) -> Any:
            if (place := self.get(agent)) is not None:
                self.end(place)
            return resolve(self, agent, nested)

        return fickle

    wrap(Places, "resolve", make)


def envelope_limit_ignored() -> None:
    """An envelope of any size is taken."""
    wrap(checks, "check_size", lambda _: lambda size, policy: None)


def any_version_accepted() -> None:
    """Hello is answered by Welcome whatever versions it names."""
    wrap(lives, "agree", lambda _: lambda hello: hello.max_version)


def sender_unchecked() -> None:
    """Anybody may send in the name of any agent."""
    wrap(checks, "check_sender", lambda _: lambda session, sender, sender_epoch, shard: None)


BUGS: tuple[Callable[[], None], ...] = (
    reply_to_the_wrong_caller,
    lost_worker_hangs_its_calls,
    deadline_ignored,
    cancel_swallowed,
    cancel_kept_from_the_worker,
    delivered_twice,
    event_dropped,
    place_forgotten,
    envelope_limit_ignored,
    any_version_accepted,
    sender_unchecked,
)

if __name__ == "__main__":
    known = {bug.__name__: bug for bug in BUGS}
    if len(sys.argv) < 2 or sys.argv[1] not in known:
        sys.exit(f"name one of the bugs: {', '.join(known)}")
    known[sys.argv.pop(1)]()
    main()
