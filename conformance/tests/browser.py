"""A headless Chromium for tests: the few commands of the WebDriver protocol that they need, over chromedriver.

Nothing but the standard library; the two programs are Debian's packages, installed if they are not there.
"""

from __future__ import annotations

import base64
import http.client
import json
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest

_SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
_FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"),
    # Whatever a page asks for from elsewhere fails, and is logged.
    "--host-resolver-rules=MAP * ~NOTFOUND",
)
_LIMIT_S = 60.0
_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"


def programs() -> tuple[str, str]:
    """The paths of Chromium and chromedriver; they are installed where Debian's packages can be.

    Fails the test where they cannot: a page that nobody opened is not tested.
    """
    needed = ("chromium=chromium", "chromedriver=chromium-driver")
    made = subprocess.run(
        [str(_SCRIPTS / "need-debian"), *needed], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600
    )
    found = shutil.which("chromium"), shutil.which("chromedriver")
    if made.returncode or not all(found):
        pytest.fail(f"no Chromium to open the page with: {made.stdout}{made.stderr}")
    return str(found[0]), str(found[1])


class Browser:
    """One window; use as a context manager."""

    def __init__(self) -> None:
        self._chromium, driver = programs()
        self._profile = tempfile.TemporaryDirectory(prefix="parley-browser-", ignore_cleanup_errors=True)
        self._driver = subprocess.Popen(
            [driver, "--port=0"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        self._session = ""
        self._port = 0

    def __enter__(self) -> Browser:
        assert self._driver.stdout is not None
        for line in self._driver.stdout:
            if found := re.search(r"started successfully on port (\d+)", line):
                self._port = int(found[1])
                break
        arguments = [*_FLAGS, f"--user-data-dir={self._profile.name}"]
        options = {
            "goog:chromeOptions": {"binary": self._chromium, "args": arguments},
            "goog:loggingPrefs": {"browser": "ALL"},
        }
        self._session = self._ask("POST", "/session", {"capabilities": {"alwaysMatch": options}})["sessionId"]
        return self

    def __exit__(self, *_: object) -> None:
        if self._session:
            self._ask("DELETE", f"/session/{self._session}")
        self._driver.terminate()
        self._driver.wait(10)
        if self._driver.stdout is not None:
            self._driver.stdout.close()
        self._profile.cleanup()

    def open(self, path: Path, fragment: str = "") -> None:
        """Opens a file."""
        self._say("url", {"url": path.as_uri() + fragment})

    def size(self, width: int, height: int, *, dark: bool = False) -> None:
        """Sets what the page sees: CSS pixels, and what the reader prefers."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.devtools("Emulation.setDeviceMetricsOverride", **metrics)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.devtools("Emulation.setEmulatedMedia", features=[scheme])

    def run(self, script: str, *arguments: Any) -> Any:
        """Runs a function's body in the page; returns what it returns."""
        return self._say("execute/sync", {"script": script, "args": list(arguments)})

    def wait(self, condition: str, *arguments: Any) -> None:
        """Waits until a function's body returns something true; fails if it does not within 30 s."""
        script = f"""
            const [deadline, told] = [Date.now() + 30000, arguments];
            function holds() {{ {condition} }}
            return new Promise((done) => {{
              const look = () => {{
                const now = Boolean(holds.apply(null, told));
                if (now || Date.now() > deadline) done(now); else setTimeout(look, 20);
              }};
              look();
            }});
        """
        assert self.run(script, *arguments), f"never true: {condition}"

    def click(self, selector: str) -> None:
        """Clicks on the first element that fits, as a hand would: it must be there, visible and not covered."""
        self._say(f"element/{self._find(selector)}/click", {})

    def type(self, selector: str, text: str) -> None:
        """Types into an element."""
        self._say(f"element/{self._find(selector)}/value", {"text": text})

    def keys(self, *keys: str) -> None:
        """Presses keys, wherever the focus is."""
        actions = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        self._say("actions", {"actions": [{"type": "key", "id": "keyboard", "actions": actions}]})

    def console(self) -> list[str]:
        """What the page has logged since it was asked last: errors of scripts, refused requests."""
        return [f"{one['level']}: {one['message']}" for one in self._say("se/log", {"type": "browser"})]

    def picture(self, path: Path) -> None:
        """Writes what is to be seen as PNG."""
        path.write_bytes(base64.b64decode(self._ask("GET", f"/session/{self._session}/screenshot")))

    def devtools(self, command: str, **parameters: Any) -> Any:
        """A command of the DevTools protocol."""
        return self._say("goog/cdp/execute", {"cmd": command, "params": parameters})

    def _find(self, selector: str) -> str:
        return str(self._say("element", {"using": "css selector", "value": selector})[_ELEMENT])

    def _say(self, what: str, body: dict[str, Any]) -> Any:
        return self._ask("POST", f"/session/{self._session}/{what}", body)

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_LIMIT_S)
        try:
            text = None if body is None else json.dumps(body)
            connection.request(method, path, text, {"Content-Type": "application/json"})
            value = json.loads(connection.getresponse().read())["value"]
        finally:
            connection.close()
        if isinstance(value, dict) and "error" in value:
            raise AssertionError(f"{path.rpartition('/')[2]}: {value['error']}: {value['message']}")
        return value
