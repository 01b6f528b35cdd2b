"""Timers by the thousand through kill -9 after kill -9: each fires once, and none before its time.

A creator makes instances whose timers are due within seconds, while the server is killed again and
again. What became of each timer is read from the records, which also tell how late it was.
"""

import bisect
import dataclasses
import random
import re
import threading
import time

import grpc
import swoosh_server
from swoosh.v1 import orchestrator_pb2, orchestrator_pb2_grpc
from swoosh_api import all_instances, all_records, create, register, request, submit

SENDS = 9  # delayed events of an instance
TIMERS_PER_INSTANCE = SENDS + 1  # and an `after` edge
INSTANCES_PER_PROPOSAL = 5
DELAY_MS_MAX = 2000
# Due so soon after the first delayed event, which takes it back, that a kill makes both overdue.
TAKEN_BACK_LATER_MS = 1
SNAPSHOT_EVERY_RECORDS = 2000
UP_SECONDS = (0.05, 0.5)
ANSWER_SECONDS_MAX = 60
FIRED_SECONDS_MAX = 120
POLL_SECONDS = 0.1
MICROS = 1_000_000
BROKEN = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)
BUCKET = re.compile(r'swoosh_timer_lateness_seconds_bucket\{le="([^"]+)"\}')


def _rang(number):
    return [
        {"emit": {"name": "rang", "data": number}},
        {"assign": {"location": "context.rung", "value": "context.rung + 1"}},
    ]


# Every timer emits its number when it fires. One more is always taken back by the first.
ALARMS = {
    "name": "alarms",
    "context": {"after_s": 0, "send_s": [], "taken_back_s": 0, "rung": 0},
    "root": {
        "id": "alarms",
        "initial": ["armed"],
        "states": [
            {
                "id": "armed",
                "entry": [
                    {
                        "send": {
                            "event": "ring",
                            "data": str(number),
                            "delayExpression": f"context.send_s[{number}]",
                        }
                    }
                    for number in range(SENDS)
                ]
                + [
                    {
                        "send": {
                            "id": "taken_back",
                            "event": "wrong",
                            "delayExpression": "context.taken_back_s",
                        }
                    }
                ],
                "on": [
                    {
                        "event": "ring",
                        "actions": [*_rang("event.data"), {"cancel": {"id": "taken_back"}}],
                    },
                    {"event": "wrong", "actions": [{"emit": {"name": "wrong"}}]},
                ],
                "after": [{"delayExpression": "context.after_s", "actions": _rang(str(SENDS))}],
            }
        ],
    },
}


class Violation(AssertionError):
    """A promise was broken."""


def _new_instance(number, dice):
    delays_ms = [dice.randrange(DELAY_MS_MAX) for _ in range(TIMERS_PER_INSTANCE)]
    taken_back_ms = min(delays_ms[:SENDS]) + TAKEN_BACK_LATER_MS
    return create(
        f"alarm-{number}",
        "alarms",
        context={
            "send_s": [each / 1000 for each in delays_ms[:SENDS]],
            "after_s": delays_ms[SENDS] / 1000,
            "taken_back_s": taken_back_ms / 1000,
        },
    )


class Creator(threading.Thread):
    """Creates instances as far as it is allowed to, each proposal until it is answered."""

    def __init__(self, server, count, seed):
        super().__init__(daemon=True, name="creator")
        self.error = None
        self._server = server
        self._count = count
        self._dice = random.Random(f"{seed}/creator")
        self._allowed = 0
        self._changed = threading.Condition()

    def allow(self, count):
        with self._changed:
            self._allowed = count
            self._changed.notify()

    def run(self):
        try:
            with self._server.new_channel() as channel:
                stub = orchestrator_pb2_grpc.OrchestratorStub(channel)
                for first in range(0, self._count, INSTANCES_PER_PROPOSAL):
                    with self._changed:
                        self._changed.wait_for(lambda first=first: first < self._allowed)
                    last = min(self._count, first + INSTANCES_PER_PROPOSAL)
                    _submit_until_answered(
                        stub,
                        request(
                            *[_new_instance(number, self._dice) for number in range(first, last)],
                            request_id=f"create/{first}",
                        ),
                    )
        except Exception as error:  # whatever it was, the run has failed
            self.error = error


def _submit_until_answered(stub, asked):
    while True:
        try:
            return stub.Submit(asked, wait_for_ready=True, timeout=ANSWER_SECONDS_MAX)
        except grpc.RpcError as error:
            if error.code() not in BROKEN:
                raise


class LatenessMetric:
    """swoosh_timer_lateness_seconds, summed over the processes that each counted from 0."""

    def __init__(self):
        self._buckets = {}  # upper bound -> how many were not later

    def add(self, metrics):
        """Adds what a process counted, as read last before its end."""
        for name, count in metrics.items():
            match = BUCKET.fullmatch(name)
            if match is not None:
                bound = float(match[1])
                self._buckets[bound] = self._buckets.get(bound, 0) + count

    def count(self):
        return int(self._buckets.get(float("inf"), 0))

    def quantile(self, part):
        """As Prometheus' histogram_quantile: between the bounds of its bucket, in proportion."""
        wanted = part * self.count()
        lower, below = 0.0, 0
        for bound, count in sorted(self._buckets.items()):
            if count >= wanted and count > below:
                if bound == float("inf"):
                    return lower
                return lower + (bound - lower) * (wanted - below) / (count - below)
            lower, below = bound, count
        return lower


@dataclasses.dataclass
class Fired:
    """What the records tell of the timers."""

    timers: int = 0
    lost: int = 0
    twice: int = 0
    early: int = 0
    wrong: int = 0  # were taken back, and came all the same
    late_us: list = dataclasses.field(default_factory=list)  # (due, how late), each timer


