"""A client in Node.js against a real server: submits, streams, and watches across kill -9."""

import json
import os
import subprocess
import threading
import unittest

import swoosh_server
import test_main
from swoosh.v1 import orchestrator_pb2
from swoosh_api import COUNTER, all_records, register, submit

NODE = os.environ.get("SWOOSH_NODE")
NODE_MODULES = os.environ.get("SWOOSH_NODE_MODULES")
CLIENT = swoosh_server.ROOT / "tests/node/client.js"
DESCRIPTOR_SET = swoosh_server.built("proto/swoosh_descriptor_set.binpb")
CLIENT_SECONDS_MAX = 120
# As in client.js.
STREAM_EVENTS = 100
UNARY_EVENTS = 200
SIGNS = 4


@unittest.skipUnless(NODE and NODE_MODULES, "the npm packages are not installed")
class NodeClientTest(unittest.TestCase):
    def test_submits_streams_and_watches_across_restarts_without_a_gap_or_a_repeat(self):
        server = swoosh_server.Server()
        self.addCleanup(server.close)
        submit(server.orchestrator, register(COUNTER))
        command = [NODE, CLIENT, server.grpc_address, DESCRIPTOR_SET]
        client = subprocess.Popen(
            swoosh_server.bound_to_us(command),
            stdout=subprocess.PIPE,
            text=True,
            env={"NODE_PATH": NODE_MODULES},
        )
        self.addCleanup(client.stdout.close)
        self.addCleanup(client.kill)
        timer = threading.Timer(CLIENT_SECONDS_MAX, client.kill)
        timer.start()
        self.addCleanup(timer.cancel)

        said = []
        for line in client.stdout:
            said.append(json.loads(line))
            if "acknowledged" in said[-1]:
                server.kill()
                server.start()
        self.assertEqual(client.wait(CLIENT_SECONDS_MAX), 0)
        self.assertEqual(len(said), SIGNS + 1)
        seen = said[-1]

        self.assertEqual(seen["createdIndex"], 2)
        self.assertEqual(
            seen["streamOrder"], [f"stream/{number}" for number in range(STREAM_EVENTS)]
        )
        self.assertEqual(seen["refused"], [["stream/7", 9]])  # FAILED_PRECONDITION
        self.assertGreaterEqual(seen["resumed"], SIGNS - 1)
        kept = [each.index for each in all_records(server.orchestrator) if each.changes]
        self.assertEqual(seen["watched"], kept)
        self.assertEqual(seen["lastIndex"], kept[-1])
        instance = server.orchestrator.GetInstance(
            orchestrator_pb2.GetInstanceRequest(instance_id="node")
        )
        self.assertEqual(instance.context["count"], STREAM_EVENTS - 1 + UNARY_EVENTS + 1)


if __name__ == "__main__":
    test_main.run()
