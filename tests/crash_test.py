"""What clients see through kill -9 is what one correct server shows: a part of three campaigns."""

import json
import unittest

import crash_workload
import disk_trouble
import test_main

KILLS = 20
DAMAGED_SNAPSHOTS = 2
OPERATIONS = 5000
HANG_SECONDS_MAX = 850  # with sanitizers it takes minutes


class CrashTest(unittest.TestCase):
    def test_histories_through_kills_are_linearizable_and_nothing_is_lost_or_applied_twice(self):
        counts = crash_workload.run(KILLS, SEED, OPERATIONS)
        print(json.dumps(counts), flush=True)
        self.assertEqual(counts["violations"], 0)
        self.assertEqual(counts["kills"], KILLS)
        self.assertGreaterEqual(counts["operations"], OPERATIONS)
        for each in (
            "duplicates",
            "refused",
            "validated",
            "guarded",
            "guard_kills",
            "reads",
            "watched",
            "state_hashes",
        ):
            self.assertGreater(counts[each], 0, each)
        self.assertGreater(counts["last_snapshot_index"], 0)

    def test_where_the_newest_snapshot_is_damaged_the_one_before_it_serves_and_that_is_said(self):
        counts = disk_trouble.run_damaged_snapshots(DAMAGED_SNAPSHOTS, SEED)
        print(json.dumps(counts), flush=True)
        self.assertEqual(counts["violations"], 0)
        self.assertEqual(counts["damaged"], DAMAGED_SNAPSHOTS)
        self.assertEqual(counts["unsaid"], 0)


if __name__ == "__main__":
    SEED = test_main.seed_from_flag()
    test_main.run(HANG_SECONDS_MAX)
