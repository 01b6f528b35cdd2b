"""The incident desk's sample: the same state and answers, whatever is killed on the way."""

import unittest

import incident_desk_run
import swoosh_server
import test_main

SERVER_KILLS = 10
CLIENT_KILLS = 10


class IncidentDeskTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = swoosh_server.temporary_folder()
        cls.requests = incident_desk_run.convert(incident_desk_run.DESK / "sample.xes", folder)
        cls.whole = incident_desk_run.run_whole(cls.requests)

    def check(self, server_kills, client_kills):
        killed = incident_desk_run.run_with_kills(self.requests, server_kills, client_kills, SEED)
        self.assertEqual(
            (killed.index, killed.state_hash), (self.whole.index, self.whole.state_hash)
        )
        self.assertEqual(killed.report, self.whole.report)
        self.assertEqual(killed.summary["refused"], self.whole.summary["refused"])
        self.assertEqual(
            killed.summary["accepted"] + killed.summary["duplicates"],
            self.whole.summary["accepted"],
        )

    def test_the_whole_sample_runs_and_each_request_is_answered(self):
        self.assertEqual(self.whole.summary["answered"], 349)
        self.assertEqual(self.whole.summary["accepted"], 330)
        self.assertEqual(self.whole.index, 331)
        self.assertRegex(self.whole.report, r"events allowed +290 ")
        self.assertRegex(self.whole.report, r"events denied +19 ")

    def test_a_client_rides_through_kills_of_the_server(self):
        self.check(SERVER_KILLS, 0)

    def test_a_killed_client_goes_on_from_its_checkpoint(self):
        self.check(0, CLIENT_KILLS)

    def test_kills_of_both_change_nothing(self):
        self.check(SERVER_KILLS // 2, CLIENT_KILLS // 2)


if __name__ == "__main__":
    SEED = test_main.seed_from_flag()
    test_main.run()
