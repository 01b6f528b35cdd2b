"""A Prometheus of the test's own: the configuration and the rules of deploy/, at another pace."""

import json
import re
import shutil
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

import swoosh_server

PROMETHEUS = "/usr/bin/prometheus"
CONFIGURATION = swoosh_server.ROOT / "deploy/prometheus/prometheus.yaml"
RULES = swoosh_server.ROOT / "deploy/prometheus/swoosh.rules.yaml"
TARGET = "127.0.0.1:7071"
START_SECONDS_MAX = 60
ANSWER_SECONDS_MAX = 30
DATA_SECONDS_MAX = 120


class Prometheus:
    """Scrapes one address several times a second. No process outlives the script."""

    def __init__(self, target, tls=None):
        """`tls`: paths of the roots, and of a certificate and its key, for a server with TLS."""
        folder = swoosh_server.temporary_folder()
        self.address = swoosh_server.low_address()
        shutil.copy(RULES, folder)
        text = CONFIGURATION.read_text()
        for written, here in (
            (TARGET, target),
            ("scrape_interval: 5s", "scrape_interval: 250ms"),
            ("evaluation_interval: 15s", "evaluation_interval: 500ms"),
        ):
            assert written in text, f"{CONFIGURATION} has no {written!r}"
            text = text.replace(written, here)
        if tls is not None:
            text = re.sub(r"^    # (scheme|tls_config): ", r"    \1: ", text, flags=re.MULTILINE)
            for name, path in zip(("ca.crt", "tls.crt", "tls.key"), tls, strict=True):
                assert name in text, f"{CONFIGURATION} has no {name}"
                shutil.copy(path, folder / name)
        (folder / "prometheus.yaml").write_text(text)
        self._log_path = folder / "log"
        command = [
            PROMETHEUS,
            f"--config.file={folder}/prometheus.yaml",
            f"--storage.tsdb.path={folder}/data",
            f"--web.listen-address={self.address}",
        ]
        with open(self._log_path, "wb") as log:
            self._process = subprocess.Popen(
                swoosh_server.bound_to_us(command), stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        self._await_ready()

    def _await_ready(self):
        deadline = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                urllib.request.urlopen(f"http://{self.address}/-/ready", timeout=5).close()
                return
            except (urllib.error.URLError, OSError):
                time.sleep(0.05)
        self.close()
        raise AssertionError(f"prometheus is not ready:\n{self._log_path.read_text()[-4000:]}")

    def get(self, path, **parameters):
        """The `data` of an answer of the HTTP API; an AssertionError with what is wrong."""
        url = f"http://{self.address}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=ANSWER_SECONDS_MAX) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{parameters}: {error.read().decode()}") from None

    def query(self, expression):
        """[(labels, number)] of an expression that gives a vector, as of now."""
        found = self.get("query", query=expression)
        assert found["resultType"] == "vector", f"{expression} gives a {found['resultType']}"
        return [(each["metric"], float(each["value"][1])) for each in found["result"]]

    def await_data(self, expressions):
        """Waits until each of the expressions has a sample."""
        deadline = time.monotonic() + DATA_SECONDS_MAX
        while missing := [each for each in expressions if not self.query(each)]:
            assert time.monotonic() < deadline, f"Prometheus has no data for {missing}"
            time.sleep(0.1)

    def close(self):
        """Idempotent."""
        self._process.kill()
        self._process.wait()
