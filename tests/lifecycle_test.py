"""How a server starts, stops and refuses to start."""

import concurrent.futures
import itertools
import resource
import subprocess
import time
import unittest

import grpc
import swoosh_server
import test_main
from swoosh.v1 import admin_pb2, orchestrator_pb2
from swoosh_api import (
    CALL_SECONDS_MAX,
    COUNTER,
    Refusal,
    create,
    refusal_of,
    register,
    send,
    submit,
)

# As server/exit_codes.h has them.
EXIT_USAGE = 2
EXIT_FENCED = 5
# As storage/recovery_table.h has them.
EXIT_IN_USE = 20
EXIT_LOG_DAMAGED = 45
SUBMITTERS = 8
SERVING = b"\x08\x01"  # grpc.health.v1.HealthCheckResponse


def run_swooshd(*arguments):
    return subprocess.run(
        swoosh_server.bound_to_us([swoosh_server.SWOOSHD, *arguments]),
        capture_output=True,
        text=True,
        timeout=swoosh_server.START_SECONDS_MAX,
    )


class LifecycleTest(unittest.TestCase):
    def setUp(self):
        self.server = swoosh_server.Server()
        self.addCleanup(self.server.close)
        self.stub = self.server.orchestrator
        submit(self.stub, register(COUNTER), create("a"))
        for _ in range(50):
            submit(self.stub, send("a"))

    def serve_again(self):
        """What a second swooshd on the same store says, which is expected to end by itself."""
        free = "127.0.0.1:0"
        return run_swooshd("--data_dir", self.server.data_dir, "--listen", free, "--http", free)

    def count(self):
        asked = orchestrator_pb2.GetInstanceRequest(instance_id="a")
        return self.stub.GetInstance(asked, timeout=CALL_SECONDS_MAX).context["count"]

    def state(self):
        state = self.stub.GetState(orchestrator_pb2.GetStateRequest())
        return state.index, state.state_hash.hex()

    def test_the_serving_line_tells_index_and_hash_of_the_state(self):
        self.assertEqual(self.server.index, 0)
        served = self.state()
        self.server.kill()
        self.server.start()
        self.assertEqual((self.server.index, self.server.state_hash), served)
        self.assertEqual(self.state(), served)

    def test_sigterm_waits_for_no_client_that_is_only_connected(self):
        # Python's clients read nothing, and so hear nothing, while they have no call.
        with self.server.new_channel() as channel:
            grpc.channel_ready_future(channel).result(timeout=30)
            submit(swoosh_server.orchestrator_pb2_grpc.OrchestratorStub(channel), send("a"))
            self.assertEqual(self.server.terminate(), 0)
        self.assertNotIn("calls_cut_off", self.server.log_tail())

    def test_sigterm_ends_watches_and_leaves_a_snapshot_and_exit_code_0(self):
        served = self.state()
        watch = self.stub.Watch(orchestrator_pb2.WatchRequest(from_index=1))
        next(watch)
        self.assertEqual(self.server.terminate(), 0)
        with self.assertRaises(grpc.RpcError) as raised:
            list(watch)
        self.assertEqual(raised.exception.code(), grpc.StatusCode.UNAVAILABLE)
        self.assertEqual(self.server.verify(), served)
        self.server.start()
        self.assertEqual((self.server.index, self.server.state_hash), served)
        self.assertEqual(self.server.metrics()["swoosh_replay_records"], 0)
        status = self.server.admin.GetStatus(admin_pb2.GetStatusRequest())
        self.assertEqual(status.last_snapshot_index, served[0])

    def test_sigterm_under_load_keeps_what_was_acknowledged_and_applies_nothing_refused(self):
        with concurrent.futures.ThreadPoolExecutor(SUBMITTERS) as pool:
            submitters = [pool.submit(self.submit_until_refused) for _ in range(SUBMITTERS)]
            time.sleep(0.3)
            self.assertEqual(self.server.terminate(), 0)
            acknowledged = sum(each.result() for each in submitters)
        self.assertGreater(acknowledged, SUBMITTERS)
        self.assertEqual(self.server.verify()[0], 51 + acknowledged)
        self.server.start()
        self.assertEqual(self.count(), 50 + acknowledged)

    def submit_until_refused(self):
        """How many events were acknowledged before the server went."""
        for acknowledged in itertools.count():
            try:
                submit(self.stub, send("a"))
            except grpc.RpcError as error:
                # gRPC itself cancels what comes in while it ends.
                self.assertIn(error.code().name, ("UNAVAILABLE", "CANCELLED"))
                return acknowledged

    def test_the_first_failed_write_ends_the_writing_and_the_process(self):
        """The log's file may not grow any more: as on a full disk, but for this process alone."""
        (log,) = (self.server.data_dir / "wal").rglob("*.log")
        limit = log.stat().st_size + 4096
        resource.prlimit(self.server.pid, resource.RLIMIT_FSIZE, (limit, limit))
        acknowledged = 0
        refusal = None
        while refusal is None and acknowledged < 1000:
            try:
                submit(self.stub, send("a"), request_id=f"{acknowledged}")
                acknowledged += 1
            except grpc.RpcError as error:
                refusal = Refusal.of_error(error)
        self.assertEqual((refusal.code.name, refusal.reason), ("UNAVAILABLE", "OUTCOME_UNKNOWN"))
        refusal = refusal_of(submit, self.stub, send("a"))
        self.assertEqual((refusal.code.name, refusal.reason), ("UNAVAILABLE", "FENCED"))
        self.assertEqual(self.count(), 50 + acknowledged)
        self.assertEqual(self.server.http("/readyz")[0], 503)
        self.assertEqual(self.server.metrics()["swoosh_fenced"], 1)
        self.assertTrue(self.server.admin.GetStatus(admin_pb2.GetStatusRequest()).fenced)
        self.assertEqual(self.server.wait_for_exit(), EXIT_FENCED)
        self.server.start()
        # Whatever became of the one whose outcome was unknown: sent again, it is applied once.
        submit(self.stub, send("a"), request_id=f"{acknowledged}")
        self.assertEqual(self.count(), 50 + acknowledged + 1)

    def test_a_second_server_on_the_store_is_refused_and_the_first_goes_on(self):
        second = self.serve_again()
        self.assertEqual(second.returncode, EXIT_IN_USE, second.stderr)
        self.assertEqual(second.stdout, "")
        self.assertIn(str(self.server.data_dir), second.stderr)
        submit(self.stub, send("a"))

    def test_a_damaged_store_is_refused_and_nothing_is_served(self):
        self.server.kill()
        (log,) = (self.server.data_dir / "wal").rglob("*.log")
        content = bytearray(log.read_bytes())
        content[len(content) // 2] ^= 0x40
        log.write_bytes(content)
        refused = self.serve_again()
        self.assertEqual(refused.returncode, EXIT_LOG_DAMAGED, refused.stderr)
        self.assertEqual(refused.stdout, "")
        verified = run_swooshd("verify", "--data_dir", self.server.data_dir)
        self.assertEqual(verified.returncode, EXIT_LOG_DAMAGED)

    def test_flags_that_are_wrong_are_a_usage_error_that_names_them(self):
        for arguments, named in (
            (["--listen", "0.0.0.0:0"], "--insecure"),
            (["--listen", "nowhere"], "--listen"),
            (["--no_such_flag"], "no_such_flag"),
        ):
            with self.subTest(arguments):
                done = run_swooshd(*arguments)
                self.assertEqual(done.returncode, EXIT_USAGE)
                self.assertIn(named, done.stderr)

    def test_health_and_reflection_are_served(self):
        check = self.server.channel.unary_unary("/grpc.health.v1.Health/Check")
        self.assertEqual(check(b"", timeout=CALL_SECONDS_MAX), SERVING)
        reflection = self.server.channel.stream_stream(
            "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
        )
        list_services = b"\x3a\x01*"
        (answer,) = reflection(iter([list_services]), timeout=CALL_SECONDS_MAX)
        for service in (b"swoosh.v1.Orchestrator", b"swoosh.v1.Admin", b"grpc.health.v1.Health"):
            self.assertIn(service, answer)

    def test_time_stands_still_with_a_manual_clock_until_it_is_moved(self):
        refusal = refusal_of(self.server.admin.AdvanceClock, admin_pb2.AdvanceClockRequest())
        self.assertEqual(refusal.reason, "CLOCK_NOT_MANUAL")
        server = swoosh_server.Server("--clock=manual")
        self.addCleanup(server.close)
        stub = server.orchestrator
        first = submit(stub, register(COUNTER)).hlc
        second = submit(stub, create("a")).hlc
        self.assertEqual(second.time, first.time)
        self.assertGreater(second.counter, first.counter)
        later = admin_pb2.AdvanceClockRequest()
        later.to.FromSeconds(first.time.seconds + 3600)
        server.admin.AdvanceClock(later)
        self.assertEqual(submit(stub, send("a")).hlc.time, later.to)


if __name__ == "__main__":
    test_main.run()
