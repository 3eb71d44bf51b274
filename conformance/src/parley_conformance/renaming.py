"""Names of a case's own, on a broker that others use too: the types of agents and topics, and producers, with a mark.

Pure: messages in, messages out. What the broker hears has the mark, what comes back has not, so that whoever speaks
through it sees its own names alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

MAX_BYTES = 255
_TYPE = re.compile(r"[A-Za-z0-9_.:=\-]{1,255}", re.ASCII)
_NAMES = frozenset(
    {"AgentId.type", "TopicId.type", "RegisterAgentType.type", "UnregisterAgentType.type", "Hello.producer_id"}
)
_NAMES_ANYWHERE = frozenset({"agent_type", "topic_type", "agent_types"})
_TEXTS = frozenset({"Error.message", "DetailsEntry.value"})
_LISTS = {
    "SubscriptionList": "subscriptions",
    "ListAgentsResponse": "agents",
    "ListDeadLettersResponse": "dead_letters",
}
"""Lists of what all clients have, and the member with it."""


class Names:
    """The names of one case.

    Args:
        mark: What they begin with; characters that types may have, and such as no other case has.
    """

    def __init__(self, mark: str) -> None:
        self._mark = mark
        self._cut: dict[str, str] = {}
        self.agent_types: set[str] = set()
        """Those that were named, with the mark."""

    def away(self, message: Message) -> bool:
        """Puts the mark before the names in what a client says; true if there was one."""
        return _changed(message, self._marked)

    def back(self, message: Message) -> bool:
        """Takes the mark away in what the broker says, and out of lists what is not the case's; true if it did."""
        for part in (message, *(value for _, value in message.ListFields() if isinstance(value, Message))):
            if (member := _LISTS.get(part.DESCRIPTOR.name)) is not None:
                self._sift(getattr(part, member))
                _changed(message, self._bare)
                return True
        return _changed(message, self._bare)

    def _marked(self, field: str, value: str) -> str:
        if field in _TEXTS or not _TYPE.fullmatch(value):
            # What is malformed is for the broker to refuse.
            return value
        # One that is as long as can be keeps its length.
        cut = max(0, len(self._mark) + len(value) - MAX_BYTES)
        marked = self._mark + value[cut:]
        if cut:
            self._cut[marked] = value
        if field in ("AgentId.type", "RegisterAgentType.type") or field.endswith(".agent_type"):
            self.agent_types.add(marked)
        return marked

    def _bare(self, field: str, value: str) -> str:
        if field in _TEXTS:
            for marked, given in self._cut.items():
                value = value.replace(marked, given)
            return value.replace(self._mark, "")
        return self._cut.get(value, value.removeprefix(self._mark))

    def _sift(self, entries: Any) -> None:
        own = [one for one in entries if self._is_own(one)]
        if len(own) < len(entries):
            copies = [type(one).FromString(one.SerializeToString()) for one in own]
            del entries[:]
            entries.extend(copies)

    def _is_own(self, entry: Any) -> bool:
        return _changed(type(entry).FromString(entry.SerializeToString()), self._bare)


def _changed(message: Message, rename: Callable[[str, str], str]) -> bool:
    """Renames all the names in a message; true if that changed any."""
    kind = message.DESCRIPTOR.name
    changed = False
    for field, value in message.ListFields():
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            changed |= _within(message, field, value, rename)
        elif field.type == FieldDescriptor.TYPE_STRING and _is_name(kind, field.name):
            changed |= _renamed(message, field, value, f"{kind}.{field.name}", rename)
    return changed


def _within(message: Message, field: Any, value: Any, rename: Callable[[str, str], str]) -> bool:
    if field.message_type.GetOptions().map_entry:
        if f"{field.message_type.name}.value" not in _TEXTS:
            return False
        texts = getattr(message, field.name)
        new = {key: rename(f"{field.message_type.name}.value", text) for key, text in texts.items()}
        if new == dict(texts):
            return False
        texts.update(new)
        return True
    parts = [value] if isinstance(value, Message) else list(value)
    return sum(_changed(part, rename) for part in parts) > 0


def _renamed(message: Message, field: Any, value: Any, name: str, rename: Callable[[str, str], str]) -> bool:
    if isinstance(value, str):
        new = rename(name, value)
        setattr(message, field.name, new)
        return new != value
    old = list(value)
    value[:] = [rename(name, one) for one in old]
    return list(value) != old


def _is_name(kind: str, field: str) -> bool:
    return f"{kind}.{field}" in _NAMES or f"{kind}.{field}" in _TEXTS or field in _NAMES_ANYWHERE
