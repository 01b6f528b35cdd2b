"""Random charts: ours does as Appendix D says, and what scion-core does otherwise is explained."""

import os
import unittest

import appendix_d
import random_charts
import scion_deviations
import test_main

CHARTS = 500
FEW_CHARTS = 100
NEEDED_MAX = 3  # a deviation of scion-core's that explained so many charts is needed
EVENTS = 50  # for each
SEED = 1
# What keeps the charts from agreeing about doing nothing.
EDGES_PER_EVENT_MIN = 0.6
EFFECTIVE_SHARE_MIN = 0.5
TAKEN_MIN = 200
KINDS = {
    "eventless",
    "guarded",
    "inside a parallel state",
    "internal",
    "multi-target",
    "of a parallel state",
    "on an event",
    "on an internal event",
    "on done.state",
    "targetless",
    "to deep history",
    "to shallow history",
}

NPM = random_charts.npm_packages()


class RandomChartsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.outcome, _ = random_charts.compare(seed, CHARTS, EVENTS, NPM, needed_max=NEEDED_MAX)
        print(cls.outcome, flush=True)

    def test_ours_does_what_the_standard_says_after_every_event(self):
        self.assertEqual(self.outcome.wrong, 0, "\n".join(self.outcome.shown))
        self.assertEqual(self.outcome.events, CHARTS * EVENTS)

    def test_the_charts_use_what_there_is(self):
        outcome = self.outcome
        self.assertGreaterEqual(outcome.edges / outcome.events, EDGES_PER_EVENT_MIN)
        self.assertGreaterEqual(outcome.events_effective / outcome.events, EFFECTIVE_SHARE_MIN)
        rare = {kind: outcome.taken[kind] for kind in KINDS if outcome.taken[kind] < TAKEN_MIN}
        self.assertEqual(rare, {})

    @unittest.skipUnless(NPM, "the npm packages are not installed")
    def test_what_scion_does_otherwise_is_explained(self):
        self.assertEqual(self.outcome.scion_unexplained, 0, "\n".join(self.outcome.shown))
        self.assertEqual(self.outcome.explained, self.outcome.scion_differs)
        self.assertLess(self.outcome.scion_differs, CHARTS // 5)

    @unittest.skipUnless(NPM, "the npm packages are not installed")
    def test_no_explanation_is_more_than_it_takes(self):
        unused = [name for name in scion_deviations.DEVIATIONS if not self.outcome.needed[name]]
        self.assertEqual(unused, [])


@unittest.skipUnless(NPM, "the npm packages are not installed")
class ScionOptionsTest(unittest.TestCase):
    def test_with_its_legacy_option_scion_finds_domains_as_the_standard_does(self):
        deviations = set(scion_deviations.DEVIATIONS) - {"parallel_domain"}
        outcome, _ = random_charts.compare(
            seed, FEW_CHARTS, EVENTS, NPM, scion_name="scion_legacy", deviations=deviations
        )
        self.assertEqual(outcome.scion_unexplained, 0, "\n".join(outcome.shown))

    def test_a_deviation_that_is_not_known_is_found(self):
        outcome, _ = random_charts.compare(seed, FEW_CHARTS, EVENTS, NPM, deviations=())
        self.assertGreater(outcome.scion_differs, 0)
        self.assertGreaterEqual(outcome.scion_unexplained, outcome.scion_differs)
        self.assertEqual(outcome.explained, 0)


class ComparisonTest(unittest.TestCase):
    def test_a_program_that_answers_nonsense_is_wrong(self):
        with open("nonsense", "w", opener=lambda path, flags: os.open(path, flags, 0o755)) as file:
            file.write("#!/bin/sh\nwhile read -r line; do echo '{\"steps\":[]}'; done\n")
        self.addCleanup(os.remove, "nonsense")
        outcome, _ = random_charts.compare(seed, 3, EVENTS, None, run_charts="./nonsense")
        self.assertEqual(outcome.wrong, 3)


# A parallel state p with regions a and b, of which a goes to itself.
PARALLEL = {
    "root": {
        "id": "r",
        "initial": ["p"],
        "states": [
            {
                "id": "p",
                "type": "PARALLEL",
                "exit": [{"emit": {"name": "p"}}],
                "states": [
                    {
                        "id": "a",
                        "initial": ["a1"],
                        "states": [
                            {"id": "a1", "on": [{"event": "next", "target": ["a2"]}]},
                            {"id": "a2"},
                        ],
                        "on": [{"event": "a", "target": ["a"]}],
                    },
                    {
                        "id": "b",
                        "initial": ["b1"],
                        "states": [
                            {"id": "b1", "on": [{"event": "next", "target": ["b2"]}]},
                            {"id": "b2"},
                        ],
                    },
                ],
            }
        ],
    }
}


class AppendixDTest(unittest.TestCase):
    def test_a_region_that_goes_to_itself_leaves_the_parallel_state(self):
        for deviations, expected in ((), ["p"]), (("parallel_domain",), []):
            document = appendix_d.Document(PARALLEL)
            interpreter = scion_deviations.Interpreter(document, deviations)
            interpreter.start()
            interpreter.process("next")
            self.assertEqual(interpreter.active(), ["r", "p", "a", "a2", "b", "b2"])
            interpreter.process("a")
            self.assertEqual(interpreter.active(), ["r", "p", "a", "a1", "b", "b1"])
            self.assertEqual(interpreter.emitted, expected)

    def test_descriptors_match_in_whole_tokens(self):
        for descriptor in ("a", "a.", "a.*", "*"):
            self.assertTrue(appendix_d.name_match(descriptor, "a"))
            self.assertTrue(appendix_d.name_match(descriptor, "a.b"))
        for descriptor in ("a", "a.", "a.*", "b"):
            self.assertFalse(appendix_d.name_match(descriptor, "ab"))


if __name__ == "__main__":
    seed = test_main.seed_from_flag(default=SEED)
    test_main.run()
