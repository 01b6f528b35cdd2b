"""Clients in processes of their own, and an auditor that checks their histories as they come.

Make a CheckedRun; do to the server whatever is to be done; finish() tells what was found.
"""

import collections
import contextlib
import hashlib
import math
import mmap
import os
import pathlib
import pickle
import struct
import subprocess
import sys
import threading
import time

import grpc
import history_checker
import history_types
import ledger
import swoosh_server
from history_client import BROKEN, digest_of, hlc_of
from swoosh.v1 import admin_pb2, admin_pb2_grpc, orchestrator_pb2, orchestrator_pb2_grpc

# The clients of each process: 8 that write, 2 that read, 2 that watch.
CLIENTS = (("unary", "unary", "stream", "stream", "reader", "watcher"),) * 2
# So that the log is never trimmed past the auditor, nor past a request that is to be repeated,
# clients that are further ahead of them wait.
LAG_RECORDS_MAX = 1000
RETAIN_RECORDS = 2500
PAGE_RECORDS = 1000
CALL_SECONDS_MAX = 5
ANSWER_SECONDS_MAX = 120
ROUND_SECONDS = 0.02
FORGET_EVENTS = 2000
SETUP = "setup"
SEEN = (
    "accepted",
    "duplicates",
    "refused",
    "validated",
    "guarded",
    "reads",
    "watched",
    "records",
    "state_hashes",
)
WRONG = (
    "WRONG_READ",
    "WRONG_REFUSAL",
    "WRONG_VALIDATION",
    "WRONG_GUARD",
    "WRONG_CHANGE",
    "WRONG_ANSWER",
    "STATE_HASH",
)


class EventSource:
    """The events of one process, read by a thread as they come."""

    def __init__(self, number, address, seed, pace_path, kinds):
        self.events = collections.deque()
        self.told_ns = 0  # all that happened before is in `events`, or was taken from there
        script = pathlib.Path(__file__).absolute().parent / "history_client.py"
        self._process = subprocess.Popen(
            swoosh_server.bound_to_us(
                [sys.executable, "-B", "-P", script, address, number, seed, pace_path, *kinds]
            ),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(map(str, sys.path))},
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        with contextlib.suppress(EOFError, pickle.UnpicklingError):
            while True:
                event = pickle.load(self._process.stdout)
                self.events.append(event)
                self.told_ns = event[1]
                if event[0] == "end":
                    self.told_ns = math.inf
                    return

    def stop(self):
        with contextlib.suppress(OSError):
            self._process.stdin.close()

    def join(self, seconds_max):
        """True when it came to its end by itself; it is gone in any case."""
        self._reader.join(seconds_max)
        whole = self.told_ns == math.inf
        if not whole:
            self._process.kill()
        self._process.wait()
        self._process.stdout.close()
        return whole


class OwnEvents:
    """What this process itself saw, as a source like the others."""

    def __init__(self):
        self.events = collections.deque()
        self.told_ns = math.inf
        self._lock = threading.Lock()

    def now(self):
        """A time before which no event will be added."""
        with self._lock:
            return time.monotonic_ns()

    def add(self, kind, *rest):
        with self._lock:
            self.events.append((kind, time.monotonic_ns(), *rest))


def record_of(message, raw):
    """The history_types.Record of a Record and its stored bytes."""
    return history_types.Record(
        message.index,
        hashlib.sha256(raw).digest(),
        message.previous_hash,
        hlc_of(message.hlc),
        message.request_id,
        tuple(map(ledger.transition_of, message.transitions)),
        tuple(map(ledger.change_of, message.changes)),
        tuple(
            (each.instance_id, (*each.configuration, *each.exited), digest_of(each))
            for each in message.changes
        ),
        message.state_hash,
        tuple(map(ledger.guard_of, message.guard_outcomes)),
    )


def merged(sources, before_ns):
    """Yields the sources' events from before a time, in the order of their times."""
    while True:
        heads = [(each.events[0][1], each.events) for each in sources if each.events]
        if not heads:
            return
        when, events = min(heads, key=lambda head: head[0])
        if when >= before_ns:
            return
        yield events.popleft()


