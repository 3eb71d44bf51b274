"""The Python SDK with one bug put in on purpose, behind its adapter: what the kit must catch.

    python conformance/mutants/python.py BUG

Stands in for `conformance/adapters/python/adapter.py`. A bug whose target is gone ends with an error, and one that is
reached says so in the file that PARLEY_MUTANT_REACHED names, so that a bug which is not there cannot pass for one that
nobody notices. `conformance/mutants/python.yaml` says which checks turn red for which bug.
"""

from __future__ import annotations

import codecs
import itertools
import json
import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mark import put_in, wrap

from parley import _host, _json_codec, _json_text, _json_values, _registry, _serialization
from parley._distributed import asking, commands, frames, received, rejoining, runtime, session, uplink, worker
from parley._distributed.backoff import Backoff
from parley._hand import Hand
from parley._host import AgentHost
from parley._json_codec import RecordCodec
from parley._slot import AgentSlot
from parley._state import StateKeeper
from parley._work import Work
from parley.exceptions import MalformedPayloadError, ParleyError, UnsupportedVersionError

ADAPTER = Path(__file__).resolve().parents[1] / "adapters" / "python" / "adapter.py"
_NO_TIME_AT_ALL_S = 60.0


def nothing(*arguments: Any, **named: Any) -> None:
    """Stands in for what a bug leaves out."""


def cancel_unheard() -> None:
    """A Cancel does not reach the handler."""
    wrap(worker.Worker, "_on_cancel", lambda _: lambda self, message: None)


def failures_are_internal() -> None:
    """A handler that raises ends its call with INTERNAL."""
    wrap(_host, "handler_failure", lambda _: lambda work, error: ParleyError("it failed", reason="INTERNAL"))


def chain_unsaid() -> None:
    """A call that a handler makes is sent as a root request."""

    def make(call: Any) -> Any:
        def wrong(self: Any, message: Any, *arguments: Any) -> Any:
            del message.request.call_chain[:]
            return call(self, message, *arguments)

        return wrong

    wrap(asking.Asker, "call", make)


def unhandled_events_fail() -> None:
    """An event of a type that the agent does not handle is refused."""

    def wrong(self: Any, work: Any) -> None:
        work.failed(ParleyError("it is not handled", reason="HANDLER_FAILED"))

    wrap(AgentHost, "_ignore", lambda _: wrong)


def prefixes_taken_for_topics() -> None:
    """A subscription by prefix is asked for as an exact one."""

    def make(subscribe: Any) -> Any:
        def wrong(subscription: Any) -> Any:
            message = subscribe(subscription)
            message.subscribe.subscription.match = 1
            return message

        return wrong

    wrap(commands, "subscribe", make)


def handlers_have_no_deadline() -> None:
    """A handler's token does not fire when the time of its call is up."""
    wrap(Work, "watch_call", lambda _: lambda self, deadlines: None)


def nested_calls_have_all_the_time() -> None:
    """A call in a handler does not inherit what is left of the handler's time."""

    def make(choose: Any) -> Any:
        return lambda timeout, default, scope, *limit: choose(timeout, default, None, *limit)

    wrap(runtime, "choose_patience", make)


def default_timeout_ignored() -> None:
    """The runtime's own default timeout counts for nothing."""

    def make(choose: Any) -> Any:
        return lambda timeout, default, *others: choose(timeout, _NO_TIME_AT_ALL_S, *others)

    wrap(runtime, "choose_patience", make)


def versions_are_malformed() -> None:
    """What a serializer refuses for its version is told as malformed."""

    def make(read: Any) -> Any:
        def wrong(serializer: Any, payload: Any) -> Any:
            try:
                return read(serializer, payload)
            except UnsupportedVersionError as error:
                raise MalformedPayloadError("it cannot be read", details=error.details) from error

        return wrong

    wrap(_registry, "_read", make)


