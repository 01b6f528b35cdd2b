"""A headless Chromium, driven over WebDriver (W3C) with the standard library.

Debian's packages chromium and chromium-driver have to be there. Nothing outlives the script.
"""

import atexit
import base64
import json
import pathlib
import re
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

import swoosh_server

DRIVER = shutil.which("chromedriver", path="/usr/bin:/bin")
CHROMIUM = shutil.which("chromium", path="/usr/bin:/bin")
CALL_SECONDS_MAX = 60
WAIT_SECONDS_MAX = 60
POLL_SECONDS = 0.05
STARTED = re.compile(rb"started successfully on port (\d+)")
# In a container there is no other sandbox to be had; the only site visited is our own.
CHROMIUM_FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
]
TAB = "\ue004"
ENTER = "\ue007"


class BrowserError(Exception):
    """What the driver says went wrong."""


class Browser:
    def __init__(self):
        """Starts a browser without a page."""
        # The browser has a socket there, whose path may not be long.
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="swoosh-", dir="/tmp"))
        self._driver = subprocess.Popen(
            swoosh_server.bound_to_us([DRIVER, "--port=0"]),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={"HOME": str(self.folder), "TMPDIR": str(self.folder), "PATH": "/usr/bin:/bin"},
        )
        atexit.register(self.close)
        self._url = f"http://127.0.0.1:{self._port()}"
        options = {
            "binary": CHROMIUM,
            "args": [*CHROMIUM_FLAGS, f"--user-data-dir={self.folder / 'profile'}"],
        }
        asked = {
            "browserName": "chrome",
            "goog:chromeOptions": options,
            "goog:loggingPrefs": {"browser": "ALL"},
        }
        session = self._call("POST", "/session", {"capabilities": {"alwaysMatch": asked}})
        self._url += f"/session/{session['sessionId']}"

    def _port(self):
        for line in self._driver.stdout:
            if found := STARTED.search(line):
                return int(found[1])
        raise BrowserError("chromedriver did not start")

    def _call(self, verb, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        asked = urllib.request.Request(self._url + path, data, method=verb)
        asked.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(asked, timeout=CALL_SECONDS_MAX) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise BrowserError(json.load(error)["value"]["message"]) from None

    def close(self):
        """Ends the browser. Idempotent."""
        if self._driver is None:
            return
        driver, self._driver = self._driver, None
        try:
            if "/session/" in self._url:
                self._call("DELETE", "")
        except (BrowserError, OSError):
            pass
        driver.kill()
        driver.wait()
        driver.stdout.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    # ------------------------------------------------------------ what a person does

    def open(self, url):
        self._call("POST", "/url", {"url": url})

    def press(self, *keys):
        """Presses keys one after another, wherever the focus is."""
        strokes = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        keyboard = {"type": "key", "id": "keyboard", "actions": strokes}
        self._call("POST", "/actions", {"actions": [keyboard]})

    def click(self, selector):
        found = {"using": "css selector", "value": selector}
        element = self._call("POST", "/element", found)
        self._call("POST", f"/element/{next(iter(element.values()))}/click", {})

    # ------------------------------------------------------------ what a person sees

    def look(self, width, height, scheme):
        """Sets the window's size, and "light" or "dark"."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self._devtools("Emulation.setDeviceMetricsOverride", size)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self._devtools("Emulation.setEmulatedMedia", {"features": features})

    def _devtools(self, command, parameters):
        return self._call("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def script(self, text, *arguments):
        """What the body of a function, given as text, returns in the page."""
        return self._call("POST", "/execute/sync", {"script": text, "args": list(arguments)})

    def module_script(self, text):
        """What the body of an async function returns, or an exception's text; it may import."""
        begin = f"const done = arguments[0]; (async () => {{{text}}})()"
        script = begin + ".then(done, error => done(`${error}`))"
        return self._call("POST", "/execute/async", {"script": script, "args": []})

    def wait_for(self, expression, *arguments):
        """Waits until an expression of JavaScript is truthy; returns its value."""
        deadline = time.monotonic() + WAIT_SECONDS_MAX
        while True:
            value = self.script(f"return {expression}", *arguments)
            if value:
                return value
            if time.monotonic() > deadline:
                page = self.script("return document.body.innerText")
                raise AssertionError(f"never so: {expression}\nthe page says:\n{page}")
            time.sleep(POLL_SECONDS)

    def console(self):
        """What the browser's console says since this was asked last: [{level, source, message}]."""
        return self._call("POST", "/se/log", {"type": "browser"})

    def screenshot(self, path):
        png = base64.b64decode(self._call("GET", "/screenshot"))
        pathlib.Path(path).write_bytes(png)
