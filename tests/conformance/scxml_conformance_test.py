"""SCION's and the W3C's charts against a real server: none wrong, each as the table says."""

import os
import unittest

import scxml_conformance
import test_main

PASSED_MIN = 180
CHARTS = 335


@unittest.skipUnless(os.environ.get("SWOOSH_NODE_MODULES"), "the npm packages are not installed")
class ScxmlConformanceTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = scxml_conformance.charts_folder(None)
        cls.outcomes = scxml_conformance.run_charts(folder)

    def test_no_chart_does_what_its_script_does_not_say(self):
        wrong = {name: why for name, (outcome, why) in self.outcomes.items() if outcome == "wrong"}
        self.assertEqual(wrong, {})

    def test_each_chart_passes_or_is_refused_for_the_reason_in_the_table(self):
        expected = scxml_conformance.read_expectations()
        self.assertEqual(list(scxml_conformance.differences(self.outcomes, expected)), [])

    def test_more_charts_pass_than_the_yardstick_enables(self):
        self.assertEqual(len(self.outcomes), CHARTS)
        self.assertGreaterEqual(scxml_conformance.counts(self.outcomes)["passed"], PASSED_MIN)


if __name__ == "__main__":
    test_main.run()
