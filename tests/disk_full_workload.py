"""Clients that write while the server's disk is filled and freed again.

The disk is a small tmpfs in a mount namespace of this process' own, so it takes root.
"""

import contextlib
import ctypes
import os
import random
import subprocess
import threading
import time

import grpc
import swoosh_server
from swoosh.v1 import orchestrator_pb2
from swoosh_api import COUNTER, Refusal, create, register, send, submit

DISK_BYTES = 192 << 20
LOW_WATER_BYTES = DISK_BYTES // 8  # as server/disk_space.h has it
CLIENTS = 4
PAYLOAD_BYTES_MAX = 8_000
EXIT_FENCED = 5
# One cycle in so many takes the whole disk at once, so that writes fail.
WHOLE_DISK_EVERY = 20
FULL_SECONDS_MAX = 0.2
FILL_ATTEMPTS_MAX = 100
RESUME_SECONDS_MAX = 5
WAIT_SECONDS_MAX = 60
CLONE_NEWNS = 0x00020000


class Skipped(Exception):
    """This machine can't do it; says why."""


def private_tmpfs():
    """Mounts a tmpfs that this process and its children alone see. Once, from the main thread."""
    if os.geteuid() != 0:
        raise Skipped("mounting a tmpfs takes root")
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS) != 0:
        raise Skipped(f"no mount namespace: {os.strerror(ctypes.get_errno())}")
    folder = swoosh_server.temporary_folder() / "disk"
    folder.mkdir()
    for command in (
        ["mount", "--make-rprivate", "/"],
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "swoosh", folder],
    ):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise Skipped(f"{' '.join(map(str, command))}: {done.stderr.strip()}")
    return folder


class ServerOnDisk(swoosh_server.Server):
    """Its store is on `disk`; what it logs is not."""

    def __init__(self, disk, *flags):
        self.disk = disk
        super().__init__(*flags)

    def start(self):
        self.data_dir = self.disk / "data"
        super().start()


