#!/usr/bin/python3
"""Tests of report.py."""

import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

import test_main

HERE = pathlib.Path(__file__).absolute().parent


def create(case):
    return {"requestId": f"{case}/0", "transitions": [
        {"createInstance": {"instanceId": case, "machine": "incident"}}]}


def send(case, position, event):
    return {"requestId": f"{case}/{position}", "transitions": [
        {"sendEvent": {"instanceId": case, "event": event}}]}


def accepted(request_id, *configuration):
    return {"requestId": request_id, "index": "7", "results": [
        {"instance": {"id": "C", "configuration": ["incident", *configuration]}}]}


def refused(request_id, reason, *edges, code=9, message="no"):
    return {"requestId": request_id, "status": {"code": code, "message": message, "details": [
        {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason,
         "domain": "swoosh"},
        {"@type": "type.googleapis.com/swoosh.v1.Denial",
         "edges": [{"edge": edge, "reason": "1 > 2 is false"} for edge in edges]},
    ]}}


def record(index, instance, *edges):
    return {"index": str(index), "changes": [
        {"instanceId": instance, "machine": "incident", "edges": list(edges)}]}


class ReportTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def run_report(self, **files):
        """Each file: a text, or what stands on its lines as JSON."""
        arguments = []
        for name, lines in files.items():
            path = self.folder / name
            path.write_text(lines if isinstance(lines, str) else
                            "".join(json.dumps(line) + "\n" for line in lines))
            arguments += [f"--{name}", str(path)]
        return subprocess.run([sys.executable, "-B", HERE / "report.py", *arguments],
                              capture_output=True, text=True, check=False)

    def rows(self, **files):
        """The report's lines that say something, each as its words."""
        done = self.run_report(**files)
        self.assertEqual(done.returncode, 0, done.stderr)
        return [line.split() for line in done.stdout.splitlines() if line]

    def test_allowed_and_denied_events_are_counted_and_denials_by_state_and_event(self):
        rows = self.rows(
            requests=[create("C"), send("C", 1, "a"), send("C", 2, "b"), send("C", 3, "b"),
                      send("C", 4, "c")],
            responses=[accepted("C/0", "new"), accepted("C/1", "open", "queued"),
                       refused("C/2", "EVENT_NOT_ENABLED"), refused("C/3", "EVENT_NOT_ENABLED"),
                       refused("C/4", "GUARD_FALSE", "queued/c", "open/c")],
        )
        self.assertIn(["instances", "created", "1"], rows)
        self.assertIn(["events", "allowed", "1", "25.00", "%"], rows)
        self.assertIn(["events", "denied", "3", "75.00", "%"], rows)
        self.assertIn(["2", "queued", "b", "no", "edge"], rows)
        self.assertIn(["1", "queued", "c", "guard", "false:", "queued/c,", "open/c"], rows)

    def test_an_event_to_an_instance_that_is_done_is_denied_as_such(self):
        rows = self.rows(
            requests=[create("C"), send("C", 1, "a")],
            responses=[accepted("C/0", "cancelled"), refused("C/1", "INSTANCE_NOT_RUNNING")],
        )
        self.assertIn(["1", "cancelled", "a", "the", "instance", "is", "done"], rows)

    def test_what_the_machine_did_not_decide_is_neither_allowed_nor_denied(self):
        rows = self.rows(
            requests=[create("C"), send("C", 1, "a"), send("C", 2, "b"), send("C", 3, "c")],
            responses=[accepted("C/0", "new"),
                       refused("C/1", "QUEUE_FULL", code=8, message="later"),
                       refused("C/2", "STEP_FAILED", message="no such field")],
        )
        self.assertIn(["events", "allowed", "0", "-"], rows)
        self.assertIn(["events", "denied", "0", "-"], rows)
        self.assertIn(["without", "an", "answer", "1"], rows)
        self.assertIn(["1", "QUEUE_FULL", "later"], rows)
        self.assertIn(["1", "STEP_FAILED", "no", "such", "field"], rows)

    def test_the_last_answer_to_a_request_counts(self):
        rows = self.rows(
            requests=[create("C"), send("C", 1, "a")],
            responses=[accepted("C/0", "new"), refused("C/1", "DRAINING", code=14),
                       {**accepted("C/0", "new"), "duplicate": True}, accepted("C/1", "open")],
        )
        self.assertIn(["instances", "created", "1"], rows)
        self.assertIn(["events", "allowed", "1", "100.00", "%"], rows)

    def test_edges_are_counted_once_a_record_and_for_the_instances_asked_about(self):
        rows = self.rows(
            requests=[create("C"), send("C", 1, "a")],
            responses=[accepted("C/0", "new"), accepted("C/1", "open")],
            records=[record(1, "C"), record(2, "C", "x/y", "y/z"), record(2, "C", "x/y", "y/z"),
                     record(3, "C", "x/y"), record(4, "other", "x/y"), {"index": "5"},
                     {"historyId": "h", "initialComplete": True}],
        )
        self.assertLess(rows.index(["2", "x/y"]), rows.index(["1", "y/z"]))

    def test_moves_of_the_clock_are_no_requests(self):
        move = {"advanceClock": {"to": "2024-03-04T08:00:00Z"}}
        rows = self.rows(
            requests=[move, create("C"), move, send("C", 1, "a")],
            responses=[move, accepted("C/0", "new"), move, accepted("C/1", "open")],
        )
        self.assertIn(["events", "allowed", "1", "100.00", "%"], rows)

    def test_who_closed_is_counted(self):
        rows = self.rows(
            requests=[create("C")],
            responses=[accepted("C/0", "new")],
            records=[record(1, "C", "resolved/close_by_timer"), record(2, "C", "closed/confirm"),
                     record(3, "C", "resolved/close_by_timer"), record(4, "C", "resolved/close")],
        )
        self.assertIn("2 by the timer, of which the log closes 1 too, later".split(), rows)
        self.assertIn("1 by the log, before".split(), rows)

    def test_a_denial_is_of_the_region_that_says_where_the_work_stands(self):
        rows = self.rows(
            requests=[create("C"), send("C", 1, "a")],
            responses=[accepted("C/0", "open", "work", "queued", "attention", "calm"),
                       refused("C/1", "EVENT_NOT_ENABLED")],
        )
        self.assertIn(["1", "queued", "a", "no", "edge"], rows)

    def test_a_line_that_makes_no_sense_is_named(self):
        good = {"requests": [create("C")], "responses": [accepted("C/0", "new")]}
        for name, lines, parts in (
            ("requests", "{}\n", ("requests:1", "convert.py")),
            ("requests", "{", ("requests:1", "not JSON")),
            ("responses", "[]\n", ("responses:1", "not a JSON object")),
            ("responses", [accepted("D/0", "new")], ("responses:1", "'D/0'")),
            ("records", [{"changes": [{"instanceId": "C"}]}], ("records:1", "index")),
        ):
            done = self.run_report(**{**good, name: lines})
            self.assertEqual(done.returncode, 1, lines)
            self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
            for part in parts:
                self.assertIn(part, done.stderr)


if __name__ == "__main__":
    test_main.run()