class Auditor(threading.Thread):
    """Reads the log as soon as it is visible, and feeds it and the events to the checker."""

    def __init__(self, server, sources, own, pace, lag_records_max):
        super().__init__(daemon=True, name="auditor")
        self.checker = None  # from the first answer on
        self.error = None
        self.event_count = 0
        self.first_index = 0
        self.last_snapshot_index = 0
        self._server = server
        self._sources = sources
        self._own = own
        self._pace = pace
        self._lag_records_max = lag_records_max
        self._seen = collections.deque()  # (when, index that the log had come to)
        self._finishing = threading.Event()

    def run(self):
        try:
            with self._server.new_channel() as channel:
                stub = orchestrator_pb2_grpc.OrchestratorStub(channel)
                admin = admin_pb2_grpc.AdminStub(channel)
                while not self._round(stub, admin):
                    time.sleep(ROUND_SECONDS)
        except Exception as error:  # whatever it was, the run has failed
            self.error = error
            self._pace[:8] = struct.pack("<Q", 2**63)

    def finish(self):
        """Nothing is added any more: checks all that there is, and ends."""
        self._finishing.set()
        self.join(ANSWER_SECONDS_MAX)

    def _round(self, stub, admin):
        """One look at the log, and what happened before it. True when all is checked."""
        finishing = self._finishing.is_set()
        before_ns = self._own.now()
        try:
            status = admin.GetStatus(
                admin_pb2.GetStatusRequest(), wait_for_ready=True, timeout=CALL_SECONDS_MAX
            )
            state = stub.GetState(orchestrator_pb2.GetStateRequest(), timeout=CALL_SECONDS_MAX)
            if self.checker is None:
                self._begin(stub, state)
            self._read_log(stub, state.index)
        except grpc.RpcError as error:
            if error.code() not in BROKEN:
                raise
            return False
        self._look(status, state)
        self._seen.append((time.monotonic_ns(), state.index))
        fed_ns = min(before_ns, *(source.told_ns for source in self._sources))
        self._feed(fed_ns)
        self._pace[:8] = struct.pack("<Q", self.checker.needed() + self._lag_records_max)
        while self._seen[0][0] < fed_ns:
            self.checker.settle(self._seen.popleft()[1])
        if not finishing or any(source.events for source in self._sources):
            return False
        self.checker.finish()
        return True

    def _begin(self, stub, state):
        history = hashlib.sha256(state.history_id.encode()).digest()
        try:
            machine = stub.GetMachine(
                orchestrator_pb2.GetMachineRequest(name=ledger.NAME), timeout=CALL_SECONDS_MAX
            )
        except grpc.RpcError as error:
            if error.code() != grpc.StatusCode.NOT_FOUND:
                raise
            self.checker = history_checker.Checker(history)
            self.checker.report("LOST", f"{SETUP}: the machine that was registered is gone")
        else:
            self.checker = history_checker.Checker(history, machine)
        self.checker.ask(SETUP, SETUP, (ledger.register(),))
        self.checker.give_up(SETUP)  # nobody waits for it

    def _read_log(self, stub, index):
        checker = self.checker
        while checker.log_end < index:
            page = stub.ListRecords(
                orchestrator_pb2.ListRecordsRequest(
                    from_index=checker.log_end + 1, page_size=PAGE_RECORDS, raw=True
                ),
                timeout=CALL_SECONDS_MAX,
            )
            for message, raw in zip(page.records, page.raw, strict=True):
                if message.index > index:
                    return
                if not checker.add_record(record_of(message, raw)):
                    raise ValueError(f"the log can't be followed: {checker.violations}")

    def _look(self, status, state):
        checker = self.checker
        if state.index < checker.log_end:
            checker.report(
                "SEEN_AND_GONE", f"the log ends at {state.index}, and ended at {checker.log_end}"
            )
        checker.check_seen_hash(state.index, state.state_hash)
        self.first_index = status.first_index
        self.last_snapshot_index = status.last_snapshot_index
        # Looked at after the answer: the oldest one that is kept is of an ever higher index.
        snapshots = []
        with contextlib.suppress(FileNotFoundError):  # its disk may be away at the moment
            snapshots = self._server.snapshots()
        checker.trimmed(
            status.first_index,
            state.index,
            status.request_window,
            snapshots[0][0] if snapshots else None,
        )

    def _feed(self, before_ns):
        checker = self.checker
        for kind, _, *rest in merged((*self._sources, self._own), before_ns):
            self.event_count += 1
            if kind in ("tick", "end"):
                continue
            if kind == "failed":
                checker.report("UNEXPECTED_ANSWER", f"client {rest[0]}: {rest[1]}")
            else:
                getattr(checker, kind)(*rest)
            if self.event_count % FORGET_EVENTS == 0:
                checker.forget()


