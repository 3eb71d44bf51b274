"""An adapter that does well until a phase of a case, and then what its argument says: `WHAT@PHASE`.

Phases: `dial` (before it dials), `hello`, `start`, `register`, `call`, `ping` (at the end of a case).
"""

import json
import os
import socket
import subprocess
import sys
import time

WHAT, _, PHASE = sys.argv[1].partition("@")
connection: socket.socket


def write(line: object) -> None:
    connection.sendall(json.dumps(line).encode() + b"\n")


def turn(number: int) -> None:
    """Does what this one is for."""
    if WHAT == "hang":
        time.sleep(600)
    elif WHAT == "die":
        os._exit(3)
    elif WHAT == "hang-up":
        connection.shutdown(socket.SHUT_RDWR)
        time.sleep(600)
    elif WHAT == "garbage":
        connection.sendall(b"\x00\xff\xfe Traceback (most recent call last)\n")
    elif WHAT == "half-a-line":
        connection.sendall(b'{"re": 1, "ok"')
        time.sleep(600)
    elif WHAT == "deep":
        connection.sendall(b"[" * 200_000 + b"\n")
    elif WHAT == "half-a-character":
        write({"re": number, "unsupported": "\ud800"})
    elif WHAT == "not-a-number":
        connection.sendall(
            b'{"obs": "leave", "i": 1, "rt": "main", "t_ms": NaN, "label": "c", "agent": "a/k", "how": "x"}\n'
        )
    elif WHAT == "wrong-number":
        write({"re": 999, "ok": {}})
    elif WHAT == "twice":
        write({"re": number, "ok": {}})
        write({"re": number, "ok": {}})
    elif WHAT == "huge":
        connection.sendall(b'{"re": 1, "unsupported": "' + b"x" * (2 << 20) + b'"}\n')
    elif WHAT == "endless-lines":
        for i in range(1, 1 << 60):
            write({"obs": "session", "i": i, "rt": "main", "t_ms": 1, "state": "connected", "reason": "again"})
    elif WHAT == "endless-line":
        while True:
            connection.sendall(b"x" * 65536)
    elif WHAT == "endless-log":
        while True:
            sys.stdout.write("x" * 65536)
    elif WHAT == "child":
        # It outlives the adapter, in a session of its own.
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", sys.argv[2]], start_new_session=True)
    elif WHAT == "child-of-the-group":
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", sys.argv[2]])


def main() -> None:
    global connection
    if PHASE == "dial":
        turn(0)
    host, port = os.environ["PARLEY_KIT"].split(":")
    connection = socket.create_connection((host, int(port)))
    i = 0
    for raw in connection.makefile("rb"):
        command = json.loads(raw)
        n, cmd = command["n"], command["cmd"]
        if cmd == PHASE:
            turn(n)
        if cmd == "hello":
            about = {"sdk": "hostile", "version": "", "language": "python", "pid": os.getpid()}
            write({"re": n, "ok": {**about, "capabilities": ["json"]}})
        elif WHAT != "twice" or cmd != PHASE:
            write({"re": n, "ok": {}})
        if WHAT == "deaf" and cmd == PHASE:
            # It is there and reads nothing any more.
            time.sleep(600)
        if cmd == "call":
            i += 1
            reply = {"label": command["label"], "value": "hi", "count": 0, "agent": command["to"]}
            told = {"label": command["label"], "reply": {"type": "ProbeReply", "value": reply}}
            write({"obs": "outcome", "i": i, "rt": "main", "t_ms": 1, **told})


main()