class Client(threading.Thread):
    """Sends events to an instance of its own, each until it is acknowledged."""

    def __init__(self, server, name, seed):
        super().__init__(name=name)
        self.random = random.Random(seed)
        self.channel = server.new_channel()
        self.stub = swoosh_server.orchestrator_pb2_grpc.OrchestratorStub(self.channel)
        self.acknowledged = 0
        self.refused = 0
        self.unavailable = 0  # or broken off: whether it was applied is told when it is sent again
        self.acknowledged_at = 0.0  # of a request that was sent first after `free_since`
        self.stopping = threading.Event()
        self.unexpected = None

    def run(self):
        while not self.stopping.is_set():
            payload = self.random.randbytes(self.random.randrange(PAYLOAD_BYTES_MAX // 2))
            data = {"by": payload.hex()}
            request_id = f"{self.name}-{self.acknowledged}"
            while not self.send(request_id, data):
                time.sleep(0.01)

    def send(self, request_id, data):
        began = time.monotonic()
        try:
            submit(self.stub, send(self.name, data=data), request_id=request_id)
        except grpc.RpcError as error:
            refusal = Refusal.of_error(error)
            if refusal.reason == "DISK_NEARLY_FULL":
                self.refused += 1
            elif refusal.code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED):
                self.unavailable += 1
            else:
                self.unexpected = refusal
            return False
        self.acknowledged += 1
        self.acknowledged_at = began
        return True


class Reader(threading.Thread):
    """Reads all the time, and notes each read that failed while the server should serve."""

    def __init__(self, server):
        super().__init__()
        self.server = server
        self.channel = server.new_channel()
        self.stub = swoosh_server.orchestrator_pb2_grpc.OrchestratorStub(self.channel)
        self.reads = 0
        self.failures = 0
        self.index = 0
        self.went_back = 0
        self.fences_over = 0  # after which the server was started again
        self.server_may_fail = threading.Event()
        self.stopping = threading.Event()

    def run(self):
        while not self.stopping.is_set():
            try:
                state = self.stub.GetState(orchestrator_pb2.GetStateRequest(), timeout=30)
            except grpc.RpcError:
                # A server that is fenced exits after some seconds; the cycle says whether it was.
                self.failures += not self.server_may_fail.is_set() and not self.gone()
            else:
                self.reads += 1
                self.went_back += state.index < self.index
                self.index = state.index
            time.sleep(0.002)

    def gone(self):
        """Whether the server said that it is fenced: it serves reads for some seconds, and exits."""
        log = self.server.log_path.read_text(errors="replace")
        return log.count(" error fenced ") > self.fences_over


class Watcher(threading.Thread):
    """Follows one instance over restarts; its changes must come without a gap."""

    def __init__(self, server, instance_id):
        super().__init__(daemon=True)
        self.channel = server.new_channel()
        self.stub = swoosh_server.orchestrator_pb2_grpc.OrchestratorStub(self.channel)
        self.instance_id = instance_id
        self.changes = 0
        self.next_index = 1
        self.trimmed = False
        self.stopping = threading.Event()

    def run(self):
        while not self.stopping.is_set():
            asked = orchestrator_pb2.WatchRequest(
                from_index=self.next_index, instance_ids=[self.instance_id]
            )
            try:
                for response in self.stub.Watch(asked, wait_for_ready=True):
                    self.changes += len(response.changes)
                    self.next_index = response.index + 1
            except grpc.RpcError as error:
                if error.code() == grpc.StatusCode.OUT_OF_RANGE:
                    self.trimmed = True
                    return
            except ValueError:  # the channel was closed
                return


def wait_until(condition):
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True


def free_bytes(folder):
    info = os.statvfs(folder)
    return info.f_bavail * info.f_frsize


class Run:
    """The cycles, and what was seen in them."""

    def __init__(self, disk, seed):
        self.disk = disk
        self.ballast = disk / "ballast"
        self.random = random.Random(seed)
        self.server = ServerOnDisk(disk, "--snapshot_every_records=3000", "--retain_records=3000")
        names = [f"client-{number}" for number in range(CLIENTS)]
        submit(self.server.orchestrator, register(COUNTER), *map(create, names))
        self.clients = [Client(self.server, name, self.random.random()) for name in names]
        self.reader = Reader(self.server)
        self.watcher = Watcher(self.server, names[0])
        self.counts = {"fenced": 0, "nearly_full": 0, "violations": 0}
        self.resume_seconds_max = 0.0
        self.notes = []

    def violation(self, what):
        self.counts["violations"] += 1
        self.notes.append(what)

    def cycle(self, number):
        whole_disk = number % WHOLE_DISK_EVERY == WHOLE_DISK_EVERY - 1
        leave = 0 if whole_disk else int(LOW_WATER_BYTES * self.random.uniform(0.3, 0.9))
        with open(self.ballast, "wb") as ballast:
            # What the server writes meanwhile makes it too much, and then nothing is taken.
            for _ in range(FILL_ATTEMPTS_MAX):
                with contextlib.suppress(OSError):
                    size = free_bytes(self.disk) - leave
                    os.posix_fallocate(ballast.fileno(), 0, max(size, 1))
                    break
        if not wait_until(lambda: self.fenced() or self.is_nearly_full()):
            self.violation(f"cycle {number}: the disk is full and nobody notices")
        time.sleep(self.random.uniform(0, FULL_SECONDS_MAX))
        self.ballast.unlink()
        self.await_writing(number)
        self.counts["nearly_full"] += 1
        # After a restart the reader's channel takes its time to connect again.
        reads = self.reader.reads
        wait_until(lambda: self.reader.reads > reads)
        self.reader.server_may_fail.clear()

    def await_writing(self, number):
        """Until a proposal that was sent after now is acknowledged; restarts the server for it."""
        freed = time.monotonic()

        def newest():
            return max(client.acknowledged_at for client in self.clients)

        # A write that failed while the disk was full may be known only now.
        wait_until(lambda: newest() > freed or self.fenced())
        if self.fenced():
            self.restart(number)
            freed = time.monotonic()
        if not wait_until(lambda: newest() > freed):
            self.violation(f"cycle {number}: writing does not go on: {self.server.log_tail()}")
            return
        seconds = min(c.acknowledged_at for c in self.clients if c.acknowledged_at > freed) - freed
        self.resume_seconds_max = max(self.resume_seconds_max, seconds)
        if seconds > RESUME_SECONDS_MAX:
            self.violation(f"cycle {number}: writing went on after {seconds:.1f} s")

    def fenced(self):
        """Whether the server has ended, or is about to."""
        return self.server.ended() or self.metric("swoosh_fenced") == 1

    def is_nearly_full(self):
        return self.metric("swoosh_disk_nearly_full") == 1

    def metric(self, name):
        try:
            return self.server.metrics()[name]
        except (OSError, KeyError):
            return None

    def restart(self, number):
        """After a write found no space: the disk was filled faster than the server looks."""
        self.counts["fenced"] += 1
        self.reader.server_may_fail.set()
        if "No space left on device" not in self.server.log_tail():
            self.violation(f"cycle {number}: fenced, but not for want of space")
        exit_code = self.server.wait_for_exit()
        if exit_code != EXIT_FENCED:
            self.violation(f"cycle {number}: exit code {exit_code}")
        self.server.start()
        self.reader.fences_over = self.counts["fenced"]

    def finish(self):
        """What is lost, and what was applied twice."""
        for client in self.clients:
            client.stopping.set()
        for client in self.clients:
            client.join()
        self.reader.stopping.set()
        self.reader.join()
        lost = wrong = 0
        for client in self.clients:
            found = self.server.orchestrator.GetInstance(
                orchestrator_pb2.GetInstanceRequest(instance_id=client.name)
            )
            count = int(found.context["count"])
            lost += max(0, client.acknowledged - count)
            wrong += max(0, count - client.acknowledged)
            if client.unexpected is not None:
                self.violation(f"{client.name} got {client.unexpected}")
        expected = self.clients[0].acknowledged + 1  # and its creation
        if not self.watcher.trimmed and not wait_until(lambda: self.watcher.changes >= expected):
            self.violation(f"the watch saw {self.watcher.changes} changes of {expected}")
        self.counts["violations"] += self.reader.failures + self.reader.went_back
        self.watcher.stopping.set()
        self.server.terminate()
        self.server.verify()
        for client in self.clients:
            client.channel.close()
        self.reader.channel.close()
        self.watcher.channel.close()
        self.server.close()
        return lost, wrong


def run(cycles, seed):
    """Raises Skipped where it can't be run. The result's notes say what the violations were."""
    disk = private_tmpfs()
    whole = Run(disk, seed)
    for thread in (*whole.clients, whole.reader, whole.watcher):
        thread.start()
    for number in range(cycles):
        whole.cycle(number)
    lost, wrong = whole.finish()
    return {
        "runs": cycles,
        "lost": lost,
        "wrong": wrong,
        **whole.counts,
        "acknowledged": sum(client.acknowledged for client in whole.clients),
        "refused": sum(client.refused for client in whole.clients),
        "reads": whole.reader.reads,
        "resume_seconds_max": round(whole.resume_seconds_max, 3),
    }, whole.notes
