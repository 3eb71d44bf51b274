"""An adapter without an SDK: it plays handler and caller itself, well or with the flaw that its argument names."""

import json
import os
import socket
import sys
import time

FLAW = sys.argv[1] if len(sys.argv) > 1 else ""
CAPABILITIES = ["json"] if FLAW.startswith("poor") else ["json", "protobuf"]
# Of whom `poor` and whose wealth alike: what it claims is said behind a dash, e.g. `poor-core`, `modest-nothing`.
CLAIMS = {"core": ["core"], "nothing": [], "gold": ["gold"]}.get(FLAW.partition("-")[2])


def main() -> None:
    if FLAW == "no-dial":
        time.sleep(600)
    if FLAW == "dies-at-once":
        sys.exit("the SDK cannot be loaded")
    host, port = os.environ["PARLEY_KIT"].split(":")
    connection = socket.create_connection((host, int(port)))
    numbers = iter(range(1, 1_000_000))
    counts: dict[str, int] = {}

    def write(line: object) -> None:
        connection.sendall(json.dumps(line).encode() + b"\n")

    def observe(kind: str, /, **members: object) -> None:
        number = next(numbers) + (FLAW == "skips-a-number" and kind == "outcome")
        write({"obs": kind, "i": number, "rt": "main", "t_ms": time.monotonic() * 1000, **members})

    def perform(label: str, to: str, value: dict, sent: str) -> None:
        handled = {"label": label, "agent": to}
        if "nobody" in to:
            error = {"reason": "NO_RESPONDERS", "message": "nobody", "retryable": True, "may_have_run": False}
            observe("outcome", label=label, error={**error, "details": {}})
            return
        seen = {
            "kind": "rpc",
            "type_name": "probe_v1",
            "attempt": 1,
            "deadline_left_ms": 1,
            "sender": None,
            "topic": None,
        }
        for _ in range(2 if FLAW == "runs-twice" else 1):
            content = "protobuf" if FLAW == "wrong-content" else sent
            observe("enter", **handled, **seen, content_type=content)
            if FLAW != "never-leaves":
                observe("leave", **handled, how="returned")
        counts[to] = counts.get(to, 0) + sum(step.get("number", 0) for step in value["do"] if step["op"] == "add")
        text = next((step.get("text", "") for step in value["do"] if step["op"] == "reply"), "")
        answered = "another" if FLAW == "wrong-reply" else label
        reply = {"label": answered, "value": text, "count": 1 if FLAW == "forgets" else counts[to], "agent": to}
        if FLAW == "no-outcome":
            return
        for _ in range(2 if FLAW == "two-outcomes" else 1):
            observe("outcome", label=label, reply={"type": "ProbeReply", "value": reply})

    content_type = "json"
    for raw in connection.makefile("rb"):
        command = json.loads(raw)
        number, name = command["n"], command["cmd"]
        if FLAW == "slow":
            time.sleep(0.2)
        if name == "hello":
            about = {"sdk": "fake", "version": "1", "language": "fake", "pid": os.getpid()}
            claims = {} if CLAIMS is None else {"profiles": CLAIMS}
            write({"re": number, "ok": {**about, "capabilities": CAPABILITIES, **claims}})
        elif name == "start":
            content_type = command["content_type"]
            if FLAW == "dies":
                os._exit(3)
            if FLAW == "garbage":
                connection.sendall(b"Traceback (most recent call last):\n")
            elif FLAW == "no-line":
                connection.sendall(b'{"hello": "world"}\n')
            elif FLAW == "wrong-number":
                write({"re": 999, "ok": {}})
            elif FLAW == "malformed-answer":
                write({"re": number, "ok": {}, "error": {"reason": "", "message": ""}})
            elif FLAW == "endless":
                while True:
                    observe("session", state="connected", reason="again")
            elif FLAW != "hangs":
                write({"re": number, "ok": {}})
        elif name == "call":
            write({"re": number, "ok": {}})
            perform(command["label"], command["to"], command["message"]["value"], content_type)
        elif name == "publish":
            write({"re": number, "ok": {}})
            observe("outcome", label=command["label"], published=True)
        elif name == "subscribe":
            write({"re": number, "ok": {} if FLAW == "no-id" else {"id": "s"}})
        elif name == "register" and command["behaviour"] == "unheard-of":
            write({"re": number, "unsupported": "no such behaviour: unheard-of"})
        elif name == "register" and command["type"] == "refused":
            write({"re": number, "error": {"reason": "INVALID_ARGUMENT", "message": "no such type"}})
        elif name in ("register", "ping", "release", "stop", "unsubscribe"):
            write({"re": number, "ok": {}})
        else:
            write({"re": number, "unsupported": f"no such command: {name}"})


main()
