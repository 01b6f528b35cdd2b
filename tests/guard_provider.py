"""The example's GuardProvider, as a process that can be paused, killed and started again."""

import select
import signal
import subprocess

import swoosh_server

EXAMPLE = swoosh_server.ROOT / "examples/guard_provider"
LISTENING = "listening on "
START_SECONDS_MAX = 30


class Provider:
    """Over restarts on the same port."""

    def __init__(self, *flags):
        self.address = "127.0.0.1:0"
        self.flags = flags
        self._process = None
        self.start()

    def start(self):
        command = ["/usr/bin/python3", "-B", EXAMPLE / "provider.py", "--listen", self.address]
        self._process = subprocess.Popen(
            swoosh_server.bound_to_us([*command, *self.flags]),
            stdout=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
        )
        ready, _, _ = select.select([self._process.stdout], [], [], START_SECONDS_MAX)
        line = self._process.stdout.readline().decode().strip() if ready else ""
        if not line.startswith(LISTENING):
            raise AssertionError(f"the provider said {line!r}")
        self.address = line.removeprefix(LISTENING)

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