def integers_as_floating_point() -> None:
    """Integers lose what a floating-point number does not hold."""

    def make(serialize: Any) -> Any:
        def wrong(self: Any, message: Any) -> bytes:
            value = json.loads(serialize(self, message), parse_int=lambda text: int(float(text)))
            return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()

        return wrong

    wrap(_serialization.JsonSerializer, "serialize", make)


def byte_order_mark_taken() -> None:
    """JSON may begin with a byte order mark."""
    wrap(_serialization, "read_json", lambda read: lambda data: read(data.removeprefix(codecs.BOM_UTF8)))


def map_keys_as_members() -> None:
    """The keys of maps lose what no name of a member has."""

    def make(encode: Any) -> Any:
        return lambda self, value: {key.replace("~", "_"): one for key, one in encode(self, value).items()}

    wrap(_json_values.MapCodec, "encode", make)


def zeros_left_out() -> None:
    """Members that are 0 or false are not written."""

    def make(encode: Any) -> Any:
        return lambda self, value: {name: one for name, one in encode(self, value).items() if one != 0}

    wrap(RecordCodec, "encode", make)


def absent_is_null() -> None:
    """A member without a default that is absent is taken as null."""

    def make(decode: Any) -> Any:
        def wrong(self: Any, value: Any) -> Any:
            if type(value) is dict:
                value = {member.name: None for member in self.members() if member.required} | value
            return decode(self, value)

        return wrong

    wrap(RecordCodec, "decode", make)


def the_last_of_two_members_counts() -> None:
    """A member that is there twice is taken as it came last."""

    def make(check: Any) -> Any:
        return lambda self, value: isinstance(value, _json_values.RepeatedNames) or check(self, value)

    wrap(RecordCodec, "_check_object", make)


def infinities_taken() -> None:
    """A number that is too big is read as an infinity."""

    def make(decode: Any) -> Any:
        return lambda self, value: value if type(value) is float else decode(self, value)

    wrap(_json_values.FloatCodec, "decode", make)


def surrogates_written() -> None:
    """A text with a lone surrogate is not noticed by its codec."""
    wrap(_json_values.TextCodec, "encode", lambda _: lambda self, value: value.encode(errors="replace").decode())


def bytes_that_are_no_message_are_empty() -> None:
    """What cannot be parsed as protobuf is read as a message of defaults."""

    def make(deserialize: Any) -> Any:
        def wrong(self: Any, payload: bytes) -> Any:
            try:
                return deserialize(self, payload)
            except MalformedPayloadError:
                return self.message_class()

        return wrong

    wrap(_serialization.ProtobufSerializer, "deserialize", make)


def base64_without_padding() -> None:
    """Bytes are written without padding."""
    wrap(_json_values.BytesCodec, "encode", lambda encode: lambda self, value: encode(self, value).rstrip("="))


def moments_to_the_second() -> None:
    """What is less than a second is not written."""

    def make(encode: Any) -> Any:
        return lambda self, value: encode(self, value.replace(microsecond=0))

    wrap(_json_values.TimeCodec, "encode", make)


def enumerators_in_lower_case() -> None:
    """Enumeration values are written in lower case."""
    wrap(_json_values.EnumCodec, "encode", lambda encode: lambda self, value: encode(self, value).lower())


def any_type_written() -> None:
    """A member of a type that JSON does not have is written as its text."""

    class Textual(_json_values.TextCodec):
        def encode(self, value: Any) -> Any:
            return str(value)

    def make(known: Any) -> Any:
        def wrong(annotation: Any) -> Any:
            try:
                return known(annotation)
            except _json_values.BadValue:
                return Textual()

        return wrong

    wrap(_json_codec, "_make_codec", make)


def any_depth_taken() -> None:
    """Messages may be nested as deep as memory allows."""
    wrap(_json_text, "_check_depth", lambda _: nothing)


def members_unnamed() -> None:
    """What is wrong with a message does not name the member."""
    wrap(_json_values.BadValue, "__str__", lambda _: lambda self: self.what)


