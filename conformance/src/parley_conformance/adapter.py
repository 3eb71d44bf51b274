"""The kit's side of the adapter protocol: starts an adapter, commands it, and keeps what it observes."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from parley_conformance import schemas
from parley_conformance.journal import Journal, shortened
from parley_conformance.launch import PROCESSES, Launch, Started
from parley_conformance.model import Failed, HarnessError, Unsupported

PROTOCOL = 1
DIAL_LIMIT_S = 20.0
ANSWER_LIMIT_S = 20.0
STOP_LIMIT_S = 40.0
"""For `stop`: an SDK whose Drain nobody answers gives what runs its time, 25 s by Parley's own, before it ends."""
LINE_LIMIT = 96 * 1024 * 1024
LOG_LIMIT = 64 * 1024 * 1024
_LOG_LOOK_S = 0.1
_SHOWN_BYTES = 200
_GONE = "its control connection ended"


def _refused_constant(text: str) -> None:
    raise ValueError(f"JSON has no {text}")


_DECODER = json.JSONDecoder(parse_constant=_refused_constant)


class Refused(Exception):
    """The adapter answered a command with an error."""

    def __init__(self, command: str, reason: str, message: str) -> None:
        super().__init__(f"{command} was refused: {reason or '(no reason)'}: {message}")
        self.reason = reason
        self.message = message


@dataclass(frozen=True)
class Observation:
    """Something that an adapter saw. `at`: when the kit read it, by the kit's clock, in seconds."""

    kind: str
    fields: Mapping[str, Any]
    at: float

    @property
    def label(self) -> str:
        """The label of the message that it is about, or empty."""
        return str(self.fields.get("label", ""))


