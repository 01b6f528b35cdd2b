"""Commands of a page, run as they are written there.

`sh` blocks are run, and must not fail. A `text` block says what the block before it prints: each of
its lines must be found there, with dots for anything.
"""

import contextlib
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess

import swoosh_ctl
import swoosh_server

BLOCK = re.compile(r"^```(sh|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCK_SECONDS_MAX = 120


def pattern_of(line):
    return ".*".join(re.escape(part) for part in line.strip().split("…"))


def free_ports(count):
    """Below those that the kernel gives to clients, so that they stay free without a server."""
    found = []
    while len(found) < count:
        port = random.SystemRandom().randrange(15_000, 32_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            found += [port] if port not in found else []
    return found


class Drill:
    """A folder in which blocks of commands run, with a server that outlives them.

    The environment names free addresses for it; or those of `server`, which runs already.
    """

    def __init__(self, server=None):
        self.folder = swoosh_server.temporary_folder()
        programs = self.folder / "bin"
        programs.mkdir()
        (programs / "swooshd").symlink_to(pathlib.Path(swoosh_server.SWOOSHD).absolute())
        (programs / "swooshctl").symlink_to(pathlib.Path(swoosh_ctl.SWOOSHCTL).absolute())
        self.home = self.folder / "drill"
        self.home.mkdir()
        if server is None:
            grpc_address, http_address = (f"127.0.0.1:{port}" for port in free_ports(2))
        else:
            grpc_address, http_address = server.grpc_address, server.http_address
        self.environment = {
            "PATH": f"{programs}:/usr/bin:/bin",
            "SWOOSH_LISTEN_ADDR": grpc_address,
            "SWOOSH_SERVER": grpc_address,
            "SWOOSH_HTTP_ADDR": http_address,
        }
        self.groups = []

    def run(self, commands):
        """What they print; an AssertionError when one of them fails."""
        # A server that a block starts keeps its output: a file, so that nobody waits for its end.
        output = self.folder / "output"
        with open(output, "wb") as written:
            process = subprocess.Popen(
                ["/bin/bash", "-euo", "pipefail", "-c", commands],
                cwd=self.home,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=written,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            self.groups.append(process.pid)
            try:
                code = process.wait(BLOCK_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                code = f"none after {BLOCK_SECONDS_MAX} s"
                process.kill()
                process.wait()
        text = output.read_text(errors="replace")
        log = self.home / "swooshd.log"
        logged = log.read_text(errors="replace")[-3000:] if log.exists() else ""
        assert code == 0, f"exit code {code} of\n{commands}\nwhich printed\n{text}\n{logged}"
        return text

    def play(self, blocks):
        """Runs [(kind, text)] in order; an AssertionError where one says what is not so."""
        output = ""
        for kind, text in blocks:
            if kind == "sh":
                output = self.run(text)
                continue
            for line in text.splitlines():
                found = re.search(pattern_of(line), output)
                assert found, f"{line!r} is not printed, but\n{output}"

    def close(self):
        for group in self.groups:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)
