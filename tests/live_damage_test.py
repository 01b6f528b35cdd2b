"""Files that are damaged, or can't be read, while a server runs: what it says, and what goes on."""

import os
import unittest

import grpc
import power_cuts
import swoosh_ctl
import swoosh_server
import test_main
from swoosh.v1 import admin_pb2, orchestrator_pb2
from swoosh_api import CALL_SECONDS_MAX, COUNTER, Refusal, create, refusal_of, register, send, submit

RECORDS = 100
PAYLOAD_BYTES = 2_000  # so that the table has a block for every few records
SECTOR_BYTES = 512
DAMAGED = (grpc.StatusCode.DATA_LOSS, "DATA_DAMAGED")
EXIT_FENCED = 5


def read(stub, index, size=1):
    asked = orchestrator_pb2.ListRecordsRequest(from_index=index, page_size=size, raw=True)
    return stub.ListRecords(asked, timeout=CALL_SECONDS_MAX)


def fill(stub):
    """Makes RECORDS records, of which all but the first are events; returns the events by index."""
    submit(stub, register(COUNTER), create("a"))
    sent = {}
    for index in range(2, RECORDS + 1):
        data = {"by": f"{index}", "payload": os.urandom(PAYLOAD_BYTES // 2).hex()}
        sent[index] = send("a", data=data)
        submit(stub, sent[index], request_id=f"request-{index}")
    return sent


class LiveDamageTest(unittest.TestCase):
    def setUp(self):
        self.server = swoosh_server.Server()
        self.addCleanup(self.server.close)
        self.stub = self.server.orchestrator
        self.sent = fill(self.stub)
        self.written = {index: read(self.stub, index).raw[0] for index in range(1, RECORDS + 1)}
        # A start makes a table of the log, and holds no old record in memory.
        self.server.terminate()
        self.server.start()
        self.table = max((self.server.data_dir / "wal").glob("*.ldb"))

    def change(self, place, content):
        """Overwrites a part of the table; the server has it open."""
        with open(self.table, "r+b") as file:
            file.seek(place)
            file.write(content)

    def sector(self, place):
        with open(self.table, "rb") as file:
            file.seek(place)
            return file.read(SECTOR_BYTES)

    def bad_indexes(self):
        """Reads each record by itself: it is right, or the answer names it."""
        bad = []
        for index, written in self.written.items():
            try:
                self.assertTrue(read(self.stub, index).raw == [written], index)
            except grpc.RpcError as error:
                refusal = Refusal.of_error(error)
                self.assertEqual((refusal.code, refusal.reason), DAMAGED)
                self.assertRegex(refusal.message, rf"\brecord {index}\b")
                bad.append(index)
        return bad

    def expect_named(self, bad):
        """Every other way to an old record: right up to the damage, which is named."""
        self.assertEqual(bad, list(range(bad[0], bad[-1] + 1)), "one damaged place")
        self.assertIn(bad[0], range(2, RECORDS))
        first_bad = rf"\brecord {bad[0]}\b"
        right = [self.written[index] for index in range(1, bad[0])]

        page = read(self.stub, 1, 1000)
        self.assertTrue(list(page.raw) == right, [each.index for each in page.records])
        watch = self.stub.Watch(
            orchestrator_pb2.WatchRequest(from_index=1), timeout=CALL_SECONDS_MAX
        )
        indexes = []
        with self.assertRaises(grpc.RpcError) as ended:
            indexes.extend(response.index for response in watch)
        refusal = Refusal.of_error(ended.exception)
        self.assertEqual((refusal.code, refusal.reason), DAMAGED)
        self.assertRegex(refusal.message, first_bad)
        self.assertEqual(indexes[-1] if indexes else 0, bad[0] - 1)
        self.assertEqual(sorted(set(indexes)), indexes)

        # The history is read backwards, so that the last bad record is met first.
        asked = orchestrator_pb2.ListRecordsRequest(instance_id="a", page_size=1000, raw=True)
        page = self.stub.ListRecords(asked, timeout=CALL_SECONDS_MAX)
        newest = [self.written[index] for index in range(len(self.written), bad[-1], -1)]
        self.assertTrue(list(page.raw) == newest, [each.index for each in page.records])
        asked.page_token = page.next_page_token
        refused = refusal_of(self.stub.ListRecords, asked, timeout=CALL_SECONDS_MAX)
        self.assertEqual((refused.code, refused.reason), DAMAGED)
        self.assertRegex(refused.message, rf"\brecord {bad[-1]}\b")

        past = orchestrator_pb2.GetInstanceRequest(instance_id="a", at_index=bad[0])
        refused = refusal_of(self.stub.GetInstance, past, timeout=CALL_SECONDS_MAX)
        self.assertEqual((refused.code, refused.reason), DAMAGED)
        # A request that was applied is not applied again where its answer can't be read.
        sent = orchestrator_pb2.SubmitRequest(request_id=f"request-{bad[0]}")
        sent.transitions.append(self.sent[bad[0]])
        repeated = refusal_of(self.stub.Submit, sent, timeout=CALL_SECONDS_MAX)
        self.assertEqual((repeated.code, repeated.reason), DAMAGED, repeated)
        self.assertRegex(repeated.message, first_bad)
        status, body = self.server.http(f"/v1/records?fromIndex={bad[0]}")
        self.assertEqual(status, 500)
        self.assertIn("DATA_DAMAGED", body)
        backup = swoosh_ctl.run(self.server, "backup", str(self.server.folder / "backup"))
        self.assertNotEqual(backup.returncode, 0)
        self.assertRegex(backup.stderr, first_bad)
        self.assertFalse((self.server.folder / "backup").exists())
        verified = refusal_of(self.server.admin.Verify, admin_pb2.VerifyRequest(), timeout=60)
        self.assertEqual((verified.code, verified.reason), DAMAGED)
        self.assertRegex(verified.message, first_bad)

    def expect_the_rest_goes_on(self):
        expected = len(self.written) + 1
        instance = orchestrator_pb2.GetInstanceRequest(instance_id="a")
        count = self.stub.GetInstance(instance).context["count"]
        watch = self.stub.Watch(
            orchestrator_pb2.WatchRequest(from_index=expected), timeout=CALL_SECONDS_MAX
        )
        answer = submit(self.stub, send("a"))
        self.assertEqual(answer.index, expected)
        self.assertEqual(next(each.index for each in watch if each.changes), expected)
        watch.cancel()
        self.written[expected] = read(self.stub, expected).raw[0]
        self.assertEqual(self.stub.GetInstance(instance).context["count"], count + 1)
        self.assertEqual(self.server.http("/readyz")[0], 200)

    def test_a_damaged_block_is_named_by_each_read_that_needs_it_and_nothing_else_is_hurt(self):
        middle = self.table.stat().st_size // 2
        before = self.sector(middle)
        damages = (
            bytes((before[0] ^ 0x10,)) + before[1:],  # a bit
            bytes(SECTOR_BYTES),
            self.sector(middle + 50 * SECTOR_BYTES),  # misdirected
        )
        for damage in damages:
            self.change(middle, damage)
            self.expect_named(self.bad_indexes())
            self.expect_the_rest_goes_on()
        # It was the disk's fault, and is gone with it.
        self.change(middle, before)
        self.assertEqual(self.bad_indexes(), [])
        self.server.kill()
        self.server.start()
        self.assertEqual(self.server.index, len(self.written))

    def test_a_start_on_the_damage_names_the_record_that_the_reads_named(self):
        middle = self.table.stat().st_size // 2
        self.change(middle, bytes(SECTOR_BYTES))
        bad = self.bad_indexes()
        self.server.terminate()
        with self.assertRaisesRegex(swoosh_server.ServerError, rf"first bad index {bad[0]}\b"):
            self.server.start()

    def test_a_table_cut_short_is_never_a_shorter_history(self):
        whole = self.table.read_bytes()
        os.truncate(self.table, len(whole) // 2)
        bad = self.bad_indexes()
        self.assertGreater(len(bad), RECORDS // 4)
        self.expect_named(bad)
        self.expect_the_rest_goes_on()


class UnreadableDiskTest(unittest.TestCase):
    def test_a_disk_that_answers_nothing_is_an_error_of_what_needs_it_and_never_damage(self):
        folder = swoosh_server.temporary_folder()
        try:
            power_cuts.enter_mount_namespace()
            disk = power_cuts.Disk(folder)
        except power_cuts.NotPermittedError as error:
            self.skipTest(str(error))
        self.addCleanup(disk.unmount)
        server = swoosh_server.Server(data_dir=disk.path / "data")
        self.addCleanup(server.close)
        stub = server.orchestrator
        fill(stub)
        server.terminate()
        server.start()
        disk.cut_power()  # from now on each call of it is EIO
        for index in (RECORDS // 3, RECORDS // 2):
            refused = refusal_of(read, stub, index)
            self.assertEqual(refused.code, grpc.StatusCode.UNAVAILABLE, refused)
            self.assertRegex(refused.message, rf"\brecord {index}\b")
        asked = orchestrator_pb2.GetInstanceRequest(instance_id="a")
        self.assertEqual(stub.GetInstance(asked).version, RECORDS)
        refused = refusal_of(submit, stub, send("a"))
        self.assertEqual(refused.code, grpc.StatusCode.UNAVAILABLE, refused)
        self.assertEqual(server.wait_for_exit(), EXIT_FENCED)
        disk.unmount()
        disk.mount()
        server.start()
        self.assertEqual(server.index, RECORDS)


if __name__ == "__main__":
    test_main.run()
