"""Clients that write through kill -9 after kill -9, and an auditor that checks what became of it.

Each client owns a few instances, of which it knows what must be in them, and shares one with the
others. Whatever a client sends has a request_id, and is sent again with it until it is answered. So
at the end there must be one record for each answer, and no other.
"""

import collections
import dataclasses
import hashlib
import random
import threading
import time

import grpc
import swoosh_server
from swoosh.v1 import admin_pb2, orchestrator_pb2, orchestrator_pb2_grpc
from swoosh_api import (
    COUNTER,
    Refusal,
    all_instances,
    create,
    delete,
    register,
    request,
    send,
    submit,
)

CLIENTS = 8
OWN_INSTANCES_MAX = 4
PIPELINE_MAX = 16  # requests of a streaming client that are not answered yet
ANSWER_SECONDS_MAX = 60
AUDIT_PERIOD_SECONDS = 0.01
# So that the log is never trimmed past the auditor, clients that are further ahead of it wait.
AUDIT_LAG_RECORDS_MAX = 500
RETAIN_RECORDS = 1500
SNAPSHOT_EVERY_RECORDS = 300
SHARED = "shared"
# While a server dies, a call may end with any of these; the request is sent again.
BROKEN = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)


class Violation(AssertionError):
    """A promise was broken."""


@dataclasses.dataclass
class Acknowledged:
    request: orchestrator_pb2.SubmitRequest
    index: int
    record_hash: bytes


class Client(threading.Thread):
    """One client: even ones with unary calls, odd ones with a stream and requests in flight."""

    def __init__(self, server, auditor, number, seed):
        super().__init__(daemon=True, name=f"client {number}")
        self.acknowledged = []
        self.duplicate_count = 0
        self.counts = {}  # of each own instance that exists: what it must have counted
        self.error = None
        self._server = server
        self._auditor = auditor
        self._number = number
        self._random = random.Random(f"{seed}/{number}")
        self._request_count = 0
        self._instance_count = 0
        self._expected = {}  # request id -> [(instance, count)] as the proposal must leave them
        self._stopping = threading.Event()

    def run(self):
        try:
            with self._server.new_channel() as channel:
                stub = orchestrator_pb2_grpc.OrchestratorStub(channel)
                if self._number % 2 == 0:
                    self._run_unary(stub)
                else:
                    self._run_stream(stub)
        except Exception as error:  # whatever it was, the run has failed
            self.error = error

    def stop(self):
        """Asks it to end, once all that it sent is answered."""
        self._stopping.set()

    def _may_go_on(self):
        """Waits for the auditor; False when it is time to end."""
        while self.acknowledged and not self._auditor.is_near(self.acknowledged[-1].index):
            if self._stopping.wait(AUDIT_PERIOD_SECONDS):
                return False
        return not self._stopping.is_set()

    def _run_unary(self, stub):
        while self._may_go_on():
            asked = self._next_request()
            while True:
                try:
                    answer = stub.Submit(asked, wait_for_ready=True, timeout=ANSWER_SECONDS_MAX)
                    break
                except grpc.RpcError as error:
                    if error.code() not in BROKEN:
                        raise
            self._take(asked, answer)

    def _run_stream(self, stub):
        unanswered = collections.deque()
        while unanswered or not self._stopping.is_set():
            try:
                self._stream_once(stub, unanswered)
            except grpc.RpcError as error:
                if error.code() not in BROKEN:
                    raise

    def _stream_once(self, stub, unanswered):
        """Sends again, in order, what is not answered, then new requests, until it breaks."""
        room = threading.Semaphore(PIPELINE_MAX - len(unanswered))
        again = list(unanswered)
        broken = threading.Event()
        lock = threading.Lock()  # gRPC draws requests on a thread that may outlive the stream

        def requests():
            yield from again
            while self._may_go_on():
                if not room.acquire(timeout=0.1):
                    continue
                with lock:
                    if broken.is_set():
                        return
                    asked = self._next_request()
                    unanswered.append(asked)
                yield asked

        try:
            for answer in stub.SubmitStream(requests(), wait_for_ready=True):
                self._take(unanswered[0], answer)
                unanswered.popleft()
                room.release()
        finally:
            with lock:
                broken.set()

    def _next_request(self):
        """The next request; `counts` already has what it will do, since nobody else touches it."""
        self._request_count += 1
        request_id = f"{self._number}/{self._request_count}"
        touched = {}
        transitions = []
        dice = self._random.random()
        if not self.counts or (dice < 0.1 and len(self.counts) < OWN_INSTANCES_MAX):
            self._instance_count += 1
            instance_id = f"own{self._number}-{self._instance_count}"
            transitions.append(create(instance_id))
            touched[instance_id] = self.counts[instance_id] = 0
        elif dice < 0.15 and len(self.counts) > 1:
            instance_id = self._random.choice(sorted(self.counts))
            transitions.append(delete(instance_id))
            del self.counts[instance_id]
        for _ in range(self._random.choice((1, 1, 1, 2, 5))):
            instance_id = self._random.choice([*sorted(self.counts), SHARED])
            transitions.append(send(instance_id, data={"by": request_id}))
            if instance_id != SHARED:
                self.counts[instance_id] += 1
                touched[instance_id] = self.counts[instance_id]
        self._expected[request_id] = touched
        return request(*transitions, request_id=request_id, view=orchestrator_pb2.VIEW_CONTEXT)

    def _take(self, asked, answer):
        if answer.HasField("status"):
            raise Violation(f"{asked.request_id} refused: {Refusal.of_status(answer.status)}")
        if answer.request_id != asked.request_id:
            raise Violation(f"{answer.request_id} answered, and {asked.request_id} was asked")
        self.duplicate_count += answer.duplicate
        self.acknowledged.append(Acknowledged(asked, answer.index, answer.record_hash))
        left = {each.instance.id: each.instance for each in answer.results if each.instance.id}
        for instance_id, count in self._expected.pop(asked.request_id).items():
            found = left[instance_id]
            if found.version != answer.index or found.context["count"] != count:
                raise Violation(f"{asked.request_id}: not counted to {count}: {found}")


