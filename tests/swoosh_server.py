"""Real swooshd processes for tests, benches and soaks, and where the built programs are.

No process and no file outlives the script: the kernel kills a server whose starter died, and the
store's folder goes at exit.
"""

import atexit
import contextlib
import glob
import os
import pathlib
import random
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).absolute().parent.parent


def built(path):
    """A built file: beside the sources in runfiles, in bazel-bin for a script run by hand."""
    for top in (ROOT, ROOT / "bazel-bin"):
        if (top / path).exists():
            return top / path
    sys.exit(f"{path} is not built: run ./dev build")


SWOOSHD = os.environ.get("SWOOSHD") or built("server/swooshd")
sys.path.insert(0, str(built("proto/swoosh/v1/orchestrator_pb2.py").parent.parent.parent))

import grpc  # noqa: E402
from swoosh.v1 import admin_pb2_grpc, orchestrator_pb2, orchestrator_pb2_grpc  # noqa: E402

LOW_PORT_MIN = 10_000
START_SECONDS_MAX = 60
STOP_SECONDS_MAX = 30
VERIFY_SECONDS_MAX = 120
SERVING = re.compile(r"serving grpc=(\S+) http=(\S+) index=(\d+) state_hash=([0-9a-f]{64})\n")
VERIFIED = re.compile(r"verified index=(\d+) state_hash=([0-9a-f]{64}) records=\d+\n")
# A client that waits for a server to come back asks again at once, not after a second or more; and
# what is sent again is what the test sends again.
CHANNEL_OPTIONS = (
    ("grpc.initial_reconnect_backoff_ms", 20),
    ("grpc.max_reconnect_backoff_ms", 100),
    ("grpc.enable_retries", 0),
    ("grpc.max_receive_message_length", -1),
    ("grpc.use_local_subchannel_pool", 1),
)


class ServerError(Exception):
    """swooshd did not do what it should; the message holds what it logged."""


def temporary_folder():
    """A folder on disk that goes at exit."""
    path = tempfile.mkdtemp(prefix="swoosh-", dir=os.environ.get("TEST_TMPDIR"))
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return pathlib.Path(path)


def low_address():
    """A free address on loopback that no outgoing connection is ever given: a client that connects
    while nobody listens might else be given the very port, and be connected to itself."""
    lowest = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        port = random.SystemRandom().randrange(LOW_PORT_MIN, max(LOW_PORT_MIN + 1000, lowest))
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return f"127.0.0.1:{port}"
            except OSError:
                continue


def bound_to_us(command):
    """A command that the kernel kills when the thread that starts it ends."""
    return ["/usr/bin/setpriv", "--pdeathsig", "KILL", *map(str, command)]


def _has_ended(process, seconds_max):
    """Waits for the end of a process without polling, as Popen.wait would; False: not in time."""
    if process.poll() is not None:
        return True
    descriptor = os.pidfd_open(process.pid)
    try:
        return bool(select.select([descriptor], [], [], seconds_max)[0])
    finally:
        os.close(descriptor)


def _hasten(process):
    """Gives a killed process's threads our own priority. The kernel lets the last of them take its
    memory apart, and those of the background would need seconds for it on a busy machine."""
    our_priority = os.getpriority(os.PRIO_PROCESS, 0)
    for each in glob.glob(f"/proc/{process.pid}/task/*"):
        with contextlib.suppress(OSError):  # it has ended, or we may not
            os.setpriority(os.PRIO_PROCESS, int(os.path.basename(each)), our_priority)


