"""What is acknowledged survives a power cut. The soak does it 5,000 times."""

import json
import unittest

import power_cuts
import test_main

CUTS = 3
HANG_SECONDS_MAX = 850  # as crash_test


class PowerCutTest(unittest.TestCase):
    def test_histories_through_power_cuts_are_linearizable_and_nothing_is_lost(self):
        try:
            counts = power_cuts.run(CUTS, SEED)
        except power_cuts.NotPermittedError as error:
            self.skipTest(str(error))
        print(json.dumps(counts), flush=True)
        self.assertEqual(counts["violations"], 0)
        self.assertEqual(counts["kills"], CUTS)
        self.assertGreater(counts["accepted"], 0)


if __name__ == "__main__":
    SEED = test_main.seed_from_flag()
    test_main.run(HANG_SECONDS_MAX)