class Auditor(threading.Thread):
    """Reads each record once, as soon as it is visible, and checks the chain from one to the next.

    So a record that was seen and is another one after a crash, or gone, is noticed.
    """

    def __init__(self, server):
        super().__init__(daemon=True, name="auditor")
        self.records = []
        self.hashes = []
        self.error = None
        self._server = server
        self._read_up_to = None

    def run(self):
        try:
            with self._server.new_channel() as channel:
                stub = orchestrator_pb2_grpc.OrchestratorStub(channel)
                while self._read_up_to is None or len(self.records) < self._read_up_to:
                    try:
                        self._read_page(stub)
                    except grpc.RpcError as error:
                        if error.code() not in BROKEN:
                            raise
                    time.sleep(AUDIT_PERIOD_SECONDS)
        except grpc.RpcError as error:
            self.error = Refusal.of_error(error)
        except Exception as error:
            self.error = error

    def is_near(self, index):
        return index - len(self.records) < AUDIT_LAG_RECORDS_MAX or not self.is_alive()

    def finish(self, index):
        """Waits until the records up to `index` were read."""
        self._read_up_to = index
        self.join(ANSWER_SECONDS_MAX)

    def _read_page(self, stub):
        page = stub.ListRecords(
            orchestrator_pb2.ListRecordsRequest(
                from_index=len(self.records) + 1, page_size=1000, raw=True
            ),
            wait_for_ready=True,
            timeout=ANSWER_SECONDS_MAX,
        )
        for record, raw in zip(page.records, page.raw, strict=True):
            if record.index != len(self.records) + 1:
                raise Violation(f"record {record.index} follows {len(self.records)}")
            if self.hashes and record.previous_hash != self.hashes[-1]:
                raise Violation(f"record {record.index} does not follow the one seen before it")
            self.records.append(record)
            self.hashes.append(hashlib.sha256(raw).digest())


def run(cycles, seed):
    """Kills the server `cycles` times under load; returns counts. Raises Violation."""
    began = time.monotonic()
    dice = random.Random(seed)
    server = swoosh_server.Server(
        f"--snapshot_every_records={SNAPSHOT_EVERY_RECORDS}", f"--retain_records={RETAIN_RECORDS}"
    )
    try:
        submit(server.orchestrator, register(COUNTER), create(SHARED), request_id="setup")
        auditor = Auditor(server)
        clients = [Client(server, auditor, number, seed) for number in range(CLIENTS)]
        for thread in (auditor, *clients):
            thread.start()
        slowest_start_seconds = 0.0
        for cycle in range(cycles):
            time.sleep(dice.uniform(0.05, 0.5))
            _check_alive(clients, auditor, cycle)
            if cycle == cycles // 2:
                _await_trimming(server)
            server.kill()
            server.start()
            slowest_start_seconds = max(slowest_start_seconds, server.start_seconds)
        for client in clients:
            client.stop()
        for client in clients:
            client.join(ANSWER_SECONDS_MAX)
        counts = _check(server, clients, auditor)
        _check_verify(server)
        return counts | {
            "cycles": cycles,
            "seed": seed,
            "slowest_start_seconds": round(slowest_start_seconds, 3),
            "seconds": round(time.monotonic() - began, 1),
        }
    finally:
        server.close()