class Server:
    """A swooshd on free ports, over a store of its own; it keeps both over restarts.

    Start and stop it from one thread, the main one: it dies with the thread that started it.
    """

    def __init__(
        self,
        *flags,
        start_seconds_max=START_SECONDS_MAX,
        data_dir=None,
        low_ports=False,
        https=None,
    ):
        """`data_dir`: where its store is, if not in its own folder. `low_ports`: for a server that
        is away for long and often; nobody else is given such a port meanwhile. `https`: the
        ssl.SSLContext of http(), for a server with --tls_cert."""
        self.folder = temporary_folder()
        self.data_dir = self.folder / "data" if data_dir is None else data_dir
        self.log_path = self.folder / "swooshd.log"
        self.flags = flags
        self.https = https
        self.start_seconds_max = start_seconds_max
        self.grpc_address = low_address() if low_ports else "127.0.0.1:0"
        self.http_address = low_address() if low_ports else "127.0.0.1:0"
        self.index = 0  # of the serving line
        self.state_hash = ""  # of the serving line, in hexadecimal
        self.start_seconds = 0.0  # from the start of the process to its serving line
        self.launched = 0.0  # when the process was started, by the monotonic clock
        self._process = None
        self._channel = None
        atexit.register(self.close)
        self.start()

    @property
    def pid(self):
        return self._process.pid

    def start(self):
        """Starts it, on the ports that it had before, and waits for its serving line."""
        self.launch()
        self.await_serving()
        self._reconnect(self.launched + self.start_seconds_max)

    def launch(self):
        """Starts the process, and does not wait for it."""
        command = [SWOOSHD, "--data_dir", self.data_dir, "--listen", self.grpc_address]
        self.launched = time.monotonic()
        with open(self.log_path, "ab") as log:
            self._process = subprocess.Popen(
                bound_to_us([*command, "--http", self.http_address, *self.flags]),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                # As Python itself has it, a file that may not grow is an error and no signal.
                restore_signals=False,
            )

    def await_serving(self):
        """Waits for the serving line of the process that was launched."""
        line = self._first_line(self.launched + self.start_seconds_max)
        self.start_seconds = time.monotonic() - self.launched
        match = SERVING.fullmatch(line)
        if match is None:
            self.kill()
            raise ServerError(f"no serving line but {line!r}; it logged:\n{self.log_tail()}")
        self.grpc_address, self.http_address, index, self.state_hash = match.groups()
        self.index = int(index)

    @property
    def is_launched(self):
        """False once it was killed, or found to have ended."""
        return self._process is not None

    def has_begun_to_serve(self):
        """Whether the serving line can be read, or the process has ended."""
        return bool(select.select([self._process.stdout], [], [], 0)[0])

    def _reconnect(self, deadline):
        """Uses the shared connection until it no longer is the broken one to the process before."""
        while self._channel is not None and time.monotonic() < deadline:
            try:
                self.orchestrator.GetState(orchestrator_pb2.GetStateRequest(), wait_for_ready=True)
                return
            except grpc.RpcError as error:
                if error.code() == grpc.StatusCode.UNAUTHENTICATED:
                    return  # as good an answer: with --auth it comes from the new process too
                if error.code() != grpc.StatusCode.UNAVAILABLE:
                    raise

    def _first_line(self, deadline):
        """What the process writes up to its first newline, its end or the deadline."""
        read = b""
        while not read.endswith(b"\n"):
            ready, _, _ = select.select(
                [self._process.stdout], [], [], max(0, deadline - time.monotonic())
            )
            piece = os.read(self._process.stdout.fileno(), 4096) if ready else b""
            if not piece:
                break
            read += piece
        return read.decode(errors="replace")

    @property
    def snapshot_dir(self):
        return self.data_dir / "snapshots"

    def snapshots(self):
        """(index, path) of each snapshot, the oldest first."""
        paths = sorted(self.snapshot_dir.glob("snapshot-*.swoosh"))
        return [(int(path.stem.partition("-")[2]), path) for path in paths]

    def has_open(self, folder):
        """Whether the process has a file open in `folder`; False also when it has ended."""
        found = []
        with contextlib.suppress(OSError):
            for each in os.scandir(f"/proc/{self.pid}/fd"):
                found.append(os.readlink(each.path))
        return any(path.startswith(f"{folder}/") for path in found)

    def kill(self):
        """kill -9, and waits until it is gone."""
        self._end(signal.SIGKILL)

    def terminate(self):
        """Asks it to shut down; returns its exit code."""
        return self._end(signal.SIGTERM)

    def ended(self):
        """Whether it has ended by itself, or was not started."""
        return self._process is None or self._process.poll() is not None

    def wait_for_exit(self):
        """Waits until it has ended by itself; returns its exit code."""
        return self._end(None)

    def _end(self, number):
        if self._process is None:
            return None
        process, self._process = self._process, None
        if number is not None:
            process.send_signal(number)
        if number == signal.SIGKILL:
            _hasten(process)
        try:
            if not _has_ended(process, STOP_SECONDS_MAX):
                process.kill()
                process.wait()
                raise ServerError(
                    f"did not end in {STOP_SECONDS_MAX} s; it logged:\n{self.log_tail()}"
                )
            return process.wait()
        finally:
            process.stdout.close()

    def close(self):
        """Kills it and removes its files. Idempotent."""
        if self._channel is not None:
            self._channel.close()
            self._channel = None
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def verify(self):
        """(index, state hash in hexadecimal) that `swooshd verify` proves; no server may run."""
        done = subprocess.run(
            bound_to_us([SWOOSHD, "verify", "--data_dir", self.data_dir]),
            capture_output=True,
            text=True,
            timeout=VERIFY_SECONDS_MAX,
        )
        found = VERIFIED.fullmatch(done.stdout)
        if done.returncode != 0 or found is None:
            raise ServerError(f"verify: exit code {done.returncode}\n{done.stdout}{done.stderr}")
        return int(found[1]), found[2]

    def log_tail(self):
        return self.log_path.read_text(errors="replace")[-4000:] if self.log_path.exists() else ""

    def new_channel(self):
        """A connection of its own, for the caller to close. It finds the server again by itself."""
        return grpc.insecure_channel(self.grpc_address, options=CHANNEL_OPTIONS)

    @property
    def channel(self):
        """A connection that is shared, and lasts over restarts."""
        if self._channel is None:
            self._channel = self.new_channel()
        return self._channel

    @property
    def orchestrator(self):
        return orchestrator_pb2_grpc.OrchestratorStub(self.channel)

    @property
    def admin(self):
        return admin_pb2_grpc.AdminStub(self.channel)

    def http(self, path):
        """(status, body) of a GET of the HTTP port."""
        try:
            scheme = "http" if self.https is None else "https"
            url = f"{scheme}://{self.http_address}{path}"
            with urllib.request.urlopen(url, timeout=10, context=self.https) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def metrics(self):
        """Samples of /metrics as a dict from `name{labels}`, as written there, to a number."""
        status, text = self.http("/metrics")
        if status != 200:
            raise ServerError(f"/metrics answers {status}: {text}")
        samples = (line.rpartition(" ") for line in text.splitlines() if line[:1] not in ("", "#"))
        return {name: float(number) for name, _, number in samples}
