"""What must hold of a rolling update, for the tests that play one."""

import dataclasses
import json
import re

import rolling_update
import swoosh_server

MANIFEST = swoosh_server.ROOT / "deploy/kubernetes/base/stateful_set.yaml"


def check(test, server):
    """Plays it on a fresh server with low ports, prints what clients saw, and asserts."""
    grace = re.search(r"terminationGracePeriodSeconds: (\d+)", MANIFEST.read_text())
    update = rolling_update.play(server)
    print(f"rolling update: {json.dumps(dataclasses.asdict(update))}", flush=True)
    test.assertEqual(update.exit_code, 0)
    test.assertLess(update.exit_seconds, int(grace[1]))
    test.assertEqual(update.counted, update.acknowledged)
    test.assertEqual(update.missed, [])
