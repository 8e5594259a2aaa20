"""A real browser, headless, driven over WebDriver: Debian's packages chromium and chromium-driver."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import time
from typing import TYPE_CHECKING, Any, Self

import httpx

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

BROWSER, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
START_TIMEOUT_S = 60.0
PATIENCE_S = 20.0
KEYS = {"Tab": "\ue004", "Enter": "\ue007", "Space": " "}


class Browser:
    """One window. `folder` takes the profile and the driver's log; both programs end with the context."""

    def __init__(self, folder: Path, width: int = 1440, height: int = 1000) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._size = f"--window-size={width},{height}"
        self._http = httpx.Client(timeout=60, trust_env=False)
        self._process: subprocess.Popen[str] | None = None
        self._session = ""

    def __enter__(self) -> Self:
        command = [str(DRIVER), "--port=0", f"--log-path={self._folder / 'driver.log'}"]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            self._session = self._open_session(self._port(self._process))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        process = self._process
        if process is None:
            return
        try:
            if self._session:
                self._http.delete(self._session)
        finally:
            process.terminate()
            process.wait(30)
            if process.stdout:
                process.stdout.close()
            self._http.close()

    def open(self, url: str) -> None:
        """Load a page."""
        self._call("url", {"url": url})

    def script(self, body: str, *arguments: Any) -> Any:
        """Run a function's body on the page and return what it returns."""
        return self._call("execute/sync", {"script": body, "args": list(arguments)})

    def click(self, css: str) -> None:
        """Click on an element as a person does: it has to be visible and nothing may cover it."""
        self._call(f"element/{self._find(css)}/click", {})

    def choose(self, css: str, value: str) -> None:
        """Choose an option of a list."""
        self.click(f'{css} option[value="{value}"]')

    def press(self, *names: str) -> None:
        """Press keys, one after the other."""
        keys = [KEYS[name] for name in names]
        actions = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        self._call("actions", {"actions": [{"type": "key", "id": "keyboard", "actions": actions}]})

    def text(self, css: str) -> str:
        """Return the text of an element as it is shown; an empty one where there is none."""
        return str(self.script("return document.querySelector(arguments[0])?.innerText ?? ''", css))

    def wait(self, condition: Callable[[Browser], Any], within_s: float = PATIENCE_S) -> Any:
        """Wait until something on the page is so; raises TimeoutError with the page's text."""
        deadline = time.monotonic() + within_s
        while not (found := condition(self)):
            if time.monotonic() > deadline:
                raise TimeoutError(f"not so within {within_s:g} s on the page:\n{self.text('body')}")
            time.sleep(0.1)
        return found

    def wait_for_text(self, css: str, text: str, within_s: float = PATIENCE_S) -> None:
        """Wait until an element's text holds a text."""
        self.wait(lambda browser: text in browser.text(css), within_s)

    def prefer(self, scheme: str) -> None:
        """Let the page find that the user prefers "dark" or "light"."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self._call("goog/cdp/execute", {"cmd": "Emulation.setEmulatedMedia", "params": {"features": features}})

    def screenshot(self, path: Path) -> None:
        """Write what the window shows as PNG."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(self._http.get(f"{self._session}/screenshot").json()["value"]))

    def _find(self, css: str) -> str:
        return str(self._call("element", {"using": "css selector", "value": css})[ELEMENT])

    def _call(self, path: str, sent: dict[str, Any]) -> Any:
        answer = self._http.post(f"{self._session}/{path}", json=sent).json()["value"]
        if isinstance(answer, dict) and "error" in answer:
            raise RuntimeError(f"{path} {json.dumps(sent)}: {answer['message']}")
        return answer

    def _port(self, process: subprocess.Popen[str]) -> int:
        for line in process.stdout or ():
            if "started successfully on port" in line:
                return int(line.rstrip(".\n").rpartition(" ")[2])
        raise RuntimeError("chromedriver did not start")

    def _open_session(self, port: int) -> str:
        flags = [*FLAGS, self._size, f"--user-data-dir={self._folder / 'profile'}"]
        options = {"binary": BROWSER, "args": flags}
        wanted = {"capabilities": {"alwaysMatch": {"goog:chromeOptions": options}}}
        answer = self._http.post(f"http://127.0.0.1:{port}/session", json=wanted, timeout=START_TIMEOUT_S)
        value = answer.json()["value"]
        if "sessionId" not in value:
            raise RuntimeError(f"the browser did not start: {value.get('message')}")
        return f"http://127.0.0.1:{port}/session/{value['sessionId']}"
