"""What Prometheus scrapes: every metric of the design, well-formed, and moving."""

import subprocess
import unittest

import swoosh_server
import test_main
from swoosh.v1 import admin_pb2, orchestrator_pb2
from swoosh_api import COUNTER, create, refusal_of, register, send, submit

PROMTOOL = "/usr/bin/promtool"
METRICS = {
    "swoosh_wal_fsync_duration_seconds": "histogram",
    "swoosh_wal_append_duration_seconds": "histogram",
    "swoosh_wal_group_records": "histogram",
    "swoosh_replay_duration_seconds": "gauge",
    "swoosh_replay_records": "gauge",
    "swoosh_snapshot_duration_seconds": "histogram",
    "swoosh_snapshot_size_bytes": "gauge",
    "swoosh_snapshot_failures_total": "counter",
    "swoosh_last_snapshot_index": "gauge",
    "swoosh_commit_index": "gauge",
    "swoosh_proposals_total": "counter",
    "swoosh_reduce_duration_seconds": "histogram",
    "swoosh_queue_depth": "gauge",
    "swoosh_watchers": "gauge",
    "swoosh_watch_lag_records": "gauge",
    "swoosh_instances": "gauge",
    "swoosh_state_memory_bytes": "gauge",
    "swoosh_timers": "gauge",
    "swoosh_timer_lateness_seconds": "histogram",
    "swoosh_guard_calls_total": "counter",
    "swoosh_guard_call_duration_seconds": "histogram",
    "swoosh_wal_size_bytes": "gauge",
    "swoosh_disk_free_bytes": "gauge",
    "swoosh_disk_nearly_full": "gauge",
    "swoosh_disk_reserve_bytes": "gauge",
    "swoosh_fenced": "gauge",
    "swoosh_verify_runs_total": "counter",
    "swoosh_verify_duration_seconds": "histogram",
    "swoosh_verified_index": "gauge",
    "swoosh_verified_timestamp_seconds": "gauge",
    "swoosh_access_reloads_total": "counter",
    "swoosh_access_last_reload_successful": "gauge",
    "swoosh_certificate_reloads_total": "counter",
    "swoosh_certificate_last_reload_successful": "gauge",
    "swoosh_certificate_expiry_timestamp_seconds": "gauge",
    "swoosh_connections": "gauge",
    "swoosh_connections_refused_total": "counter",
    "swoosh_connections_cut_total": "counter",
    "swoosh_backup_failures_total": "counter",
    "swoosh_last_backup_timestamp_seconds": "gauge",
    "grpc_server_handled_total": "counter",
    "grpc_server_handling_seconds": "histogram",
    "swoosh_build_info": "gauge",
    "swoosh_clock_held_seconds": "gauge",
    "process_cpu_seconds_total": "counter",
    "process_resident_memory_bytes": "gauge",
    "process_virtual_memory_bytes": "gauge",
    "process_start_time_seconds": "gauge",
    "process_open_fds": "gauge",
    "process_max_fds": "gauge",
}


class MetricsTest(unittest.TestCase):
    def setUp(self):
        self.server = swoosh_server.Server()
        self.addCleanup(self.server.close)
        self.stub = self.server.orchestrator
        submit(self.stub, register(COUNTER), create("a"))

    def proposals(self, result):
        return self.server.metrics()[f'swoosh_proposals_total{{result="{result}"}}']

    def test_promtool_finds_nothing_to_say(self):
        _, text = self.server.http("/metrics")
        checked = subprocess.run(
            [PROMTOOL, "check", "metrics"], input=text, capture_output=True, text=True, timeout=30
        )
        self.assertEqual((checked.returncode, checked.stdout + checked.stderr), (0, ""))

    def test_every_metric_is_there_with_its_type(self):
        _, text = self.server.http("/metrics")
        lines = [line.split() for line in text.splitlines() if line.startswith("# TYPE ")]
        types = {name: kind for _, _, name, kind in lines}
        self.assertEqual({name: types.get(name) for name in METRICS}, METRICS)

    def test_the_latency_of_a_sync_is_measured_and_moves(self):
        before = self.server.metrics()
        for _ in range(20):
            submit(self.stub, send("a"))
        after = self.server.metrics()
        count = "swoosh_wal_fsync_duration_seconds_count"
        total = "swoosh_wal_fsync_duration_seconds_sum"
        self.assertGreaterEqual(after[count], before[count] + 20)
        self.assertGreater(after[total], before[total])
        bounds = [name for name in after if "swoosh_wal_fsync_duration_seconds_bucket" in name]
        self.assertEqual(len(bounds), 19)  # 62.5 us doubling to 8.192 s, and infinity
        self.assertIn('swoosh_wal_fsync_duration_seconds_bucket{le="6.25e-05"}', bounds)

    def test_the_time_of_a_replay_is_measured_and_moves(self):
        for _ in range(300):
            submit(self.stub, send("a"))
        self.assertEqual(self.server.metrics()["swoosh_replay_records"], 0)
        self.server.kill()
        self.server.start()
        metrics = self.server.metrics()
        self.assertEqual(metrics["swoosh_replay_records"], 301)
        self.assertGreater(metrics["swoosh_replay_duration_seconds"], 0)
        self.assertLess(metrics["swoosh_replay_duration_seconds"], self.server.start_seconds)

    def test_gauges_follow_the_state(self):
        submit(self.stub, create("b"), create("c"))
        taken = self.server.admin.TakeSnapshot(admin_pb2.TakeSnapshotRequest())
        watch = self.stub.Watch(orchestrator_pb2.WatchRequest(from_index=1))
        next(watch)
        metrics = self.server.metrics()
        self.assertEqual(metrics["swoosh_commit_index"], 2)
        self.assertEqual(metrics["swoosh_instances"], 3)
        self.assertEqual(metrics["swoosh_last_snapshot_index"], taken.index)
        self.assertEqual(metrics["swoosh_snapshot_duration_seconds_count"], 1)
        self.assertGreater(metrics["swoosh_snapshot_size_bytes"], 0)
        self.assertGreater(metrics["swoosh_wal_size_bytes"], 0)
        self.assertGreater(metrics["swoosh_disk_free_bytes"], 0)
        self.assertEqual(metrics["swoosh_watchers"], 1)
        self.assertEqual(metrics["swoosh_fenced"], 0)
        watch.cancel()

    def test_proposals_and_calls_are_counted_by_what_became_of_them(self):
        before = {name: self.proposals(name) for name in ("accepted", "duplicate", "refused")}
        submit(self.stub, send("a"), request_id="r")
        submit(self.stub, send("a"), request_id="r")
        refusal_of(submit, self.stub, send("nobody"))
        after = {name: self.proposals(name) for name in before}
        self.assertEqual(after, {name: count + 1 for name, count in before.items()})
        handled = [
            (name, number)
            for name, number in self.server.metrics().items()
            if name.startswith("grpc_server_handled_total{")
            and 'grpc_method="Submit"' in name
            and number
        ]
        self.assertEqual(
            sorted(number for _, number in handled), [1, 3], handled
        )  # one NotFound; registration and two sent events

    def test_health_and_readiness_answer_over_http(self):
        self.assertEqual(self.server.http("/healthz")[0], 200)
        self.assertEqual(self.server.http("/readyz")[0], 200)
        self.assertEqual(self.server.http("/nothing")[0], 404)


if __name__ == "__main__":
    test_main.run()