def _micros(time_message):
    return time_message.seconds * MICROS + time_message.nanos // 1000


def read_fired(records):
    """Counts how often each timer fired, from the creations and what was emitted."""
    due_us = {}  # (instance, number) -> when it is due
    fired_us = {}  # (instance, number) -> when it fired, each time
    found = Fired()
    for record in records:
        now_us = _micros(record.hlc.time)
        for transition in record.transitions:
            if transition.HasField("create_instance"):
                instance_id = transition.create_instance.instance_id
                context = transition.create_instance.context
                for number, delay_s in enumerate([*context["send_s"], context["after_s"]]):
                    due_us[instance_id, number] = now_us + round(delay_s * MICROS)
        for change in record.changes:
            for emitted in change.emitted:
                if emitted.name == "rang":
                    key = change.instance_id, int(emitted.data.number_value)
                    fired_us.setdefault(key, []).append(now_us)
                else:
                    found.wrong += 1
    found.timers = len(due_us)
    for key, due in due_us.items():
        times = fired_us.pop(key, [])
        found.lost += not times
        found.twice += len(times) > 1
        if times:
            # A delay in seconds is rounded down to microseconds.
            found.early += times[0] < due - 1
            found.late_us.append((due, max(0, times[0] - due)))
    found.wrong += len(fired_us)
    return found


def quantile(values, part):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))] if ordered else 0


def _while_up(late_us, ups_us):
    """How late those were that were due and fired while the same process served."""
    begins = [begin for begin, _ in ups_us]
    chosen = []
    for due, late in late_us:
        place = bisect.bisect_right(begins, due) - 1
        if place >= 0 and due + late < ups_us[place][1]:
            chosen.append(late)
    return chosen


def _await_no_timers(server):
    end = time.monotonic() + FIRED_SECONDS_MAX
    while server.metrics()["swoosh_timers"] > 0:
        if time.monotonic() > end:
            raise Violation(f"timers are left {FIRED_SECONDS_MAX} s after the last was set")
        time.sleep(POLL_SECONDS)


def run(timers, kills, seed):
    """Kills the server `kills` times while `timers` timers are set and fire; returns counts.

    Raises Violation where one is lost, fires twice, too early or after it was taken back, and where
    `swooshd verify` disagrees with what was served.
    """
    began = time.monotonic()
    dice = random.Random(seed)
    count = timers // TIMERS_PER_INSTANCE
    server = swoosh_server.Server(f"--snapshot_every_records={SNAPSHOT_EVERY_RECORDS}")
    metric = LatenessMetric()
    slowest_start_seconds = 0.0
    ups_us = [[time.time_ns() // 1000, 0]]  # from when to when a process served
    try:
        submit(server.orchestrator, register(ALARMS), request_id="register")
        creator = Creator(server, count, seed)
        creator.start()
        for kill in range(kills):
            creator.allow((kill + 1) * count // kills)
            time.sleep(dice.uniform(*UP_SECONDS))
            metric.add(server.metrics())
            ups_us[-1][1] = time.time_ns() // 1000
            server.kill()
            server.start()
            slowest_start_seconds = max(slowest_start_seconds, server.start_seconds)
            ups_us.append([time.time_ns() // 1000, 0])
            if creator.error is not None:
                raise Violation(f"kill {kill}: {creator.error!r}")
        creator.join(ANSWER_SECONDS_MAX)
        if creator.is_alive() or creator.error is not None:
            raise Violation(f"the creator did not come to its end: {creator.error!r}")
        _await_no_timers(server)
        metric.add(server.metrics())
        ups_us[-1][1] = time.time_ns() // 1000
        found = _check(server, count)
        return {
            "timers": found.timers,
            "kills": kills,
            "lost": found.lost,
            "twice": found.twice,
            "wrong": found.wrong,
            "violations": found.lost + found.twice + found.early + found.wrong,
            "lateness_p99_s": quantile([late for _, late in found.late_us], 0.99) / MICROS,
            "lateness_while_up_p99_s": quantile(_while_up(found.late_us, ups_us), 0.99) / MICROS,
            "lateness_metric_p99_s": round(metric.quantile(0.99), 6),
            "lateness_metric_count": metric.count(),
            "slowest_start_seconds": round(slowest_start_seconds, 3),
            "records": server.orchestrator.GetState(orchestrator_pb2.GetStateRequest()).index,
            "seed": seed,
            "seconds": round(time.monotonic() - began, 1),
        }
    finally:
        server.close()


def _check(server, count):
    found = read_fired(all_records(server.orchestrator))
    if found.timers != count * TIMERS_PER_INSTANCE:
        raise Violation(f"{found.timers} timers, not {count * TIMERS_PER_INSTANCE}")
    if found.lost or found.twice or found.early or found.wrong:
        found.late_us.clear()
        raise Violation(f"not each timer fired once, when it was due: {found}")
    instances = 0
    for instance in all_instances(server.orchestrator, view=orchestrator_pb2.VIEW_FULL):
        instances += 1
        if instance.context["rung"] != TIMERS_PER_INSTANCE or instance.timers:
            raise Violation(f"not all of its timers fired: {instance}")
    if instances != count:
        raise Violation(f"{instances} instances, not {count}")
    state = server.orchestrator.GetState(orchestrator_pb2.GetStateRequest())
    server.kill()
    verified = server.verify()
    if verified != (state.index, state.state_hash.hex()):
        raise Violation(f"verify proves {verified}, served was {state}")
    server.start()
    return found
