"""A damaged store: refused by name, its evidence kept, repaired by an operator."""

import os
import pty
import re
import subprocess
import unittest

import swoosh_server
import test_main
from swoosh.v1 import orchestrator_pb2
from swoosh_api import CALL_SECONDS_MAX, COUNTER, create, refusal_of, register, send, submit

# As server/exit_codes.h has them.
EXIT_OK = 0
EXIT_DATA_LOSS = 4
# As storage/recovery_table.h has them.
EXIT_IN_USE = 20
EXIT_NO_STORE = 21
EXIT_LOG_DAMAGED = 45
EVENTS = 60
RECORDS = EVENTS + 1  # the first one registers and creates
REPAIRED = re.compile(r"repaired history_id=([0-9a-f]{32}) index=(\d+) state_hash=([0-9a-f]{64})\n")


def run_swooshd(*arguments, stdin=subprocess.DEVNULL):
    return subprocess.run(
        swoosh_server.bound_to_us([swoosh_server.SWOOSHD, *arguments]),
        stdin=stdin,
        capture_output=True,
        text=True,
        timeout=swoosh_server.START_SECONDS_MAX,
    )


class RepairTest(unittest.TestCase):
    def setUp(self):
        self.server = swoosh_server.Server()
        self.addCleanup(self.server.close)
        self.stub = self.server.orchestrator
        submit(self.stub, register(COUNTER), create("a"))
        for _ in range(EVENTS):
            submit(self.stub, send("a"))
        self.history_id = self.stub.GetState(orchestrator_pb2.GetStateRequest()).history_id

    def damage(self):
        """Kills the server and flips a bit in the middle of its log."""
        self.server.kill()
        (log,) = (self.server.data_dir / "wal").glob("*.log")
        content = bytearray(log.read_bytes())
        content[len(content) // 2] ^= 0x40
        log.write_bytes(content)

    def repair(self, *arguments, stdin=subprocess.DEVNULL):
        return run_swooshd("repair", "--data_dir", self.server.data_dir, *arguments, stdin=stdin)

    def files(self):
        wal = self.server.data_dir / "wal"
        return {path.name: path.read_bytes() for path in wal.iterdir() if path.is_file()}

    def first_bad_index(self, text):
        found = re.search(r"first bad index (\d+)", text)
        self.assertIsNotNone(found, text)
        return int(found[1])

    def count(self):
        asked = orchestrator_pb2.GetInstanceRequest(instance_id="a")
        return self.stub.GetInstance(asked, timeout=CALL_SECONDS_MAX).context["count"]

    def expect_repaired(self, done, first_bad):
        self.assertEqual(done.returncode, EXIT_OK, done.stderr)
        repaired = REPAIRED.search(done.stdout)
        self.assertIsNotNone(repaired, done.stdout)
        history_id, index, state_hash = repaired.groups()
        self.assertNotEqual(history_id, self.history_id)
        self.assertEqual(int(index), first_bad - 1)
        self.assertEqual(self.server.verify(), (first_bad - 1, state_hash))
        self.server.start()
        self.assertEqual((self.server.index, self.server.state_hash), (first_bad - 1, state_hash))
        self.assertEqual(self.count(), first_bad - 2)

    def test_a_damaged_store_is_repaired_once_an_operator_agrees(self):
        self.damage()
        found = self.files()
        free = "127.0.0.1:0"
        refused = run_swooshd(
            "--data_dir", self.server.data_dir, "--listen", free, "--http", free
        )
        self.assertEqual(refused.returncode, EXIT_LOG_DAMAGED)
        self.assertIn("LOG_DAMAGED", refused.stderr)
        first_bad = self.first_bad_index(refused.stderr)
        self.assertIn(first_bad, range(2, RECORDS + 1))
        evidence = self.server.data_dir / "wal" / "evidence" / "1"
        self.assertIn(str(evidence), refused.stderr)

        # With nobody to ask, nothing is changed.
        asked = self.repair()
        self.assertEqual(asked.returncode, EXIT_DATA_LOSS, asked.stderr)
        lost = f"lost: records {first_bad} to {RECORDS} ({RECORDS - first_bad + 1})"
        self.assertIn(lost, asked.stdout)
        self.assertIn(f"kept: records 1 to {first_bad - 1}", asked.stdout)
        self.assertIn("--yes", asked.stderr)
        self.assertEqual(self.files(), found)

        done = self.repair("--yes")
        self.expect_repaired(done, first_bad)
        for name, content in found.items():
            if name != "LOCK":
                self.assertEqual((evidence / name).read_bytes(), content, name)

        # Who remembers the old history is told; the store goes on.
        watch = orchestrator_pb2.WatchRequest(from_index=1, history_id=self.history_id)
        refusal = refusal_of(next, self.stub.Watch(watch, timeout=CALL_SECONDS_MAX))
        self.assertEqual(refusal.code.name, "ABORTED")
        self.assertEqual(submit(self.stub, send("a")).index, first_bad)
        served = self.stub.GetState(orchestrator_pb2.GetStateRequest())
        self.server.kill()
        self.assertEqual(self.server.verify(), (served.index, served.state_hash.hex()))

    def test_at_a_terminal_it_asks_for_the_number_of_records_lost(self):
        self.damage()
        found = self.files()
        for typed, agrees in (("yes", False), (None, True)):
            ours, theirs = pty.openpty()
            try:
                lost = re.search(r"\((\d+)\), which were acknowledged", self.repair().stdout)[1]
                os.write(ours, f"{typed or lost}\n".encode())
                done = self.repair(stdin=theirs)
            finally:
                os.close(ours)
                os.close(theirs)
            self.assertIn(f"Type the number of records lost ({lost})", done.stdout)
            if agrees:
                self.expect_repaired(done, RECORDS - int(lost) + 1)
            else:
                self.assertEqual(done.returncode, EXIT_DATA_LOSS)
                self.assertIn("nothing was changed", done.stderr)
                self.assertEqual(self.files(), found)

    def test_a_whole_store_or_one_in_use_is_left_alone(self):
        in_use = self.repair("--yes")
        self.assertEqual(in_use.returncode, EXIT_IN_USE, in_use.stderr)
        self.server.kill()
        found = self.files()
        whole = self.repair("--yes")
        self.assertEqual(whole.returncode, EXIT_OK, whole.stderr)
        self.assertIn("nothing to repair", whole.stdout)
        self.assertEqual(self.files(), found)
        nothing = run_swooshd("repair", "--yes", "--data_dir", self.server.folder / "nothing")
        self.assertEqual(nothing.returncode, EXIT_NO_STORE)
        self.assertFalse((self.server.folder / "nothing").exists())


if __name__ == "__main__":
    test_main.run()
