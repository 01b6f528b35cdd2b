"""Every acknowledged transition survives kill -9: once, in order. The soak does it for longer."""

import json
import unittest

import crash_workload
import test_main

CYCLES = 20


class CrashTest(unittest.TestCase):
    def test_what_was_acknowledged_is_there_once_and_in_order_after_every_kill(self):
        counts = crash_workload.run(CYCLES, SEED)
        print(json.dumps(counts), flush=True)
        self.assertGreater(counts["acknowledged"], 10 * CYCLES)
        self.assertGreater(counts["duplicates"], 0)
        self.assertGreater(counts["last_snapshot_index"], 0)
        self.assertGreater(counts["first_index"], 1)


if __name__ == "__main__":
    SEED = test_main.seed_from_flag()
    test_main.run()
