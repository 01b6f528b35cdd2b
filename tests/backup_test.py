"""Backup of a server that is being written to, restore, and dump."""

import json
import os
import shutil
import subprocess
import threading
import time
import unittest

import grpc
import swoosh_ctl
import swoosh_server
import test_main
from swoosh.v1 import admin_pb2, orchestrator_pb2
from swoosh_api import COUNTER, all_records, create, refusal_of, register, send, submit

RESTORE_SECONDS_MAX = 120
EXIT_STORE_REFUSED = 3
EXIT_DATA_LOSS = 4
# As storage/recovery_table.h has them.
EXIT_IN_USE = 20
EXIT_RESTORE_UNFINISHED = 33
EXIT_RECORD_UNREADABLE = 60
LARGE = "x" * 50_000


def swooshd(*arguments, stdin=None):
    """Runs swooshd to its end; what it says is in .stdout and .stderr."""
    return subprocess.run(
        swoosh_server.bound_to_us([swoosh_server.SWOOSHD, *arguments]),
        input=stdin,
        capture_output=True,
        timeout=RESTORE_SECONDS_MAX,
    )


class Writer(threading.Thread):
    """A client that sends events until it is stopped."""

    def __init__(self, server):
        super().__init__()
        self.channel = server.new_channel()
        self.acknowledged = 0  # the newest index
        self.stopping = threading.Event()

    def run(self):
        stub = swoosh_server.orchestrator_pb2_grpc.OrchestratorStub(self.channel)
        while not self.stopping.is_set():
            self.acknowledged = submit(stub, send("a", data={"by": "writer"})).index

    def stop(self):
        self.stopping.set()
        self.join()
        self.channel.close()


