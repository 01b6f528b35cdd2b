"""Thousands of timers due at one moment, while a client submits: what it notices of them.

The client submits in a closed loop, each call after the one before, and in an open loop, at fixed
times whatever is unanswered; there the time of an answer counts from when its request was due. Its
longest wait while the timers fire is held against that of as long a time before.
"""

import collections
import itertools
import threading
import time

import swoosh_server
from swoosh.v1 import orchestrator_pb2, orchestrator_pb2_grpc
from swoosh_api import COUNTER, all_records, create, register, request, send, submit

ARMED_PER_PROPOSAL = 1000
OPEN_LOOP_PER_SECOND = 200
CLIENT_INSTANCES = 16
# The first calls of a connection are slower, with or without a burst.
WARM_UP_SECONDS = 1.0
WINDOW_SECONDS = 2.0  # before the burst, and from its beginning
# The time that is given to arm the timers, on a machine that is busy with other things.
ARM_SECONDS_BASE = 1.0
ARM_SECONDS_PER_TIMER = 1e-3
FIRED_SECONDS_MAX = 60
POLL_SECONDS = 0.05
GOAL_MS = 50

# Each "arm" sets one timer, for a moment that is the same for all.
BURST = {
    "name": "burst",
    "context": {"fired": 0},
    "root": {
        "id": "burst",
        "initial": ["waiting"],
        "states": [
            {
                "id": "waiting",
                "on": [
                    {
                        "event": "arm",
                        "actions": [
                            {
                                "send": {
                                    "event": "fire",
                                    "delayExpression": "event.data.at - event.time",
                                }
                            }
                        ],
                    },
                    {
                        "event": "fire",
                        "actions": [
                            {"assign": {"location": "context.fired", "value": "context.fired + 1"}},
                            {"emit": {"name": "fired"}},
                        ],
                    },
                ],
            }
        ],
    },
}


class Violation(AssertionError):
    """A promise was broken."""


class ClosedLoop(threading.Thread):
    """One call after the other."""

    def __init__(self, server):
        super().__init__(daemon=True, name="closed loop")
        self.calls = []  # (from when it counts, when it was answered), by time.time()
        self.error = None
        self._server = server
        self._stopping = threading.Event()

    def run(self):
        try:
            with self._server.new_channel() as channel:
                self.submit_all(orchestrator_pb2_grpc.OrchestratorStub(channel))
        except Exception as error:  # whatever it was, the run has failed
            self.error = error

    def submit_all(self, stub):
        for number in itertools.count():
            if self._stopping.is_set():
                return
            began = time.time()
            stub.Submit(_client_request(number))
            self.calls.append((began, time.time()))

    def stop(self):
        self._stopping.set()
        self.join(FIRED_SECONDS_MAX)
        if self.is_alive() or self.error is not None:
            raise Violation(f"the {self.name} failed: {self.error!r}")

    def waits_ms(self, begin, end):
        """How long the calls took that overlap this time."""
        return [1e3 * (b - a) for a, b in self.calls if b > begin and a < end]


class OpenLoop(ClosedLoop):
    """Requests on a stream, at fixed times."""

    def __init__(self, server):
        super().__init__(server)
        self.name = "open loop"

    def submit_all(self, stub):
        unanswered = collections.deque()
        began = time.time()

        def requests():
            for number in itertools.count():
                at = began + number / OPEN_LOOP_PER_SECOND
                time.sleep(max(0, at - time.time()))
                if self._stopping.is_set():
                    return
                unanswered.append(at)
                yield _client_request(number)

        for answer in stub.SubmitStream(requests()):
            if answer.HasField("status"):
                raise Violation(f"refused: {answer.status}")
            self.calls.append((unanswered.popleft(), time.time()))


def _client_request(number):
    return request(send(f"client-{number % CLIENT_INSTANCES}"))


