"""A server proves while it runs that its state is the log's, and serves no state that is not."""

import re
import unittest

import grpc
import swoosh_ctl
import swoosh_server
import test_main
from swoosh.v1 import admin_pb2, orchestrator_pb2
from swoosh_api import COUNTER, create, refusal_of, register, send, submit

EXIT_DATA_LOSS = 4
NEEDLE = "needle-in-the-state-of-a-server"
FORGED = "NEEDLE-IN-THE-STATE-OF-A-SERVER"


def forge_memory(pid):
    """Replaces NEEDLE wherever a process has it in its heap; returns how often. As a cosmic ray."""
    replaced = 0
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "r+b", 0) as memory:
        for line in maps:
            found = re.match(r"([0-9a-f]+)-([0-9a-f]+) rw-p \S+ \S+ 0( +\[heap\])?$", line.rstrip())
            if found is None:
                continue
            begin, end = int(found[1], 16), int(found[2], 16)
            try:
                memory.seek(begin)
                content = memory.read(end - begin)
            except OSError:
                continue
            for match in re.finditer(NEEDLE.encode(), content):
                memory.seek(begin + match.start())
                memory.write(FORGED.encode())
                replaced += 1
    return replaced


class OnlineVerifyTest(unittest.TestCase):
    def setUp(self):
        self.server = swoosh_server.Server()
        self.addCleanup(self.server.close)
        self.stub = self.server.orchestrator
        submit(self.stub, register(COUNTER), create("a"), create("b"))
        # In the middle: LevelDB keeps the first and the last block of the log in memory.
        for number in range(200):
            submit(self.stub, send("a", data={"by": f"somebody-{number}"}))
            if number == 100:
                submit(self.stub, send("b", data={"by": NEEDLE}))

    def verify(self):
        return self.server.admin.Verify(admin_pb2.VerifyRequest(), timeout=60)

    def test_a_state_that_is_the_logs_is_proven_and_told(self):
        state = self.stub.GetState(orchestrator_pb2.GetStateRequest())
        done = swoosh_ctl.run(self.server, "verify")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(state.state_hash.hex(), done.stdout)
        status = self.server.admin.GetStatus(admin_pb2.GetStatusRequest())
        self.assertEqual(status.verified_index, 202)
        self.assertIn("at index 202", swoosh_ctl.run(self.server, "status").stdout)
        metrics = self.server.metrics()
        self.assertEqual(metrics['swoosh_verify_runs_total{result="ok"}'], 1)
        self.assertEqual(metrics["swoosh_verified_index"], 202)
        self.assertEqual(metrics["swoosh_verify_duration_seconds_count"], 1)

    def test_clients_write_meanwhile(self):
        call = self.server.admin.Verify.future(admin_pb2.VerifyRequest(), timeout=60)
        while not call.done():
            submit(self.stub, send("a"))
        self.assertGreaterEqual(call.result().index, 202)

    def test_a_state_that_is_not_the_logs_is_not_served_any_more(self):
        # The log's own copies go to disk, so that what is forged is the state alone.
        self.server.terminate()
        self.server.start()
        with_needle = self.stub.GetInstance(orchestrator_pb2.GetInstanceRequest(instance_id="b"))
        self.assertEqual(with_needle.context["last"], NEEDLE)
        watch = self.stub.Watch(orchestrator_pb2.WatchRequest(instance_ids=["b"]))
        next(watch)
        try:
            replaced = forge_memory(self.server.pid)
        except PermissionError as error:
            self.skipTest(f"another process' memory can't be written: {error}")
        self.assertGreater(replaced, 0)

        refused = refusal_of(self.verify)
        damaged = (grpc.StatusCode.DATA_LOSS, "DATA_DAMAGED")
        self.assertEqual((refused.code, refused.reason), damaged, refused)
        self.assertIn("record 202", refused.message)
        self.assertIn("key", refused.message)
        asked = orchestrator_pb2.GetInstanceRequest(instance_id="b")
        self.assertEqual(refusal_of(self.stub.GetInstance, asked).code, grpc.StatusCode.DATA_LOSS)
        self.assertEqual(refusal_of(submit, self.stub, send("a")).code, grpc.StatusCode.DATA_LOSS)
        self.assertEqual(refusal_of(lambda: list(watch)).code, grpc.StatusCode.DATA_LOSS)
        self.assertNotEqual(self.server.http("/readyz")[0], 200)
        self.assertEqual(self.server.wait_for_exit(), EXIT_DATA_LOSS)
        log = self.server.log_path.read_text()
        self.assertRegex(log, "verify_mismatch .*record 202")
        # What is on disk was right all along, and no snapshot was made of what was not.
        self.server.start()
        self.assertEqual(self.server.index, 202)
        instance = self.stub.GetInstance(asked)
        self.assertEqual(instance.context["last"], NEEDLE)


if __name__ == "__main__":
    test_main.run()
