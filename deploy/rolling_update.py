"""A rolling update of one server, played: what clients see of it.

A server is asked to end, as an orchestrator does, and another one is started on its volume, while
clients submit all the time and send again, with the same request_id, what was not answered.
"""

import dataclasses
import itertools
import threading
import time

import grpc
import swoosh_server  # noqa: F401  (it knows where the generated modules are)
from swoosh.v1 import orchestrator_pb2, orchestrator_pb2_grpc
from swoosh_api import COUNTER, all_records, create, register, request, send, submit

CLIENTS = 4
EVENTS_BEFORE = 50  # of each client
EVENTS_AFTER = 50
CALL_SECONDS_MAX = 5
RETRY_SECONDS = 0.02
PLAY_SECONDS_MAX = 90
# What a client may be answered while a server ends or is not there yet; anything else is a fault.
TRANSIENT = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.DEADLINE_EXCEEDED,
}


@dataclasses.dataclass
class Update:
    """What came of it."""

    exit_code: int
    exit_seconds: float  # from SIGTERM to the end of the process
    start_seconds: float  # from the start of the next one to its serving line
    pause_seconds: float  # the longest that any client waited between two answers
    acknowledged: int
    counted: int  # by the instances in the end
    retries: int
    missed: list  # indexes of records that the watch was not sent, or was sent twice


class _Client(threading.Thread):
    """Sends one event after the other to an instance of its own until it is told to stop."""

    def __init__(self, server, name, stop):
        super().__init__(name=name, daemon=True)
        self._channel = server.new_channel()
        self._stop_asked = stop
        self.acknowledged = 0
        self.retries = 0
        self.pause_seconds = 0.0
        self.fault = None

    def run(self):
        stub = orchestrator_pb2_grpc.OrchestratorStub(self._channel)
        last_answer = time.monotonic()
        for number in itertools.count():
            event = request(send(self.name), request_id=f"{self.name}/{number}")
            if not self._submit(stub, event):
                return
            now = time.monotonic()
            self.pause_seconds = max(self.pause_seconds, now - last_answer)
            last_answer = now
            self.acknowledged += 1
            # What is in doubt is never left so: it stops between two events.
            if self._stop_asked.is_set():
                return

    def _submit(self, stub, event):
        deadline = time.monotonic() + PLAY_SECONDS_MAX
        while True:
            try:
                # Without waiting, calls fail at once while nobody listens, and gRPC 1.51 sometimes
                # puts off connecting again until its next timer, which is a call's deadline: the
                # race of grpc/grpc#11667. Pauses of 5, 10 and 30 s were seen then.
                stub.Submit(event, timeout=CALL_SECONDS_MAX, wait_for_ready=True)
                return True
            except grpc.RpcError as error:
                if error.code() not in TRANSIENT or time.monotonic() > deadline:
                    self.fault = error
                    return False
            self.retries += 1
            time.sleep(RETRY_SECONDS)

    def close(self):
        self._channel.close()


class _Watcher(threading.Thread):
    """Watches from the first record on, and goes on where it was when the server is back."""

    def __init__(self, server):
        super().__init__(name="watcher", daemon=True)
        self._channel = server.new_channel()
        self.indexes = []
        self._last = 0
        self._closed = threading.Event()

    def run(self):
        stub = orchestrator_pb2_grpc.OrchestratorStub(self._channel)
        while not self._closed.is_set():
            asked = orchestrator_pb2.WatchRequest(from_index=self._last + 1)
            try:
                for answer in stub.Watch(asked):
                    if answer.changes:
                        self._last = answer.index
                        self.indexes.append(self._last)
            except (grpc.RpcError, ValueError):
                time.sleep(RETRY_SECONDS)

    def await_index(self, index):
        deadline = time.monotonic() + PLAY_SECONDS_MAX
        while self._last < index and time.monotonic() < deadline:
            time.sleep(RETRY_SECONDS)

    def close(self):
        self._closed.set()
        self._channel.close()


def _await_events(clients, more):
    """Waits until each client was acknowledged so many more events than now."""
    goals = [client.acknowledged + more for client in clients]
    deadline = time.monotonic() + PLAY_SECONDS_MAX
    while any(client.acknowledged < goal for client, goal in zip(clients, goals, strict=True)):
        faults = [client.fault for client in clients if client.fault is not None]
        assert not faults, faults
        assert time.monotonic() < deadline, "the clients get no answers"
        time.sleep(RETRY_SECONDS)


def play(server):
    """Updates a fresh server, which must have low ports, under load; returns an Update."""
    stub = server.orchestrator
    names = [f"client-{number}" for number in range(CLIENTS)]
    submit(stub, register(COUNTER), *(create(name) for name in names))
    stop = threading.Event()
    watcher = _Watcher(server)
    watcher.start()
    clients = [_Client(server, name, stop) for name in names]
    try:
        for client in clients:
            client.start()
        _await_events(clients, EVENTS_BEFORE)
        asked = time.monotonic()
        exit_code = server.terminate()
        exit_seconds = time.monotonic() - asked
        server.start()
        _await_events(clients, EVENTS_AFTER)
    finally:
        stop.set()
        for client in clients:
            client.join(PLAY_SECONDS_MAX)
    written = [record.index for record in all_records(stub) if record.changes]
    watcher.await_index(written[-1])
    watcher.close()
    watcher.join(PLAY_SECONDS_MAX)
    for client in clients:
        client.close()
    counts = [
        stub.GetInstance(orchestrator_pb2.GetInstanceRequest(instance_id=name)).context["count"]
        for name in names
    ]
    return Update(
        exit_code=exit_code,
        exit_seconds=exit_seconds,
        start_seconds=server.start_seconds,
        pause_seconds=max(client.pause_seconds for client in clients),
        acknowledged=sum(client.acknowledged for client in clients),
        counted=int(sum(counts)),
        retries=sum(client.retries for client in clients),
        missed=sorted(set(written) ^ set(watcher.indexes))
        + [index for index in set(watcher.indexes) if watcher.indexes.count(index) > 1],
    )