class Adapter:
    """One adapter and its control connection. Made by `launch`. `patient`: nothing that it does has a time limit."""

    def __init__(self, name: str, child: Started, journal: Journal, *, patient: bool = False) -> None:
        self.name = name
        self.patient = patient
        self.child = child
        self.about: dict[str, Any] = {}
        self.observations: list[Observation] = []
        self.journal = journal
        self.changed = asyncio.Event()
        self.killed = False
        self._numbers = itertools.count(1)
        self._waiting: dict[int, tuple[str, asyncio.Future[dict[str, Any]]]] = {}
        self._lines = 0
        self._broken = ""
        self._writer: asyncio.StreamWriter | None = None
        self._tasks: list[asyncio.Task[None]] = []

    @classmethod
    async def launch(
        cls, name: str, command: Sequence[str], log: Path, journal: Journal, launch: Launch = PROCESSES
    ) -> Adapter:
        """Starts an adapter, waits until it has dialled, and greets it.

        Raises:
            HarnessError: It ended, did not dial in time, or answered hello with something else.
        """
        dialled: asyncio.Future[tuple[asyncio.StreamReader, asyncio.StreamWriter]]
        dialled = asyncio.get_running_loop().create_future()

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if dialled.done():
                writer.close()
            else:
                dialled.set_result((reader, writer))

        server = await asyncio.start_server(accept, launch.control_host, 0, limit=LINE_LIMIT)
        port = server.sockets[0].getsockname()[1]
        try:
            child = await launch.adapter(command, name=name, log=log, port=port)
            # Without a command somebody starts it by hand, and may look at it in a debugger.
            adapter = cls(name, child, journal, patient=not command)
            try:
                adapter._tasks.append(asyncio.create_task(adapter._watch_log(), name=f"{name}: log"))
                reader, adapter._writer = await adapter._dialled(dialled)
                adapter._tasks.append(asyncio.create_task(adapter._read(reader), name=f"{name}: read"))
                adapter.about = await adapter.command("hello", protocol=PROTOCOL)
            except BaseException:
                await adapter.close()
                raise
        finally:
            server.close()
        return adapter

    async def _dialled(
        self, dialled: asyncio.Future[tuple[asyncio.StreamReader, asyncio.StreamWriter]]
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        ended = asyncio.create_task(self.child.wait())
        either: set[asyncio.Future[Any]] = {dialled, ended}
        try:
            await asyncio.wait(either, timeout=self._limit(DIAL_LIMIT_S), return_when=asyncio.FIRST_COMPLETED)
        finally:
            ended.cancel()
        if dialled.done():
            return dialled.result()
        how = f"did not dial within {DIAL_LIMIT_S:g} s"
        if not self.child.alive:
            how = f"ended with exit code {await self.child.wait()} before it dialled"
        raise HarnessError(f"the adapter of {self.name} {how}; its log ends: {self.child.tail()}")

    @property
    def capabilities(self) -> frozenset[str]:
        """What it announced."""
        return frozenset(self.about.get("capabilities", ()))

    @property
    def claims(self) -> Collection[str] | None:
        """The profiles that it announced; None: it announced none, and so claims all."""
        return self.about.get("profiles")

    async def command(self, cmd: str, **members: Any) -> dict[str, Any]:
        """Gives a command and waits for its answer; returns what `ok` has.

        Raises:
            Unsupported: The adapter does not have it.
            Refused: The adapter answered with an error.
            HarnessError: No answer in time, or the adapter is gone.
        """
        future = await self.begin(cmd, **members)
        limit_s = STOP_LIMIT_S if cmd == "stop" else ANSWER_LIMIT_S
        try:
            async with asyncio.timeout(self._limit(limit_s)):
                answer = await future
        except TimeoutError:
            raise HarnessError(
                f"the adapter of {self.name} did not answer {cmd!r} within {limit_s:g} s; "
                f"its log ends: {self.child.tail()}"
            ) from None
        return self.result(cmd, answer)

    async def begin(self, cmd: str, **members: Any) -> asyncio.Future[dict[str, Any]]:
        """Gives a command; the future has its raw answer, for `result`.

        Raises:
            HarnessError: The command is none that the protocol allows, the adapter does not read it, or is gone.
        """
        self._check()
        number = next(self._numbers)
        future: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        line = {"n": number, "cmd": cmd, **{k: v for k, v in members.items() if v is not None}}
        if wrong := schemas.command_errors(line):
            raise HarnessError(f"the case gives {self.name} a malformed command {cmd!r}: {wrong}")
        self._waiting[number] = (cmd, future)
        self._note("->", line)
        assert self._writer is not None
        self._writer.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
        try:
            async with asyncio.timeout(self._limit(ANSWER_LIMIT_S)):
                await self._writer.drain()
        except ConnectionError:
            self._break(_GONE)
        except TimeoutError:
            self._break(f"it has not read its commands for {ANSWER_LIMIT_S:g} s")
        return future

    def result(self, cmd: str, answer: Mapping[str, Any]) -> dict[str, Any]:
        """What an answer's `ok` has; raises as `command` does."""
        if "unsupported" in answer:
            raise Unsupported(f"{self.name}: {answer['unsupported']}", claims=self.claims)
        if "error" in answer:
            raise Refused(f"{self.name}: {cmd}", answer["error"]["reason"], answer["error"]["message"])
        ok = dict(answer["ok"])
        if wrong := schemas.ok_errors(cmd, ok):
            raise HarnessError(f"the adapter of {self.name} answered {cmd!r} with a malformed ok: {wrong}")
        return ok

    async def wait(self, ready: Callable[[], bool], within_ms: float) -> bool:
        """Waits until `ready()` is true, asked again after each observation; false: it was not in time."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._limit(within_ms / 1000)):
                while True:
                    self.changed.clear()
                    if ready():
                        return True
                    self._check()
                    await self.changed.wait()
        return ready()

    async def kill(self) -> None:
        """SIGKILL, as part of a case: from now on nothing is expected of it."""
        self.killed = True
        await self.child.kill()

    async def write_bytes(self, data: bytes) -> None:
        """Writes where a line belongs, to see what the adapter makes of it."""
        assert self._writer is not None
        self._writer.write(data)
        await self._writer.drain()

    def hang_up(self) -> None:
        """Ends the control connection, as the kit does when a case is over."""
        if self._writer is not None:
            self._writer.close()

    async def close(self) -> None:
        """Ends the control connection and the program.

        Raises:
            HarnessError: It left something behind.
        """
        self.hang_up()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.child.end()

    # -- inside ---------------------------------------------------------------------------------------------------

    def _limit(self, seconds: float) -> float | None:
        return None if self.patient else seconds

    def _check(self) -> None:
        if self._broken and not self.killed:
            raise HarnessError(f"the adapter of {self.name}: {self._broken}; its log ends: {self.child.tail()}")
        if self.killed:
            raise Failed(f"{self.name} was killed by the case: nothing more comes from it")

    def _break(self, why: str) -> None:
        self._broken = self._broken or why
        for cmd, future in self._waiting.values():
            if not future.done():
                text = f"the adapter of {self.name}: {why}, {cmd!r} was not answered; its log ends: {self.child.tail()}"
                future.set_exception(HarnessError(text))
                future.exception()
        self._waiting.clear()
        self.changed.set()

    async def _watch_log(self) -> None:
        """Ends an adapter that fills the disk."""
        while not self._broken:
            with contextlib.suppress(OSError):
                if self.child.log.stat().st_size > LOG_LIMIT:
                    await self.child.kill()
                    self._break(f"it wrote more than {LOG_LIMIT:,} bytes to its log")
            await asyncio.sleep(_LOG_LOOK_S)

    async def _read(self, reader: asyncio.StreamReader) -> None:
        try:
            while line := await reader.readline():
                self._lines += 1
                self._line(line)
            self._break(_GONE)
        except ConnectionError:
            self._break(_GONE)
        except ValueError:
            # What the reader raises for a line beyond its limit; of a line's own content `_line` says what is wrong.
            self._break(f"its line {self._lines + 1} is longer than {LINE_LIMIT:,} bytes")
        except HarnessError as error:
            self._break(str(error))

    def _line(self, raw: bytes) -> None:
        try:
            line = _DECODER.decode(raw.decode())
            if b"\\u" in raw:
                # Half a character, which could not be written into any report.
                json.dumps(line, ensure_ascii=False).encode()
        except (ValueError, RecursionError) as error:
            raise self._bad("is no JSON in UTF-8", f"{type(error).__name__}: {error}", raw) from None
        self._note("<-", line)
        if isinstance(line, dict) and "re" in line:
            self._answer(line, raw)
        elif isinstance(line, dict) and "obs" in line:
            self._observation(line, raw)
        else:
            raise self._bad("is neither an answer nor an observation", "it has neither re nor obs", raw)

    def _answer(self, line: dict[str, Any], raw: bytes) -> None:
        if wrong := schemas.adapter_errors("answer", line):
            raise self._bad("is a malformed answer", wrong, raw)
        _, future = self._waiting.pop(line["re"], ("", None))
        if future is None:
            raise self._bad("answers what was not asked", f"command {line['re']} is not open", raw)
        if not future.done():
            future.set_result(line)

    def _observation(self, line: dict[str, Any], raw: bytes) -> None:
        kind = str(line["obs"])
        if wrong := schemas.observation_errors(kind, line):
            raise self._bad(f"is a malformed observation {kind!r}", wrong, raw)
        due = len(self.observations) + 1
        if line["i"] != due:
            raise self._bad("is out of order", f"observation {line['i']} came where {due} was due", raw)
        self.observations.append(Observation(kind, line, asyncio.get_running_loop().time()))
        self.changed.set()

    def _bad(self, what: str, why: str, raw: bytes) -> HarnessError:
        shown = raw[:_SHOWN_BYTES].decode(errors="backslashreplace").rstrip("\n")
        more = f"… ({len(raw):,} bytes)" if len(raw) > _SHOWN_BYTES else ""
        return HarnessError(f"its line {self._lines} {what}: {why}: {shown}{more}")

    def _note(self, direction: str, line: Any) -> None:
        self.journal.note(self.name, direction, shortened(json.dumps(line, ensure_ascii=False)))