class CheckedRun:
    """Clients and an auditor against a server, which the caller kills and launches meanwhile.

    The server must be up when it is made. Use it from one thread, the server's.
    """

    def __init__(
        self, server, seed, clients=CLIENTS, lag_records_max=LAG_RECORDS_MAX, guard=None
    ):
        """`guard`: the process that answers the server's external guard, for strike() to kill."""
        self.server = server
        self.guard = guard
        self.guard_kills = 0
        self.kills = collections.Counter()  # by phase
        self.refusal = ""  # why the server did not start, or go on
        self.slowest_start_seconds = 0.0
        self.serving = True  # its serving line was read, and it was not killed
        self._seed = seed
        self._began = time.monotonic()
        self._own = OwnEvents()
        self._launch = 0
        self._progress = (0, self._began)  # operations, and when there were so many first
        pace_path = server.folder / "pace"
        pace_path.write_bytes(struct.pack("<Q", lag_records_max))
        with open(pace_path, "r+b") as file:
            self._pace = mmap.mmap(file.fileno(), 8)
        asked = orchestrator_pb2.SubmitRequest(
            request_id=SETUP, transitions=[ledger.transition_message(ledger.register())]
        )
        server.orchestrator.Submit(asked, wait_for_ready=True, timeout=ANSWER_SECONDS_MAX)
        self._sources = [
            EventSource(str(number), server.grpc_address, str(seed), pace_path, kinds)
            for number, kinds in enumerate(clients)
        ]
        self.auditor = Auditor(
            server, self._sources, self._own, self._pace, lag_records_max
        )
        self.auditor.start()

    @property
    def operations(self):
        """How many were answered and checked."""
        checker = self.auditor.checker
        if checker is None:
            return 0
        return sum(checker.seen[each] for each in ("accepted", "refused", "validated", "reads"))

    def since_snapshot(self):
        """How many records the newest snapshot is behind, as far as the auditor knows."""
        checker = self.auditor.checker
        return 0 if checker is None else checker.log_end - self.auditor.last_snapshot_index

    def holds(self):
        """False once something was found, so that there is nothing more to run for."""
        auditor = self.auditor
        if self.operations != self._progress[0]:
            self._progress = (self.operations, time.monotonic())
        elif time.monotonic() - self._progress[1] > ANSWER_SECONDS_MAX and not self.refusal:
            self.refusal = f"nothing was answered for {ANSWER_SECONDS_MAX} s"
        found = auditor.checker is not None and auditor.checker.violation_count > 0
        return not found and auditor.error is None and not self.refusal

    # ------------------------------------------------------------ the server

    def launch(self):
        """As Server.launch. Its serving line counts as a read."""
        self._launch += 1
        self.serving = False
        self._own.add("read", ("launch", self._launch), ("state",))
        self.server.launch()

    def await_serving(self):
        """False where the server does not start: `refusal` says why."""
        if self.serving or not self.server.is_launched:
            return self.serving
        try:
            self.server.await_serving()
        except swoosh_server.ServerError as error:
            self.refusal = str(error)
            self._own.add("give_up", ("launch", self._launch))
            return False
        self.serving = True
        self.slowest_start_seconds = max(self.slowest_start_seconds, self.server.start_seconds)
        state_hash = bytes.fromhex(self.server.state_hash)
        state = history_types.State(self.server.index, state_hash, 0)
        self._own.add("answer_read", ("launch", self._launch), state)
        return True

    def kill(self, before=None):
        """kill -9, wherever it has come to; `kills` counts by what it was doing. `before` is called
        as the last thing that happens to it before."""
        if self.refusal:
            return  # it has ended already
        phase = self._phase()
        if self.refusal:
            return
        if before is not None:
            before()
        self.server.kill()
        if not self.serving:
            self._own.add("give_up", ("launch", self._launch))
        self.serving = False
        self.kills[phase] += 1

    def kill_guard(self):
        """kill -9 of who answers the external guard; it comes back. Without one, nothing."""
        if self.guard is not None:
            self.guard.kill()
            self.guard.start()
            self.guard_kills += 1

    def _phase(self):
        if not self.serving and self.server.has_begun_to_serve():
            self.await_serving()
            if self.refusal:  # it ended by itself
                return "start_up"
        if self.serving:
            unfinished = any(self.server.snapshot_dir.glob("*.tmp"))
            return "snapshot" if unfinished else "serving"
        return "recovery" if self.server.has_open(self.server.data_dir) else "start_up"

    # ------------------------------------------------------------ the end

    def finish(self):
        """Lets the clients come to their end, checks the rest, and tells the counts. Once more kill
        -9; then what was served, what comes up and what `verify` proves has to be one."""
        up = self.holds() and self.await_serving()
        for source in self._sources:
            source.stop()
        whole = [source.join(ANSWER_SECONDS_MAX if up else 0) for source in self._sources]
        if up:
            self.auditor.finish()
        if up and self.holds():
            if self.auditor.is_alive() or not all(whole):
                self.refusal = f"a client or the auditor got no answer: {whole}"
            else:
                self._verify()
        return self._counts()

    def _verify(self):
        try:
            state = self.server.orchestrator.GetState(orchestrator_pb2.GetStateRequest())
            served = (state.index, state.state_hash.hex())
            self.server.kill()
            proved = self.server.verify()
            self.server.start()
            started = (self.server.index, self.server.state_hash)
            code = self.server.terminate()
            again = self.server.verify()
        except swoosh_server.ServerError as error:
            self.refusal = str(error)
            return
        if code != 0 or not served == proved == started == again:
            self.auditor.checker.report(
                "STATE_HASH", f"{served}, proved {proved}, {again}, started {started}, code {code}"
            )

    def _counts(self):
        checker = self.auditor.checker
        found = collections.Counter() if checker is None else checker.counts.copy()
        if self.refusal:
            found["NOT_STARTED"] += 1
        if self.auditor.error is not None:
            found["NOT_FOLLOWED"] += 1
        for each in [] if checker is None else checker.violations:
            print(f"violation: {each.kind}: {each.message}", file=sys.stderr)
        for each in filter(None, (self.refusal, self.auditor.error and repr(self.auditor.error))):
            print(f"violation: {each}", file=sys.stderr, flush=True)
        seen = collections.Counter() if checker is None else checker.seen
        return {
            "operations": self.operations,
            **{each: seen[each] for each in SEEN},
            "first_index": self.auditor.first_index,
            "last_snapshot_index": self.auditor.last_snapshot_index,
            "kills": self.kills.total(),
            "guard_kills": self.guard_kills,
            "kills_by_phase": dict(sorted(self.kills.items())),
            "slowest_start_seconds": round(self.slowest_start_seconds, 3),
            "lost": found["LOST"] + found["SEEN_AND_GONE"],
            "twice": found["APPLIED_TWICE"],
            "wrong": sum(found[each] for each in WRONG),
            "violations": found.total(),
            "kinds": dict(found),
            "seed": self._seed,
            "seconds": round(time.monotonic() - self._began, 1),
        }