def size_unchecked() -> None:
    """A message of any size is sent."""
    wrap(runtime, "check_size", lambda _: nothing)


def pins_unsaid() -> None:
    """An agent that is given as an instance is registered without its key."""

    def make(register: Any) -> Any:
        def wrong(registration: Any) -> Any:
            message = register(registration)
            del message.register_agent_type.pinned_keys[:]
            return message

        return wrong

    wrap(commands, "register", make)


def stateless_unsaid() -> None:
    """Stateless agents are registered as standard ones."""

    def make(register: Any) -> Any:
        def wrong(registration: Any) -> Any:
            message = register(registration)
            message.register_agent_type.mode = 1
            return message

        return wrong

    wrap(commands, "register", make)


def resumes_from_nothing() -> None:
    """Who resumes says that it has received nothing."""

    def make(resume_of: Any) -> Any:
        def wrong(self: Any) -> Any:
            resume = resume_of(self)
            resume.received = 0
            return resume

        return wrong

    wrap(session.Session, "resume_of", make)


def nothing_sent_again() -> None:
    """What was written into a connection that broke is thought to have arrived."""

    def make(resume: Any) -> Any:
        def wrong(self: Any, received: int) -> None:
            resume(self, received)
            self._again.clear()

        return wrong

    wrap(frames.FrameWriter, "resume", make)


def repeats_taken() -> None:
    """A number that was received before is taken again."""

    def make(messages: Any) -> Any:
        def wrong(self: Any, frame: Any) -> Any:
            if frame.first_seq:
                self.received = min(self.received, frame.first_seq - 1)
            return messages(self, frame)

        return wrong

    wrap(frames.FrameReader, "messages", make)


def comes_back_late() -> None:
    """After a broken connection it waits for longer than anybody does."""
    wrap(Backoff, "next", lambda _: lambda self: _NO_TIME_AT_ALL_S)


def first_address_only() -> None:
    """Of several addresses only the first one is ever dialled."""

    def make(begin: Any) -> Any:
        return lambda self, addresses, hello: begin(self, list(addresses)[:1], hello)

    wrap(uplink.Uplink, "__init__", make)


def works_unconfirmed() -> None:
    """After a long silence handlers start before the session is known to go on."""
    wrap(uplink.Uplink, "may_start", lambda _: lambda self: True)


def lost_calls_hang() -> None:
    """Calls that were sent in a session that is lost get no outcome."""
    wrap(asking.Asker, "session_lost", lambda _: lambda self, reason: None)


def agents_unclaimed() -> None:
    """In a new session no agent is claimed."""
    wrap(worker.Worker, "held", lambda _: lambda self: [])


def refused_claims_kept() -> None:
    """Agents whose claim is refused are kept."""

    def make(say: Any) -> Any:
        async def wrong(*arguments: Any) -> Any:
            answer = await say(*arguments)
            del answer.claim_result.refused[:]
            return answer

        return wrong

    wrap(rejoining, "_say", make)


def state_never_saved() -> None:
    """An agent's state is thought not to have changed."""

    def make(_: Any) -> Any:
        async def wrong(self: Any, agent: Any, *, always: bool = False) -> None:
            return None

        return wrong

    wrap(StateKeeper, "changed", make)


def state_never_loaded() -> None:
    """An agent begins empty whatever was saved."""

    def make(activate: Any) -> Any:
        return lambda self, id, registration, epoch=0, saved=None: activate(
            self, id, registration, epoch, saved and saved._replace(data=b"")
        )

    wrap(AgentHost, "activate", make)


def publishes_not_held() -> None:
    """What an effectively-once handler publishes goes out at once."""

    def make(publish: Any) -> Any:
        async def wrong(self: Any, *arguments: Any, **named: Any) -> None:
            await publish(self, *arguments, **{**named, "immediate": True})

        return wrong

    wrap(runtime.DistributedRuntime, "publish_message", make)


