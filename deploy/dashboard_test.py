"""The dashboard is one that Grafana can show; prometheus_test.py asks for its data."""

import collections
import itertools
import re
import unittest

import dashboard
import prometheus_server
import promql
import test_main

COLUMNS = 24
KINDS = {"alertlist", "heatmap", "row", "stat", "text", "timeseries"}
WITHOUT_QUERIES = {"alertlist", "row", "text"}
BUILT_IN = {"__rate_interval"}
ROWS = [
    "Service",
    "Log",
    "Executor",
    "Watches and timers",
    "Snapshots, proofs and backups",
    "Disk and memory",
    "Certificates and access",
]


def overlap(a, b):
    return (
        a["x"] < b["x"] + b["w"]
        and b["x"] < a["x"] + a["w"]
        and a["y"] < b["y"] + b["h"]
        and b["y"] < a["y"] + a["h"]
    )


class DashboardTest(unittest.TestCase):
    def test_each_panel_has_an_id_of_its_own_a_title_and_a_kind_that_grafana_knows(self):
        panels = list(dashboard.panels())
        ids = collections.Counter(panel["id"] for panel in panels)
        self.assertEqual([each for each, count in ids.items() if count > 1], [])
        for panel in panels:
            self.assertTrue(panel["title"])
            self.assertIn(panel["type"], KINDS)
            if panel["type"] not in ("row", "text"):
                self.assertTrue(panel["description"], panel["title"])

    def test_panels_lie_side_by_side(self):
        for panel in dashboard.panels():
            place = panel["gridPos"]
            self.assertLessEqual(place["x"] + place["w"], COLUMNS, panel["title"])
            self.assertTrue(min(place["w"], place["h"]) > 0 <= min(place["x"], place["y"]))
        for a, b in itertools.combinations(dashboard.panels(), 2):
            self.assertFalse(overlap(a["gridPos"], b["gridPos"]), (a["title"], b["title"]))

    def test_it_has_a_row_for_each_part_of_the_server(self):
        rows = [panel["title"] for panel in dashboard.panels() if panel["type"] == "row"]
        self.assertEqual(rows, ROWS)

    def test_each_query_is_of_the_datasource_job_and_instance_that_were_chosen(self):
        for panel in dashboard.panels():
            targets = panel.get("targets", [])
            self.assertEqual(not targets, panel["type"] in WITHOUT_QUERIES, panel["title"])
            names = [target["refId"] for target in targets]
            self.assertEqual(len(names), len(set(names)))
            for target in targets:
                self.assertEqual(target["datasource"]["uid"], "${datasource}")
                read = promql.selectors(target["expr"])
                self.assertTrue(read, panel["title"])
                for selector in read:
                    self.assertIn('{job=~"$job", instance=~"$instance"', selector)

    def test_each_variable_that_is_used_is_there(self):
        board = dashboard.read()
        declared = {each["name"] for each in board["templating"]["list"]}
        self.assertEqual(declared, {"datasource", "job", "instance"})
        used = set(re.findall(r"\$\{?(\w+)", dashboard.PATH.read_text()))
        self.assertEqual(used - declared - BUILT_IN, {"__all"})

    def test_it_shows_the_metrics_that_alerts_are_about(self):
        text = dashboard.PATH.read_text()
        rules = prometheus_server.RULES.read_text()
        for name in set(re.findall(r"\b(?:swoosh|grpc_server)_\w+(?=[\[{ )])", rules)):
            shown = name.removesuffix("_bucket").removesuffix("_count").removesuffix("_sum")
            self.assertTrue(shown in text, shown)

    def test_the_alert_list_is_of_our_alerts(self):
        (panel,) = (each for each in dashboard.panels() if each["type"] == "alertlist")
        prefix = panel["options"]["alertName"]
        alerts = re.findall(r"- alert: (\w+)", prometheus_server.RULES.read_text())
        self.assertTrue(alerts)
        self.assertTrue(all(each.startswith(prefix) for each in alerts))


if __name__ == "__main__":
    test_main.run()
