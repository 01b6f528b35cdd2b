"""A disk that runs full refuses writes and serves reads, and writing goes on by itself."""

import json
import unittest

import disk_full_workload
import test_main

# The last of them takes the whole disk at once.
CYCLES = 3
disk_full_workload.WHOLE_DISK_EVERY = CYCLES
# How long the machine takes is no reason to fail here; the soak measures it.
disk_full_workload.RESUME_SECONDS_MAX = float("inf")


class DiskFullTest(unittest.TestCase):
    def test_nothing_is_lost_reads_go_on_and_writing_comes_back_by_itself(self):
        try:
            counts, notes = disk_full_workload.run(CYCLES, SEED)
        except disk_full_workload.Skipped as reason:
            self.skipTest(str(reason))
        print(json.dumps(counts), flush=True)
        self.assertEqual((counts["lost"], counts["wrong"], counts["violations"]), (0, 0, 0), notes)
        self.assertGreater(counts["refused"], 0)
        self.assertGreater(counts["acknowledged"], 0)


if __name__ == "__main__":
    SEED = test_main.seed_from_flag()
    test_main.run()
