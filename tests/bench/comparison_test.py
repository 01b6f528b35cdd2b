"""What every measurement relies on: turns, medians, rows, plots and the report."""

import argparse
import contextlib
import io
import json
import pathlib
import tempfile
import unittest
import xml.etree.ElementTree
from unittest import mock

import comparison
import svg_plot
import test_main

SVG = "{http://www.w3.org/2000/svg}"


class ComparisonTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        fewer_syncs = mock.patch.object(comparison, "PROBE_SYNCS", 3)
        fewer_syncs.start()
        self.addCleanup(fewer_syncs.stop)

    def comparison(self, name="speed", rounds=4):
        flags = argparse.Namespace(quick=True, rounds=rounds, output=self.folder)
        return comparison.Comparison(name, flags)

    def measured(self, ours, peer):
        """Rounds in which two sides did so much."""
        given = {"ours": iter(ours), "peer": iter(peer)}
        sides = {side: lambda side=side: {"rate": next(given[side])} for side in given}
        return self.comparison(rounds=len(ours)).rounds(sides, sync_bytes=64)

    def row(self, ours, peer, goal):
        rounds = self.measured(ours, peer)
        values = (rounds.of("ours", "rate"), rounds.of("peer", "rate"))
        return comparison.row("b", rounds, *values, goal, "a second", "another")

    def printed(self, function):
        """The lines on stdout."""
        out = io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
            function()
        return out.getvalue().splitlines()

    def write_one(self, name, ratio, goal=None):
        """What a script that measured two rounds writes."""
        made = self.comparison(name, rounds=2)
        rounds = self.measured([ratio, ratio], [1, 1])
        made.add(f"{name}_row", rounds, [ratio, ratio], [1, 1], goal, "a second", "another")
        made.plot("load", "Rate", "in flight", "a second", {"ours": [(1, 2, 3, 4), (64, 5, 6, 7)]})
        made.end()

    def test_sides_take_turns_so_that_neither_is_always_first(self):
        order = []
        sides = {name: lambda name=name: order.append(name) or {"rate": 1} for name in "AB"}
        self.comparison(rounds=4).rounds(sides, sync_bytes=64)
        self.assertEqual("".join(order), "ABBAABBA")

    def test_the_disk_alone_is_measured_in_every_round_and_leaves_nothing(self):
        rounds = self.measured([1, 2, 3], [1, 2, 3])
        self.assertEqual(len(rounds.sync_us), 3)
        self.assertTrue(all(each > 0 for each in rounds.sync_us))
        self.assertEqual([each for each in self.folder.iterdir() if each.is_file()], [])

    def test_a_ratio_is_the_median_of_the_rounds_own_ratios(self):
        row = self.row([10, 40, 90], [10, 20, 30], comparison.at_least(2))
        self.assertEqual((row["ours"], row["peer"], row["ratio"]), (40, 20, 2))
        self.assertEqual(row["spread"], 0.5)  # of 1, 2, 3: from 1.5 to 2.5
        self.assertEqual((row["goal"], row["met"]), (">= 2", True))
        self.assertEqual(row["raw"]["ours_rounds"], [10, 40, 90])
        self.assertEqual(row["raw"]["sync_bytes"], 64)

    def test_a_goal_that_is_missed_is_said_and_fails_nothing(self):
        self.assertFalse(self.row([1, 1], [1, 1], comparison.at_least(1.5))["met"])
        self.assertFalse(self.row([2, 2], [1, 1], comparison.at_most(1.25))["met"])
        self.assertTrue(self.row([1, 1], [1, 1], comparison.at_most(1.25))["met"])
        self.assertIsNone(self.row([1, 1], [1, 1], None)["met"])

    def test_without_a_peer_the_goal_is_for_the_figure_itself(self):
        rounds = self.measured([5, 6, 7], [1, 1, 1])
        row = comparison.row("b", rounds, [5, 6, 7], None, comparison.at_most(6), "s", "")
        self.assertEqual((row["ours"], row["peer"], row["ratio"]), (6, None, None))
        self.assertTrue(row["met"])

    def test_a_row_is_a_line_of_json(self):
        lines = self.printed(lambda: self.write_one("speed", 3, comparison.at_least(2)))
        row = json.loads(lines[0])
        wanted = {"bench", "ours", "peer", "ratio", "spread", "goal", "met", "unit", "raw"}
        self.assertLessEqual(wanted, set(row))
        self.assertEqual((row["bench"], row["ratio"], row["met"]), ("speed_row", 3, True))

    def test_the_report_holds_the_rows_of_all_scripts(self):
        self.printed(lambda: self.write_one("speed", 3, comparison.at_least(2)))
        self.printed(lambda: self.write_one("size", 5))
        self.printed(lambda: self.write_one("speed", 4, comparison.at_least(9)))
        report = (self.folder / "report.md").read_text()
        self.assertIn("| size_row | another | a second | 5 | 1 | 5 |", report)
        self.assertIn("| speed_row | another | a second | 4 | 1 | 4 | 0 % | >= 9 | no |", report)
        self.assertNotIn("| 3 | 1 | 3 |", report)
        for picture in ("size_ratios", "size_load", "speed_ratios", "speed_load"):
            self.assertIn(f"({picture}.svg)", report)
            self.assertTrue((self.folder / f"{picture}.svg").exists())

    def test_a_script_that_does_not_end_leaves_no_figure_of_an_earlier_run(self):
        self.printed(lambda: self.write_one("speed", 3))
        self.comparison("speed")
        self.printed(lambda: self.write_one("size", 5))
        self.assertNotIn("speed", (self.folder / "report.md").read_text())

    def test_what_was_skipped_is_said_on_stdout_and_in_the_report(self):
        made = self.comparison("etcd")
        lines = self.printed(lambda: (made.skip("etcd", "there is no etcd"), made.end()))
        self.assertEqual(lines, ["skipped: etcd: there is no etcd"])
        self.assertIn("Skipped: etcd: there is no etcd.", (self.folder / "report.md").read_text())


