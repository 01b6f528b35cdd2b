#!/usr/bin/python3
"""Counts test cases from Bazel's build event file.

Usage: count_tests.py BUILD_EVENTS_JSON

Prints what failed with where its log is, what was skipped, and last `N passed, N failed`.
  A GoogleTest target counts its cases.
  Another target whose log ends in `N passed, N failed` counts as it says; its lines
  `skipped: NAME: REASON` are passed on.
  Any other target counts 1.
  A target that failed without a failed case counts 1 failed; one that did not build too.
"""

import json
import re
import sys
import urllib.parse
import xml.etree.ElementTree as ElementTree

SUMMARY = re.compile(r"(\d+) passed, (\d+) failed")
SKIPPED = re.compile(r"skipped: .+")


class Tally:
    """What all targets together came to."""

    def __init__(self):
        self.passed = 0
        self.failures = []  # (what, where its log is)
        self.failed = 0
        self.skipped = []

    def fail(self, what, log, count=1):
        self.failed += count
        self.failures.append((what, log))


def path_of(uri):
    return urllib.parse.unquote(urllib.parse.urlparse(uri).path)


def last_attempts(events):
    """The outputs of each target's last attempt a run and shard: {(label, run, shard): (attempt, result)}."""
    attempts = {}
    for event in events:
        identity = event.get("id", {}).get("testResult")
        if identity is None or "testResult" not in event:
            continue
        key = (identity["label"], identity.get("run", 1), identity.get("shard", 0))
        attempt = identity.get("attempt", 1)
        if key not in attempts or attempt >= attempts[key][0]:
            attempts[key] = (attempt, event["testResult"])
    return attempts


def gtest_cases(xml_path):
    """The <testcase> elements that GoogleTest wrote, or None when another program wrote the file."""
    try:
        root = ElementTree.parse(xml_path).getroot()
    except (OSError, ElementTree.ParseError):
        return None
    # Bazel's own stand-in for a test that writes no XML has no `timestamp`.
    if root.tag != "testsuites" or "timestamp" not in root.attrib:
        return None
    return [case for case in root.iter("testcase") if case.get("status") == "run"]


def count_gtest(label, cases, log, tally):
    """Returns how many cases failed."""
    failed = 0
    for case in cases:
        name = f"{label}: {case.get('classname')}.{case.get('name')}"
        if case.find("failure") is not None:
            failed += 1
            tally.fail(name, log)
        elif case.get("result") == "skipped":
            skipped = case.find("skipped")
            reason = "" if skipped is None else (skipped.get("message") or "").strip().splitlines()
            tally.skipped.append(f"skipped: {name}" + (f": {reason[-1]}" if reason else ""))
        else:
            tally.passed += 1
    return failed


def count_log(label, log, ok, tally):
    """Counts a target that is not GoogleTest's, by its log. Returns how many cases failed."""
    try:
        with open(log, encoding="utf-8", errors="replace") as file:
            lines = [line.strip() for line in file if line.strip()]
    except OSError:
        lines = []
    skipped = [line for line in lines if SKIPPED.fullmatch(line)]
    tally.skipped += skipped
    summary = SUMMARY.fullmatch(lines[-1]) if lines else None
    if summary is None:
        if ok and not skipped:
            tally.passed += 1
        return 0
    passed, failed = int(summary[1]), int(summary[2])
    tally.passed += passed
    if failed:
        tally.fail(f"{label}: {failed} of {passed + failed} cases", log, failed)
    elif passed == 0 and not skipped:
        tally.fail(f"{label}: ran no case", log)
        return 1
    return failed


def count_target(label, result, tally):
    outputs = {output["name"]: path_of(output["uri"]) for output in result.get("testActionOutput", [])}
    log = outputs.get("test.log", "no log")
    status = result.get("status")
    ok = status == "PASSED"
    cases = gtest_cases(outputs["test.xml"]) if "test.xml" in outputs else None
    if cases is None:
        failed = count_log(label, log, ok, tally)
    else:
        failed = count_gtest(label, cases, log, tally)
        if ok and not cases:
            tally.fail(f"{label}: ran no case", log)
    if not ok and not failed:
        tally.fail(f"{label}: {status}", log)


def count_unbuilt(events, tally):
    for event in events:
        identity = event.get("id", {}).get("targetCompleted")
        if identity is not None and not event.get("completed", {}).get("success"):
            tally.fail(f"{identity['label']}: did not build", "see above")


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        events = [json.loads(line) for line in file if line.strip()]
    tally = Tally()
    count_unbuilt(events, tally)
    for (label, _, _), (_, result) in sorted(last_attempts(events).items()):
        count_target(label, result, tally)
    for what, log in tally.failures:
        print(f"failed: {what}\n    {re.sub('^.*/testlogs/', 'bazel-testlogs/', log)}")
    for line in sorted(set(tally.skipped)):
        print(line)
    print(f"{tally.passed} passed, {tally.failed} failed")


if __name__ == "__main__":
    main()