def _arm(server, timers, at):
    for first in range(0, timers, ARMED_PER_PROPOSAL):
        last = min(timers, first + ARMED_PER_PROPOSAL)
        submit(
            server.orchestrator,
            *[send(f"burst-{each}", "arm", {"at": at}) for each in range(first, last)],
        )


def _await_no_timers(server):
    end = time.monotonic() + FIRED_SECONDS_MAX
    while server.metrics()["swoosh_timers"] > 0:
        if time.monotonic() > end:
            raise Violation(f"timers are left {FIRED_SECONDS_MAX} s after they were due")
        time.sleep(POLL_SECONDS)


def _seconds(hlc):
    return hlc.time.seconds + hlc.time.nanos / 1e9


def _measure(server, loop_class, timers):
    """One burst under one loop; returns the waits without and with it, and how long it took."""
    arm_seconds = ARM_SECONDS_BASE + ARM_SECONDS_PER_TIMER * timers
    at = time.time() + arm_seconds + WARM_UP_SECONDS + WINDOW_SECONDS
    _arm(server, timers, at)
    if time.time() > at - WARM_UP_SECONDS - WINDOW_SECONDS:
        raise Violation(f"{timers} timers were not set in {arm_seconds} s")
    armed_index = server.orchestrator.GetState(orchestrator_pb2.GetStateRequest()).index
    time.sleep(max(0, at - WARM_UP_SECONDS - WINDOW_SECONDS - time.time()))
    loop = loop_class(server)
    loop.start()
    time.sleep(at + WINDOW_SECONDS - time.time())
    _await_no_timers(server)
    loop.stop()

    fired = 0
    ended = at
    for record in all_records(server.orchestrator, from_index=armed_index + 1):
        if record.transitions[0].HasField("advance_time"):
            fired += sum(len(change.emitted) for change in record.changes)
            ended = _seconds(record.hlc)
    if fired != timers:
        raise Violation(f"{fired} of {timers} timers fired")
    without = loop.waits_ms(at - WINDOW_SECONDS, at)
    return without, loop.waits_ms(at, max(ended, at + WINDOW_SECONDS)), ended - at


def run(timers, rounds):
    """Lets `timers` timers fire at once, `rounds` times under each loop; returns the figures."""
    server = swoosh_server.Server()
    try:
        submit(
            server.orchestrator,
            register(BURST),
            register(COUNTER),
            *[create(f"client-{each}") for each in range(CLIENT_INSTANCES)],
        )
        for first in range(0, timers, ARMED_PER_PROPOSAL):
            last = min(timers, first + ARMED_PER_PROPOSAL)
            submit(
                server.orchestrator,
                *[create(f"burst-{each}", "burst") for each in range(first, last)],
            )
        figures = {"timers": timers, "rounds": rounds, "burst_seconds_max": 0.0}
        for name, loop_class in (("closed", ClosedLoop), ("open", OpenLoop)):
            measured = [_measure(server, loop_class, timers) for _ in range(rounds)]
            without, during, seconds = zip(*measured, strict=True)
            figures[f"{name}_max_ms"] = _longest(during)
            figures[f"{name}_max_without_ms"] = _longest(without)
            figures[f"{name}_max_ms_rounds"] = [_longest([each]) for each in during]
            figures[f"{name}_submits"] = sum(map(len, during))
            figures["burst_seconds_max"] = round(max(figures["burst_seconds_max"], *seconds), 3)
        loops = ("closed", "open")
        return figures | {
            "submit_max_ms": max(figures[f"{name}_max_ms"] for name in loops),
            "submit_max_without_ms": max(figures[f"{name}_max_without_ms"] for name in loops),
            "goal_ms": GOAL_MS,
            "met": all(
                figures[f"{name}_max_ms"] - figures[f"{name}_max_without_ms"] <= GOAL_MS
                for name in loops
            ),
        }
    finally:
        server.close()


def _longest(waits_ms):
    return round(max(itertools.chain.from_iterable(waits_ms)), 3)
