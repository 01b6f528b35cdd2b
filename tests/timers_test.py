"""Timers of a real server: each fires once through kills, at its own time, and in order."""

import json
import time
import unittest

import grpc
import swoosh_server
import test_main
import timer_burst
import timer_workload
from google.protobuf import timestamp_pb2
from swoosh.v1 import admin_pb2, orchestrator_pb2
from swoosh_api import all_records, create, refusal_of, register, send, submit

TIMERS = 2000
KILLS = 5
BURST_TIMERS = 1000
FIRED_SECONDS_MAX = 30

# Two deadlines one after the other, an event sent back without delay, and an end.
JOB = {
    "name": "job",
    "context": {"wait_s": 0},
    "retention": "60s",
    "root": {
        "id": "job",
        "initial": ["waiting"],
        "states": [
            {
                "id": "waiting",
                "after": [{"delayExpression": "context.wait_s", "target": ["late"]}],
                "on": [
                    {"event": "done", "target": ["done"]},
                    {"event": "break", "target": ["fragile"]},
                ],
            },
            {"id": "late", "after": [{"delay": "10s", "target": ["later"]}]},
            {"id": "later", "on": [{"event": "done", "target": ["done"]}]},
            {
                "id": "fragile",
                "after": [
                    {
                        "id": "failing",
                        "delay": "1s",
                        "actions": [{"assign": {"location": "context.no.such", "value": "1"}}],
                    }
                ],
            },
            {"id": "done", "type": "FINAL"},
        ],
    },
}


def seconds_of(time_message):
    return time_message.seconds + time_message.nanos / 1e9


def at(seconds):
    whole = int(seconds)
    return timestamp_pb2.Timestamp(seconds=whole, nanos=round((seconds - whole) * 1e9))


class TimersTest(unittest.TestCase):
    def server(self, *flags):
        server = swoosh_server.Server(*flags)
        self.addCleanup(server.close)
        submit(server.orchestrator, register(JOB))
        return server

    def get(self, server, instance_id):
        return server.orchestrator.GetInstance(
            orchestrator_pb2.GetInstanceRequest(
                instance_id=instance_id, view=orchestrator_pb2.VIEW_FULL
            )
        )

    def await_state(self, server, instance_id, state):
        end = time.monotonic() + FIRED_SECONDS_MAX
        while self.get(server, instance_id).configuration[-1] != state:
            self.assertLess(time.monotonic(), end, f"{instance_id} does not come to be {state}")
            time.sleep(0.01)

    def advance(self, server, seconds):
        return server.admin.AdvanceClock(admin_pb2.AdvanceClockRequest(to=at(seconds)))

    def fired(self, server):
        """(record's time, instance, state or "deleted") of what time alone has changed."""
        return [
            (
                round(seconds_of(record.hlc.time), 3),
                change.instance_id,
                "deleted" if change.deleted else change.configuration[-1],
            )
            for record in all_records(server.orchestrator)
            if record.transitions[0].HasField("advance_time")
            for change in record.changes
        ]

    def test_each_timer_fires_once_through_kills_and_none_that_was_taken_back(self):
        counts = timer_workload.run(TIMERS, KILLS, SEED)
        print(json.dumps(counts), flush=True)
        self.assertEqual((counts["timers"], counts["lost"], counts["twice"]), (TIMERS, 0, 0))
        self.assertGreater(counts["lateness_metric_count"], 0)

    def test_a_burst_is_fired_whole_while_clients_submit(self):
        figures = timer_burst.run(BURST_TIMERS, 1)
        print(json.dumps(figures), flush=True)
        self.assertGreater(figures["closed_submits"], 0)
        self.assertGreater(figures["open_submits"], 0)

    def test_the_manual_clock_fires_each_timer_at_its_own_time_also_after_a_kill(self):
        server = self.server("--clock=manual")
        answer = submit(
            server.orchestrator,
            create("a", "job", context={"wait_s": 30}),
            create("b", "job", context={"wait_s": 5}),
        )
        start = seconds_of(answer.hlc.time)
        (timer,) = self.get(server, "b").timers
        self.assertEqual((timer.id, timer.event), ("waiting/after/0", "after.waiting"))
        self.assertAlmostEqual(seconds_of(timer.due), start + 5, places=5)
        self.advance(server, start + 20)
        server.kill()
        server.start()
        time.sleep(1.5)  # the wall clock's time is none of its business
        self.assertEqual(len(self.fired(server)), 2)
        self.advance(server, start + 40)
        expected = [(5, "b", "late"), (15, "b", "later"), (30, "a", "late"), (40, "a", "later")]
        self.assertEqual(
            [(round(when - start, 3), *what) for when, *what in self.fired(server)], expected
        )
        refusal = refusal_of(self.advance, server, start + 39)
        self.assertEqual(refusal.code, grpc.StatusCode.INVALID_ARGUMENT)
        state = server.orchestrator.GetState(orchestrator_pb2.GetStateRequest())
        server.kill()
        self.assertEqual(server.verify(), (state.index, state.state_hash.hex()))

    def test_what_is_overdue_after_a_downtime_fires_at_once_in_order_of_its_deadlines(self):
        server = self.server()
        for number, wait_s in enumerate((0.9, 0.6, 0.3)):
            submit(server.orchestrator, create(f"i{number}", "job", context={"wait_s": wait_s}))
        server.kill()
        time.sleep(1.5)
        server.start()
        self.await_state(server, "i0", "late")
        self.assertEqual([instance for _, instance, _ in self.fired(server)], ["i2", "i1", "i0"])
        samples = server.metrics()
        self.assertEqual(samples["swoosh_timer_lateness_seconds_count"], 3)
        self.assertGreater(samples["swoosh_timer_lateness_seconds_sum"], 3 * 0.5)
        self.assertEqual(samples["swoosh_timers"], 3)  # those of `late`

    def test_a_timer_whose_step_fails_faults_its_instance_and_no_other(self):
        server = self.server("--clock=manual")
        answer = submit(
            server.orchestrator,
            create("bad", "job", context={"wait_s": 90}),
            create("good", "job", context={"wait_s": 1}),
            send("bad", "break"),
        )
        self.advance(server, seconds_of(answer.hlc.time) + 2)
        bad = self.get(server, "bad")
        self.assertEqual(bad.Status.Name(bad.status), "FAULTED")
        self.assertIn("context.no: is not there", bad.fault.message)
        self.assertEqual((bad.configuration[-1], len(bad.timers)), ("fragile", 0))
        self.assertEqual(self.get(server, "good").configuration[-1], "late")
        refusal = refusal_of(submit, server.orchestrator, send("bad", "done"))
        self.assertEqual(refusal.reason, "INSTANCE_NOT_RUNNING")

    def test_what_is_done_is_deleted_when_its_retention_has_passed(self):
        server = self.server("--clock=manual")
        answer = submit(
            server.orchestrator, create("a", "job", context={"wait_s": 1}), send("a", "done")
        )
        start = seconds_of(answer.hlc.time)
        self.advance(server, start + 59)
        self.assertEqual([timer.id for timer in self.get(server, "a").timers], ["retention"])
        self.advance(server, start + 60)
        refusal = refusal_of(self.get, server, "a")
        self.assertEqual(refusal.code, grpc.StatusCode.NOT_FOUND)
        self.assertEqual(
            [(round(when - start, 3), *what) for when, *what in self.fired(server)],
            [(60, "a", "deleted")],
        )
        submit(server.orchestrator, create("a", "job", context={"wait_s": 1}))


if __name__ == "__main__":
    SEED = test_main.seed_from_flag()
    test_main.run()
