"""A rolling update with the built server; image_test.py plays it with the image's own."""

import unittest

import rolling_update_check
import swoosh_server
import test_main


class RollingUpdateTest(unittest.TestCase):
    def test_clients_see_a_short_pause_no_loss_and_nothing_twice(self):
        server = swoosh_server.Server(low_ports=True)
        self.addCleanup(server.close)
        rolling_update_check.check(self, server)


if __name__ == "__main__":
    test_main.run()