class BackupTest(unittest.TestCase):
    def setUp(self):
        self.server = swoosh_server.Server("--snapshot_every_records=100")
        self.addCleanup(self.server.close)
        self.stub = self.server.orchestrator
        submit(self.stub, register(COUNTER), create("a"))
        self.file = self.server.folder / "backup.swoosh"

    def back_up(self):
        done = swoosh_ctl.run(self.server, "backup", str(self.file), "-o", "json")
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def lose_the_disk(self):
        self.server.kill()
        shutil.rmtree(self.server.data_dir)

    def restore(self, file=None, stdin=None):
        command = ["restore", "--data_dir", self.server.data_dir, file or self.file]
        return swooshd(*command, stdin=stdin)

    def records(self, last):
        records = all_records(self.stub)
        return [r.SerializeToString(deterministic=True) for r in records if r.index <= last]

    def state(self):
        return self.stub.GetState(orchestrator_pb2.GetStateRequest())

    def test_a_backup_under_load_is_the_store_at_one_index_with_all_acknowledged_before(self):
        writers = [Writer(self.server) for _ in range(4)]
        for writer in writers:
            writer.start()
        while min(writer.acknowledged for writer in writers) < 300:
            time.sleep(0.01)
        acknowledged = max(writer.acknowledged for writer in writers)
        header = self.back_up()
        for writer in writers:
            writer.stop()
        index = int(header["index"])
        self.assertGreaterEqual(index, acknowledged)
        records = self.records(index)
        history_id = self.state().history_id
        self.lose_the_disk()

        done = self.restore()
        self.assertEqual(done.returncode, 0, done.stderr)
        restored_index, state_hash = self.server.verify()
        self.assertEqual(restored_index, index)
        self.server.start()
        self.assertEqual((self.server.index, self.server.state_hash), (index, state_hash))
        restored = self.records(index + 1)
        self.assertEqual(restored, records)
        self.assertNotEqual(self.state().history_id, history_id)
        submit(self.stub, send("a"))

    def test_who_remembers_the_old_history_is_told_and_requests_are_still_applied_once(self):
        first = submit(self.stub, send("a"), request_id="once")
        history_id = self.state().history_id
        self.back_up()
        self.lose_the_disk()
        self.assertEqual(self.restore().returncode, 0)
        self.server.start()
        watch = orchestrator_pb2.WatchRequest(from_index=first.index, history_id=history_id)
        with self.assertRaises(grpc.RpcError) as raised:
            next(self.stub.Watch(watch))
        self.assertEqual(raised.exception.code(), grpc.StatusCode.ABORTED)
        again = submit(self.stub, send("a"), request_id="once")
        self.assertTrue(again.duplicate)
        self.assertEqual(again.index, first.index)

    def test_the_log_is_not_trimmed_under_a_backup_that_is_read_slowly(self):
        for _ in range(400):
            submit(self.stub, send("a", data={"by": LARGE}))
        first_index = next(iter(all_records(self.stub))).index
        chunks = self.server.admin.Backup(admin_pb2.BackupRequest())
        pieces = [next(chunks).data]
        self.server.admin.TakeSnapshot(admin_pb2.TakeSnapshotRequest())
        submit(self.stub, send("a"))
        self.server.admin.TakeSnapshot(admin_pb2.TakeSnapshotRequest())
        # The request window is a million records here, so the pin is not what holds it back; the
        # unit test has that. What counts is that the copy is whole.
        self.server.admin.TrimLog(admin_pb2.TrimLogRequest(first_kept=400))
        pieces += [chunk.data for chunk in chunks]
        self.assertGreater(len(pieces), 3)
        self.assertLessEqual(max(len(piece) for piece in pieces), 1 << 20)
        self.file.write_bytes(b"".join(pieces))
        self.lose_the_disk()
        done = self.restore()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(b"restored index=401 ", done.stdout)
        self.server.start()
        self.assertEqual(next(iter(all_records(self.stub))).index, first_index)

    def test_a_trimmed_store_is_backed_up_with_a_snapshot(self):
        self.server.terminate()
        self.server.flags = ("--snapshot_every_records=100", "--retain_records=50")
        self.server.start()
        for _ in range(500):
            submit(self.stub, send("a"))
        while self.server.admin.GetStatus(admin_pb2.GetStatusRequest()).first_index == 1:
            time.sleep(0.01)
        header = self.back_up()
        self.assertGreater(int(header["firstIndex"]), 1)
        self.assertGreater(int(header["snapshotIndex"]), 1)
        self.lose_the_disk()
        self.assertEqual(self.restore().returncode, 0)
        self.assertEqual(self.server.verify()[0], 501)

    def test_from_one_machine_to_another_through_a_pipe(self):
        for _ in range(50):
            submit(self.stub, send("a"))
        command = swoosh_ctl.command(self.server, "backup", "-")
        other = self.server.folder / "other"
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as backup:
            done = subprocess.run(
                swoosh_server.bound_to_us(
                    [swoosh_server.SWOOSHD, "restore", "--data_dir", other, "-"]
                ),
                stdin=backup.stdout,
                capture_output=True,
                timeout=RESTORE_SECONDS_MAX,
            )
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(backup.wait(), 0)
        self.assertIn(f"state_hash={self.state().state_hash.hex()}".encode(), done.stdout)

    def test_a_backup_that_is_damaged_or_cut_off_is_refused_and_nothing_serves_it(self):
        for _ in range(50):
            submit(self.stub, send("a"))
        self.back_up()
        good = self.file.read_bytes()
        self.lose_the_disk()
        flipped = bytearray(good)
        flipped[len(good) // 2] ^= 1
        for bad, why in ((bytes(flipped), b"checksum"), (good[: len(good) // 2], b"cut off")):
            shutil.rmtree(self.server.data_dir, ignore_errors=True)
            done = self.restore("-", stdin=bad)
            self.assertEqual(done.returncode, EXIT_DATA_LOSS, done.stderr)
            self.assertIn(why, done.stderr)
            done = swooshd("verify", "--data_dir", self.server.data_dir)
            self.assertEqual(done.returncode, EXIT_RESTORE_UNFINISHED, done.stdout)
            self.assertIn(b"RESTORE_UNFINISHED", done.stderr)

    def test_a_restore_that_is_killed_is_refused_until_the_folder_is_emptied(self):
        for _ in range(100):
            submit(self.stub, send("a", data={"by": LARGE}))
        self.back_up()
        self.lose_the_disk()
        restoring = subprocess.Popen(
            swoosh_server.bound_to_us(
                [swoosh_server.SWOOSHD, "restore", "--data_dir", self.server.data_dir, "-"]
            ),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        restoring.stdin.write(self.file.read_bytes()[: self.file.stat().st_size // 2])
        restoring.stdin.flush()
        while not (self.server.data_dir / "commit_mark").exists():
            time.sleep(0.01)
        restoring.kill()
        restoring.wait()
        restoring.stdin.close()
        with self.assertRaisesRegex(swoosh_server.ServerError, "RESTORE_UNFINISHED"):
            self.server.start()
        done = self.restore()
        self.assertEqual(done.returncode, EXIT_STORE_REFUSED, done.stderr)
        self.assertIn(b"empty the folder", done.stderr)
        shutil.rmtree(self.server.data_dir)
        self.assertEqual(self.restore().returncode, 0)
        self.server.start()
        self.assertEqual(self.server.index, 101)

    def test_only_empty_folders_are_restored_into_and_no_file_is_written_over(self):
        self.back_up()
        done = swoosh_ctl.run(self.server, "backup", str(self.file))
        self.assertEqual(done.returncode, 1)
        self.assertIn("never written over", done.stderr)
        self.server.terminate()
        before = sorted(self.server.data_dir.rglob("*"))
        done = self.restore()
        self.assertEqual(done.returncode, EXIT_STORE_REFUSED)
        self.assertIn(b"is not empty", done.stderr)
        self.assertEqual(sorted(self.server.data_dir.rglob("*")), before)

    def test_a_third_backup_at_a_time_is_refused(self):
        for _ in range(200):
            submit(self.stub, send("a", data={"by": LARGE}))
        calls = [self.server.admin.Backup(admin_pb2.BackupRequest()) for _ in range(2)]
        for call in calls:
            next(call)
        refused = refusal_of(lambda: next(self.server.admin.Backup(admin_pb2.BackupRequest())))
        self.assertEqual(
            (refused.code, refused.reason), (grpc.StatusCode.RESOURCE_EXHAUSTED, "LIMIT_REACHED")
        )
        for call in calls:
            call.cancel()
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                next(self.server.admin.Backup(admin_pb2.BackupRequest()))
                return
            except grpc.RpcError:
                time.sleep(0.05)
        self.fail("the backups that were given up still count")


class DumpTest(unittest.TestCase):
    def setUp(self):
        self.server = swoosh_server.Server()
        self.addCleanup(self.server.close)
        stub = self.server.orchestrator
        submit(stub, register(COUNTER), create("a"))
        # Large enough for several blocks of a table, which are compressed.
        for number in range(1, 100):
            submit(stub, send("a", data={"by": os.urandom(2_000).hex(), "number": number}))
        self.records = list(all_records(stub))

    def files(self):
        paths = self.server.data_dir.rglob("*")
        return {path: path.read_bytes() for path in paths if path.is_file()}

    def dump(self, *arguments):
        return swooshd("dump", "--data_dir", self.server.data_dir, *arguments)

    def test_every_record_is_a_line_of_json_and_the_store_is_as_it_was(self):
        self.server.kill()
        files = self.files()
        done = self.dump()
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual([int(line["index"]) for line in lines], list(range(1, 101)))
        event = lines[41]["transitions"][0]["sendEvent"]
        self.assertEqual(event["data"]["number"], 41)
        self.assertEqual(self.files(), files)
        self.server.start()
        self.assertEqual(self.server.index, 100)

    def test_a_part_of_it(self):
        self.server.terminate()
        done = self.dump("--from", "10", "--to", "12")
        dumped = [int(json.loads(line)["index"]) for line in done.stdout.splitlines()]
        self.assertEqual(dumped, [10, 11, 12])
        self.assertEqual(self.dump("--from", "102").returncode, 1)
        self.assertIn(b"which has 1 to 100", self.dump("--from", "102").stderr)

    def test_damage_ends_it_after_what_could_be_read_and_is_named(self):
        self.server.terminate()
        self.server.start()  # makes a table of the log
        self.server.terminate()
        table = max((self.server.data_dir / "wal").glob("*.ldb"))
        damaged = bytearray(table.read_bytes())
        damaged[len(damaged) // 2] ^= 1
        table.write_bytes(damaged)
        done = self.dump()
        self.assertEqual(done.returncode, EXIT_RECORD_UNREADABLE)
        dumped = [int(json.loads(line)["index"]) for line in done.stdout.splitlines()]
        self.assertEqual(dumped, list(range(1, len(dumped) + 1)))
        self.assertTrue(10 < len(dumped) < 90, len(dumped))
        self.assertIn(f"record {len(dumped) + 1}".encode(), done.stderr)

    def test_a_store_in_use_is_left_alone(self):
        done = self.dump()
        self.assertEqual(done.returncode, EXIT_IN_USE)
        self.assertIn(b"in use", done.stderr)


if __name__ == "__main__":
    test_main.run()
