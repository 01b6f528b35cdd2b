"""A GuardProvider that is a script, for tests that pause, kill and start it again."""

import os
import select
import signal
import subprocess
import sys

import swoosh_server

EXAMPLE = swoosh_server.ROOT / "examples/guard_provider"
LISTENING = "listening on "
START_SECONDS_MAX = 30


class Provider:
    """A provider as a process; over restarts on the same port."""

    def __init__(self, script, *flags):
        self.address = "127.0.0.1:0"
        # -P: what it imports is found as here, also where `script` is a link to elsewhere.
        self._command = [sys.executable, "-B", "-P", script]
        self.flags = flags
        self._process = None
        self.start()

    def start(self):
        self._process = subprocess.Popen(
            swoosh_server.bound_to_us([*self._command, "--listen", self.address, *self.flags]),
            stdout=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(map(str, sys.path))},
        )
        ready, _, _ = select.select([self._process.stdout], [], [], START_SECONDS_MAX)
        line = self._process.stdout.readline().decode().strip() if ready else ""
        if not line.startswith(LISTENING):
            raise AssertionError(f"the provider said {line!r}")
        self.address = line.removeprefix(LISTENING)

    def flag(self):
        """swooshd's flag that names it."""
        return f"--guard_provider={self.address}"

    def pause(self):
        """As a provider that hangs: its connections stay."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self):
        self._process.send_signal(signal.SIGCONT)

    def kill(self):
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process.stdout.close()
            self._process = None
