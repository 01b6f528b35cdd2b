"""Clients that mean harm, each for a moment: the server lives, keeps its memory within its bound, and
serves others. The soak does it for longer and measures."""

import json
import unittest

import hostile_attacks
import hostile_workload
import test_main

SECONDS = 2


class HostileClientsTest(unittest.TestCase):
    def test_it_outlives_each_attack_and_serves_whoever_comes_then(self):
        for attack in hostile_attacks.ATTACKS:
            # Of its own, so that its memory is this attack's.
            server = hostile_workload.start_server()
            self.addCleanup(server.close)
            result = hostile_workload.run(server, attack, SECONDS)
            print(json.dumps(result), flush=True)
            with self.subTest(attack.__name__):
                self.assertGreater(result["done"], 0)
                self.assertTrue(result["serves"])
                self.assertLess(result["rss_mib_most"], hostile_workload.RSS_MIB_MAX)
                self.assertFalse(server.ended())
            server.close()


if __name__ == "__main__":
    test_main.run()
