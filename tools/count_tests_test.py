"""What `./dev test` counts: a failure is never lost, and nothing that did not run is counted."""

import json
import os
import subprocess
import sys
import tempfile
import unittest

COUNT_TESTS = os.path.join(os.path.dirname(__file__), "count_tests.py")


def gtest_xml(*cases):
    return (
        '<testsuites name="AllTests" timestamp="2024-01-01T00:00:00.000"><testsuite name="Suite">'
        + "".join(cases)
        + "</testsuite></testsuites>"
    )


def case(name, result="completed", child="", status="run"):
    return f'<testcase name="{name}" classname="Suite" status="{status}" result="{result}">{child}</testcase>'


class CountTestsTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.events = []

    def write(self, name, text):
        path = os.path.join(self.folder.name, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def add(self, label, status="PASSED", log="", xml=None, attempt=1):
        outputs = [("test.log", self.write(f"{len(self.events)}.log", log))]
        if xml is not None:
            outputs.append(("test.xml", self.write(f"{len(self.events)}.xml", xml)))
        self.events.append({
            "id": {"testResult": {"label": label, "run": 1, "shard": 1, "attempt": attempt}},
            "testResult": {
                "status": status,
                "testActionOutput": [{"name": name, "uri": "file://" + path} for name, path in outputs],
            },
        })

    def count(self):
        """Returns (last line, the lines before it)."""
        events = self.write("events.json", "".join(json.dumps(event) + "\n" for event in self.events))
        output = subprocess.run(
            [sys.executable, COUNT_TESTS, events], check=True, capture_output=True, text=True
        ).stdout.splitlines()
        return output[-1], output[:-1]

    def test_each_gtest_case_counts(self):
        self.add("//a:t", xml=gtest_xml(case("One"), case("Two")))
        self.assertEqual(self.count(), ("2 passed, 0 failed", []))

    def test_a_failed_gtest_case_is_named_and_its_two_failures_count_once(self):
        xml = gtest_xml(case("One"), case("Two", child="<failure/><failure/>"))
        self.add("//a:t", status="FAILED", xml=xml)
        summary, lines = self.count()
        self.assertEqual(summary, "1 passed, 1 failed")
        self.assertEqual(lines[0], "failed: //a:t: Suite.Two")

    def test_skipped_and_disabled_cases_are_not_passed(self):
        xml = gtest_xml(
            case("One"),
            case("Two", result="skipped", child='<skipped message="why"/>'),
            case("Off", result="suppressed", status="notrun"),
        )
        self.add("//a:t", xml=xml)
        self.assertEqual(self.count(), ("1 passed, 0 failed", ["skipped: //a:t: Suite.Two: why"]))

    def test_a_gtest_target_without_cases_fails(self):
        self.add("//a:t", xml=gtest_xml())
        self.assertEqual(self.count()[0], "0 passed, 1 failed")

    def test_a_crash_counts_although_all_reported_cases_passed(self):
        self.add("//a:t", status="FAILED", xml=gtest_xml(case("One")))
        self.assertEqual(self.count()[0], "1 passed, 1 failed")

    def test_the_last_line_of_a_log_counts(self):
        self.add("//a:t", log="noise\n9 passed, 9 failed\nskipped: node: absent\n3 passed, 0 failed\n")
        self.assertEqual(self.count(), ("3 passed, 0 failed", ["skipped: node: absent"]))

    def test_a_log_that_says_all_passed_does_not_hide_a_failed_target(self):
        self.add("//a:t", status="FAILED", log="3 passed, 0 failed\n")
        self.assertEqual(self.count()[0], "3 passed, 1 failed")

    def test_a_log_that_says_nothing_ran_fails_unless_it_says_what_was_skipped(self):
        self.add("//a:t", log="0 passed, 0 failed\n")
        self.assertEqual(self.count()[0], "0 passed, 1 failed")
        self.events.clear()
        self.add("//a:t", log="skipped: node: absent\n0 passed, 0 failed\n")
        self.assertEqual(self.count()[0], "0 passed, 0 failed")

    def test_a_target_without_counts_counts_one(self):
        self.add("//a:good", log="fine\n", xml="<testsuites><testsuite/></testsuites>")
        self.add("//a:late", status="TIMEOUT")
        summary, lines = self.count()
        self.assertEqual(summary, "1 passed, 1 failed")
        self.assertEqual(lines[0], "failed: //a:late: TIMEOUT")

    def test_only_the_last_attempt_counts(self):
        self.add("//a:t", status="FAILED", attempt=1)
        self.add("//a:t", status="PASSED", attempt=2)
        self.assertEqual(self.count()[0], "1 passed, 0 failed")

    def test_what_did_not_build_counts(self):
        self.events.append({"id": {"targetCompleted": {"label": "//a:t"}}, "completed": {}})
        self.events.append({"id": {"targetCompleted": {"label": "//a:u"}}, "completed": {"success": True}})
        self.assertEqual(self.count()[0], "0 passed, 1 failed")


if __name__ == "__main__":
    program = unittest.main(exit=False)
    failed = len(program.result.failures) + len(program.result.errors)
    print(f"{program.result.testsRun - failed} passed, {failed} failed", flush=True)
    sys.exit(failed != 0)