class SvgPlotTest(unittest.TestCase):
    def plot(self, **more):
        return {
            "title": "Puts & <events>",
            "x_label": "in flight",
            "y_label": "a second",
            "log_x": False,
            "log_y": False,
            "series": {"ours": [(1, 900, 1000, 1100), (1000, 90e3, 100e3, 110e3)], "none": []},
        } | more

    def words(self, picture):
        root = xml.etree.ElementTree.fromstring(picture)
        return [each.text for each in root.iter(f"{SVG}text")]

    def test_a_plot_says_its_title_axes_series_and_numbers(self):
        words = self.words(svg_plot.lines(self.plot()))
        for each in ("Puts & <events>", "in flight", "a second", "ours", "100k"):
            self.assertIn(each, words)

    def test_places_follow_the_numbers(self):
        for log in (False, True):
            picture = svg_plot.lines(self.plot(log_x=log, log_y=log))
            root = xml.etree.ElementTree.fromstring(picture)
            first, last = root.iter(f"{SVG}circle")
            self.assertLess(float(first.get("cx")), float(last.get("cx")))
            self.assertGreater(float(first.get("cy")), float(last.get("cy")))  # y grows downwards

    def test_a_plot_without_numbers_is_still_a_picture(self):
        for series in ({}, {"ours": [(0, 0, 0, 0)]}, {"ours": [(5, 5, 5, 5)]}):
            for log in (False, True):
                self.words(svg_plot.lines(self.plot(series=series, log_x=log, log_y=log)))

    def test_ratios_show_goals_met_and_missed(self):
        rows = [("fast", 3, 0.1, 2, True), ("slow", 0.5, 0.2, 1, False)]
        rows.append(("known", 1, 0, None, None))
        picture = svg_plot.ratios("All", rows)
        root = xml.etree.ElementTree.fromstring(picture)
        kinds = [each.get("class") for each in root.iter(f"{SVG}rect")]
        self.assertEqual(kinds, ["met", "missed", "known"])
        self.assertIn("0.5", self.words(picture))
        svg_plot.ratios("None", [])
        svg_plot.ratios("Below nothing", [("odd", -1, 0, 1, False), ("fast", 2, 0, 1, True)])


if __name__ == "__main__":
    test_main.run()