def _await_trimming(server):
    """Goes on once the log is trimmed, however long the snapshots take that it has to wait for."""
    end = time.monotonic() + ANSWER_SECONDS_MAX
    while server.admin.GetStatus(admin_pb2.GetStatusRequest()).first_index == 1:
        if time.monotonic() > end:
            raise Violation(f"the log is not trimmed; the server logged:\n{server.log_tail()}")
        server.admin.TakeSnapshot(admin_pb2.TakeSnapshotRequest())
        time.sleep(AUDIT_PERIOD_SECONDS)


def _check_alive(clients, auditor, cycle):
    for thread in (*clients, auditor):
        if thread.error is not None:
            raise Violation(
                f"cycle {cycle}: {thread.name}: {thread.error!r}; "
                f"the newest records of it: {_newest_requests(thread, auditor)}"
            ) from None


def _newest_requests(thread, auditor):
    """What of a client is in the log: it tells what the server never got from what it lost."""
    own = thread.name.replace("client ", "") + "/"
    found = [each.request_id for each in auditor.records[-5000:] if each.request_id.startswith(own)]
    return found[-2 * PIPELINE_MAX :]


def _check(server, clients, auditor):
    """Compares what the clients were told with what the server has."""
    for client in clients:
        if client.is_alive():
            raise Violation(f"{client.name} got no answer")
    index = server.orchestrator.GetState(orchestrator_pb2.GetStateRequest()).index
    auditor.finish(index)
    _check_alive(clients, auditor, "the last")
    acknowledged = [each for client in clients for each in client.acknowledged]
    if len(auditor.records) != index or index != len(acknowledged) + 1:
        raise Violation(
            f"{index} records, {len(auditor.records)} seen, {len(acknowledged)} + 1 acknowledged"
        )
    for each in acknowledged:
        record = auditor.records[each.index - 1]
        if record.request_id != each.request.request_id or list(record.transitions) != list(
            each.request.transitions
        ):
            raise Violation(f"record {each.index} is not {each.request.request_id}")
        if auditor.hashes[each.index - 1] != each.record_hash:
            raise Violation(f"record {each.index} does not have the hash that was answered")
    for client in clients:
        indexes = [each.index for each in client.acknowledged]
        if indexes != sorted(set(indexes)):
            raise Violation(f"what {client.name} sent is not applied once, in its order")
    _check_instances(server, clients, acknowledged)
    status = server.admin.GetStatus(admin_pb2.GetStatusRequest())
    return {
        "acknowledged": len(acknowledged),
        "transitions": sum(len(each.request.transitions) for each in acknowledged),
        "duplicates": sum(client.duplicate_count for client in clients),
        "index": index,
        "first_index": status.first_index,
        "last_snapshot_index": status.last_snapshot_index,
    }


def _check_instances(server, clients, acknowledged):
    expected = {}
    versions = {}
    shared_count = 0
    for client in clients:
        expected |= client.counts
    for each in acknowledged:
        for transition in each.request.transitions:
            body = getattr(transition, transition.WhichOneof("kind"))
            shared_count += body.instance_id == SHARED
            versions[body.instance_id] = max(each.index, versions.get(body.instance_id, 0))
    expected[SHARED] = shared_count
    found = {each.id: each for each in all_instances(server.orchestrator)}
    if sorted(found) != sorted(expected):
        raise Violation(f"instances {sorted(found)}, expected {sorted(expected)}")
    for instance_id, count in expected.items():
        instance = found[instance_id]
        if (instance.context["count"], instance.version) != (count, versions[instance_id]):
            raise Violation(f"expected count {count} at {versions[instance_id]}: {instance}")


def _check_verify(server):
    """Once more kill -9; then what was served, what comes up and what `verify` proves is one."""
    state = server.orchestrator.GetState(orchestrator_pb2.GetStateRequest())
    served = (state.index, state.state_hash.hex())
    server.kill()
    proved = server.verify()
    server.start()
    started = (server.index, server.state_hash)
    if server.terminate() != 0:
        raise Violation("SIGTERM did not end it with exit code 0")
    proved_again = server.verify()
    if not served == proved == started == proved_again:
        raise Violation(f"served {served}, proved {proved}, {proved_again}, started {started}")
