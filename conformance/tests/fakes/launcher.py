"""A broker launcher without a broker: it says that it serves, or does what its first argument names."""

import json
import os
import sys
import time


def tell(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


flaw, settings = sys.argv[1], json.loads(sys.argv[2])
if flaw == "silent":
    time.sleep(600)
elif flaw == "garbage":
    tell("Listening on port 50051!")
elif flaw == "incomplete":
    tell(json.dumps({"address": "grpc://127.0.0.1:1"}))
elif flaw == "dies":
    sys.exit("the port is taken")
elif flaw.startswith("poor") and set(settings) - {"data_dir"}:
    claims = {"profiles": ["core"]} if flaw == "poor-core" else {}
    tell(json.dumps({"unsupported": "no such setting: " + min(set(settings) - {"data_dir"}), **claims}))
else:
    claims = {"profiles": [flaw.removeprefix("poor-")]} if flaw in ("core", "gold", "poor-core") else {}
    tell(json.dumps({"address": "grpc://127.0.0.1:1", "pid": os.getpid(), **claims}))
sys.stdin.read()
