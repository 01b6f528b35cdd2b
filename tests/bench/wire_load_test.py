"""The load client against real servers, and servers that are killed after each run."""

import pathlib
import re
import subprocess
import threading
import unittest
from unittest import mock

import etcd_server
import our_server
import swoosh_server
import test_main
import wire_load
from swoosh.v1 import orchestrator_pb2

QUICK = True
RATE = 200
REPLY_BYTES = 77
SYNC_BYTES = 33


class EchoTest(unittest.TestCase):
    """Against a server that only answers."""

    def setUp(self):
        self.folder = swoosh_server.temporary_folder()
        self.requests = wire_load.write_requests(self.folder / "requests", [b"\x0a\x01a", b""])
        shorter = mock.patch.multiple(
            wire_load, WARM_UP_SECONDS_QUICK=0.1, RUN_SECONDS_QUICK=0.9
        )
        shorter.start()
        self.addCleanup(shorter.stop)

    def echo(self, *flags):
        command = [wire_load.program("echo_server"), f"--reply_bytes={REPLY_BYTES}", *flags]
        process = subprocess.Popen(
            swoosh_server.bound_to_us(command), stdout=subprocess.PIPE, text=True
        )
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return re.fullmatch(r"serving grpc=(\S+)\n", process.stdout.readline())[1], process

    def load(self, address, in_flight, stream=False, **flags):
        method = our_server.SUBMIT_STREAM if stream else our_server.SUBMIT
        return wire_load.run_wire_load(
            address, method, self.requests, in_flight, QUICK, stream, **flags
        )

    def test_all_that_is_sent_is_answered_by_each_kind_one_by_one_and_in_streams(self):
        sync_file = self.folder / "synced"
        kinds = {
            "callback": ["--api=callback"],
            "queue": ["--api=queue"],
            "synced": [f"--sync_file={sync_file}", f"--sync_bytes={SYNC_BYTES}"],
        }
        for kind, flags in kinds.items():
            address, _ = self.echo(*flags)
            answered = 0
            for stream in (False, True):
                for in_flight in (1, 20):
                    with self.subTest(kind=kind, stream=stream, in_flight=in_flight):
                        figures = self.load(address, in_flight, stream)
                        self.assertEqual(figures["errors"], 0)
                        self.assertGreaterEqual(figures["answered"], figures["count"])
                        self.assertEqual(figures["reply_bytes"], REPLY_BYTES)
                        self.assertLessEqual(figures["p50_us"], figures["p99_us"])
                        answered += figures["answered"]
        # Of the last kind.
        self.assertGreaterEqual(sync_file.stat().st_size, answered * SYNC_BYTES)

    def test_several_streams_share_the_load(self):
        address, _ = self.echo()
        self.assertGreater(self.load(address, 8, True, connections=4)["count"], 0)

    def test_at_a_rate_just_so_many_are_due(self):
        address, _ = self.echo()
        for stream in (False, True):
            figures = self.load(address, 500, stream, rate=RATE)
            self.assertAlmostEqual(figures["answered"], RATE * 1.0, delta=1)

    def test_a_server_that_goes_away_leaves_no_figure(self):
        for stream in (False, True):
            address, process = self.echo()
            with mock.patch.object(wire_load, "RUN_SECONDS_QUICK", 30):
                killing = threading.Timer(1, process.kill)
                killing.start()
                with self.assertRaises(wire_load.Broken):
                    self.load(address, 4, stream)
                killing.join()

    def test_what_is_refused_leaves_no_figure(self):
        server = swoosh_server.Server()
        self.addCleanup(server.close)
        for stream in (False, True):
            with self.assertRaises(wire_load.Broken):
                self.load(
                    server.grpc_address,
                    4,
                    stream,
                    error_field=orchestrator_pb2.SubmitResponse.STATUS_FIELD_NUMBER,
                )


class DurableTest(unittest.TestCase):
    """Against a swooshd that is killed after each run."""

    def setUp(self):
        shorter = mock.patch.multiple(
            wire_load, WARM_UP_SECONDS_QUICK=0.1, RUN_SECONDS_QUICK=0.9
        )
        shorter.start()
        self.addCleanup(shorter.stop)
        self.server = our_server.OurServer(swoosh_server.temporary_folder())
        self.addCleanup(self.server.kill)

    def test_what_was_acknowledged_is_there_after_every_kill(self):
        for many in (False, True):
            for stream in (False, True):
                figures = self.server.measure(10, QUICK, stream=stream, many=many)
                self.assertGreater(figures["number_max"], 0)
        self.server.end()

    def test_an_event_that_is_missing_is_told(self):
        answered = self.server.measure(10, QUICK)["answered"]
        self.assertGreater(answered, 0)
        self.server._acknowledged += 1
        with self.assertRaisesRegex(wire_load.Broken, "lost events"):
            self.server.end()

    def test_a_record_that_is_missing_is_told(self):
        self.server.measure(10, QUICK)
        self.server._number_max += 1
        with self.assertRaisesRegex(wire_load.Broken, "lost records"):
            self.server.end()

    def test_sizes_are_those_on_the_wire_and_in_the_log(self):
        self.assertGreater(self.server.record_bytes, wire_load.PAYLOAD_BYTES)
        self.assertGreater(
            self.server.record_of_many_bytes,
            our_server.TRANSITIONS_PER_PROPOSAL * wire_load.PAYLOAD_BYTES,
        )
        figures = self.server.measure(1, QUICK)
        self.assertAlmostEqual(figures["reply_bytes"], self.server.reply_bytes, delta=4)


class RequestsTest(unittest.TestCase):
    def test_every_request_is_of_one_size_and_etcds_are_as_long(self):
        ours = our_server.steps(1)
        self.assertEqual({len(each) for each in ours}, {len(ours[0])})
        sizes = {each.ByteSize() for each in etcd_server.puts(len(ours[0]))}
        self.assertEqual(sizes, {len(ours[0])})

    def test_a_proposal_of_many_and_a_transaction_touch_each_key_once(self):
        for serialised in our_server.steps(our_server.TRANSITIONS_PER_PROPOSAL):
            sent = orchestrator_pb2.SubmitRequest.FromString(serialised).transitions
            ids = {each.send_event.instance_id for each in sent}
            self.assertEqual(len(ids), our_server.TRANSITIONS_PER_PROPOSAL)
        for txn in etcd_server.txns(150):
            keys = {each.request_put.key for each in txn.success}
            self.assertEqual(len(keys), etcd_server.PUTS_PER_TXN)

    def test_data_of_a_run_is_in_the_output_folder(self):
        folder = swoosh_server.temporary_folder()
        scratch = wire_load.scratch_folder(folder / "out")
        self.assertEqual(scratch.parent, pathlib.Path(folder / "out"))


if __name__ == "__main__":
    test_main.run()