def old_rounds_taken() -> None:
    """Deliveries of a round that is over are handled."""
    wrap(Hand, "is_old", lambda _: lambda self, round: False)


def events_at_once() -> None:
    """The events of an agent are all handled at the same time."""
    wrap(AgentSlot, "full", lambda _: property(lambda self: False))


def ephemeral_events_settled() -> None:
    """Events that are not stored are acknowledged too."""

    def make(settle: Any) -> Any:
        def wrong(self: Any, work: Any) -> None:
            work.delivery.position = work.delivery.position or 1
            settle(self, work)

        return wrong

    wrap(worker.Worker, "settle", make)


def producer_numbers_of_a_session() -> None:
    """A producer's numbers begin anew with each connection."""

    def make(begin: Any) -> Any:
        def wrong(self: Any, **members: Any) -> None:
            begin(self, **{**members, "publish_numbers": itertools.count(1)})

        return wrong

    wrap(frames.FrameWriter, "__init__", make)


def failed_events_acknowledged() -> None:
    """An event whose handler fails is acknowledged."""
    wrap(received.DeliveryWork, "failed", lambda _: lambda self, error: self._settle(received.Settlement()))


def credit_ignored() -> None:
    """Covered messages are sent whatever the credit."""
    wrap(frames.FrameWriter, "_has_credit", lambda _: property(lambda self: True))


def credit_never_given_back() -> None:
    """The broker gets no more credit than at first."""
    wrap(session.Session, "grant", lambda _: lambda self, bytes: None)


def drain_unheard() -> None:
    """A broker that drains is sent new work as before."""
    wrap(runtime.DistributedRuntime, "_on_drain", lambda _: lambda self, message: None)


def stops_without_a_drain() -> None:
    """Who stops says nothing of it before Goodbye."""

    def make(command: Any) -> Any:
        async def wrong(self: Any, message: Any) -> Any:
            return None if message.HasField("drain") else await command(self, message)

        return wrong

    wrap(session.Session, "command", make)


def stop_cuts_off_what_runs() -> None:
    """Who stops cancels what its agents have in hand."""

    async def at_once(self: Any) -> None:
        return None

    wrap(runtime.DistributedRuntime, "_drain_in_time", lambda _: at_once)


BUGS: tuple[Callable[[], None], ...] = (
    cancel_unheard,
    failures_are_internal,
    chain_unsaid,
    unhandled_events_fail,
    prefixes_taken_for_topics,
    handlers_have_no_deadline,
    nested_calls_have_all_the_time,
    default_timeout_ignored,
    versions_are_malformed,
    integers_as_floating_point,
    byte_order_mark_taken,
    map_keys_as_members,
    zeros_left_out,
    absent_is_null,
    the_last_of_two_members_counts,
    infinities_taken,
    surrogates_written,
    bytes_that_are_no_message_are_empty,
    base64_without_padding,
    moments_to_the_second,
    enumerators_in_lower_case,
    any_type_written,
    any_depth_taken,
    members_unnamed,
    size_unchecked,
    pins_unsaid,
    stateless_unsaid,
    resumes_from_nothing,
    nothing_sent_again,
    repeats_taken,
    comes_back_late,
    first_address_only,
    works_unconfirmed,
    lost_calls_hang,
    agents_unclaimed,
    refused_claims_kept,
    state_never_saved,
    state_never_loaded,
    publishes_not_held,
    old_rounds_taken,
    events_at_once,
    ephemeral_events_settled,
    producer_numbers_of_a_session,
    failed_events_acknowledged,
    credit_ignored,
    credit_never_given_back,
    drain_unheard,
    stops_without_a_drain,
    stop_cuts_off_what_runs,
)

if __name__ == "__main__":
    put_in(BUGS)
    sys.path.insert(0, str(ADAPTER.parent))
    runpy.run_path(str(ADAPTER), run_name="__main__")
