#!/usr/bin/python3
"""Tests of convert.py, of the sample log and of what the machine calls its events."""

import gzip
import io
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import tracemalloc
import unittest

import convert
import make_sample
import test_main

HERE = pathlib.Path(__file__).absolute().parent
SAMPLE = HERE / "sample.xes"

EVENT = {
    "org:group": "Network",
    "org:resource": "Ada",
    "organization country": "se",
    "concept:name": "Accepted",
    "lifecycle:transition": "In Progress",
    "impact": "Low",
    "product": "VPN",
    "time:timestamp": "2024-03-04T08:00:00+01:00",
}


def event_xml(**changes):
    """An <event>; a change with the value None leaves the attribute out."""
    names = {"status": "concept:name", "substatus": "lifecycle:transition",
             "time": "time:timestamp", "resource": "org:resource"}
    values = dict(EVENT)
    for name, value in changes.items():
        values[names.get(name, name)] = value
    rows = [f"<string key={make_sample.quoteattr(key)} value={make_sample.quoteattr(value)}/>"
            for key, value in values.items() if value is not None]
    return "<event>" + "".join(rows) + "</event>"


def trace_xml(case, *events):
    return f'<trace><string key="concept:name" value="{case}"/>{"".join(events)}</trace>'


def log_xml(*traces):
    return '<log xmlns="http://www.xes-standard.org/">' + "".join(traces) + "</log>"


def converted(xml, limit=None):
    stream = io.BytesIO(xml if isinstance(xml, bytes) else xml.encode())
    return list(convert.requests_of(stream, limit))


def bytes_of(path):
    out = io.BytesIO()
    with convert.open_log(path) as stream:
        convert.write_requests(convert.requests_of(stream), out)
    return out.getvalue()


class ConvertTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def write(self, name, content):
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    def assert_refused(self, xml, *parts):
        with self.assertRaises(convert.LogError) as caught:
            converted(xml)
        for part in parts:
            self.assertIn(part, str(caught.exception))

    # ------------------------------------------------------------ what comes out

    def test_a_case_is_created_and_then_gets_its_events_each_in_a_request_of_its_own(self):
        requests = converted(log_xml(trace_xml("C-1", event_xml(), event_xml(status="Queued"))))
        self.assertEqual([item["requestId"] for item in requests], ["C-1/0", "C-1/1", "C-1/2"])
        self.assertEqual([len(item["transitions"]) for item in requests], [1, 1, 1])
        owner = {"group": "Network", "resource": "Ada", "country": "se"}
        self.assertEqual(requests[0]["transitions"][0]["createInstance"], {
            "instanceId": "C-1",
            "machine": "incident",
            "context": {"impact": "Low", "product": "VPN", "opened_at": 1709535600,
                        "last_event_at": 1709535600, "owner": owner},
        })
        self.assertEqual(requests[1]["transitions"][0]["sendEvent"], {
            "instanceId": "C-1",
            "event": "accepted.in_progress",
            "data": {"time": 1709535600, "impact": "Low", "owner": owner},
        })

    def test_the_order_of_the_log_is_kept_even_where_time_goes_back(self):
        late, early = "2024-03-05T00:00:00Z", "2024-03-04T00:00:00Z"
        requests = converted(log_xml(
            trace_xml("B", event_xml(time=late), event_xml(time=early, status="Queued")),
            trace_xml("A", event_xml(time=early)),
        ))
        self.assertEqual([item["requestId"] for item in requests],
                         ["B/0", "B/1", "B/2", "A/0", "A/1"])
        self.assertEqual(requests[2]["transitions"][0]["sendEvent"]["event"], "queued.in_progress")

    def test_the_same_log_gives_the_same_bytes_whatever_the_locale(self):
        outputs = []
        for environment in ({"LC_ALL": "C", "PYTHONHASHSEED": "1", "PYTHONUTF8": "0"},
                            {"LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "2", "TZ": "Asia/Tokyo"}):
            outputs.append(subprocess.run(
                [sys.executable, "-B", HERE / "convert.py", SAMPLE], check=True,
                capture_output=True, env={"PATH": os.environ["PATH"], **environment}).stdout)
        self.assertEqual(outputs[0], outputs[1])
        self.assertEqual(outputs[0], bytes_of(SAMPLE))

    def test_escapes_and_letters_outside_ascii_survive(self):
        name = "Zoë <\"O'Neill\" & \\ Søn>\n\t\u2028\U0001f600"
        line = self.lines_of(log_xml(trace_xml("C", event_xml(resource=name))))[1]
        owner = json.loads(line)["transitions"][0]["sendEvent"]["data"]["owner"]
        self.assertEqual(owner["resource"], name)

    def test_a_request_is_one_line(self):
        lines = self.lines_of(log_xml(trace_xml("C", event_xml(resource="a\nb\rc"))))
        self.assertEqual(len(lines), 2)
        for line in lines:
            json.loads(line)

    def lines_of(self, xml):
        out = io.BytesIO()
        convert.write_requests(converted(xml), out)
        return out.getvalue().decode().removesuffix("\n").split("\n")

    def test_event_names_are_made_of_status_and_substatus(self):
        for status, substatus, name in (
            ("Accepted", "In Progress", "accepted.in_progress"),
            ("Queued", "Awaiting Assignment", "queued.awaiting_assignment"),
            ("Accepted", "Wait - User", "accepted.wait_user"),
            ("Accepted", "Wait", "accepted.wait"),
            ("Unmatched", "Unmatched", "unmatched.unmatched"),
            (" Level.2 ", "(A)", "level_2.a"),
        ):
            self.assertEqual(convert.event_name(status, substatus), name)

    def test_times_are_seconds_in_utc(self):
        for text, seconds in (
            ("2010-03-31T16:59:42+02:00", 1270047582),
            ("2010-03-31T14:59:42Z", 1270047582),
            ("2010-03-31T14:59:42.000+00:00", 1270047582),
            ("2010-03-31T14:59:42.125+00:00", 1270047582.125),
            ("1969-12-31T23:59:59Z", -1),
        ):
            self.assertEqual(convert.epoch_seconds(text), seconds)

    def test_limit_takes_the_first_cases_and_changes_nothing_in_them(self):
        log = log_xml(*(trace_xml(f"C{n}", event_xml(), event_xml()) for n in range(5)))
        self.assertEqual(converted(log, limit=2), converted(log)[:6])

    def test_event_time_sorts_the_events_and_moves_the_clock_where_the_timer_needs_it(self):
        def at(day, hour=0, minute=0, **changes):
            return event_xml(time=f"2024-03-{day:02}T{hour:02}:{minute:02}:00Z", **changes)

        resolved = {"status": "Completed", "substatus": "Resolved"}
        closed = {"status": "Completed", "substatus": "Closed"}
        requests = converted(log_xml(
            trace_xml("A", at(1), at(1, 0, 10, **resolved), at(8, 0, 11, **closed)),
            trace_xml("B", at(1, 0, 5), at(1, 0, 30), at(1, 1, 15), at(8, 0, 5)),
        ))
        lines = [line["requestId"] if "requestId" in line else line["advanceClock"]["to"][8:16]
                 for line in convert.in_event_time(requests)]
        self.assertEqual(lines, [
            "01T00:00", "A/0", "A/1",
            "B/0", "B/1",  # the clock may be behind by an hour
            "01T00:10", "A/2",  # but not where a timer starts
            "B/2",
            "01T01:15", "B/3",  # more than an hour
            "08T00:05", "B/4",
            "08T00:11", "A/3",  # the timer came due meanwhile, and fires first
        ])

    def test_event_time_keeps_the_order_of_a_case(self):
        requests = converted(log_xml(
            trace_xml("A", event_xml(time="2024-03-02T00:00:00Z"),
                      event_xml(time="2024-03-01T00:00:00Z")),
            trace_xml("B", event_xml(time="2024-03-01T12:00:00Z")),
        ))
        self.assertEqual([item["requestId"] for _, item in convert.by_time(requests)],
                         ["B/0", "B/1", "A/0", "A/1", "A/2"])

    def test_event_time_loses_no_request(self):
        with convert.open_log(SAMPLE) as stream:
            requests = list(convert.requests_of(stream))
        sorted_requests = [line for line in convert.in_event_time(requests)
                           if "requestId" in line]
        self.assertEqual(sorted(line["requestId"] for line in sorted_requests),
                         sorted(line["requestId"] for line in requests))

    def test_a_log_without_a_namespace_is_read_too(self):
        xml = log_xml(trace_xml("C", event_xml()))
        self.assertEqual(converted(xml.replace(' xmlns="http://www.xes-standard.org/"', "")),
                         converted(xml))

    def test_gzip_is_known_by_its_content(self):
        packed = self.write("log.xes", gzip.compress(SAMPLE.read_bytes()))
        plain = self.write("log.xes.gz", SAMPLE.read_bytes())
        self.assertEqual(bytes_of(packed), bytes_of(SAMPLE))
        self.assertEqual(bytes_of(plain), bytes_of(SAMPLE))

    def test_memory_does_not_grow_with_the_log(self):
        def peak_bytes(cases):
            path = self.write("log.xes", log_xml(*(
                trace_xml(f"C{n}", *[event_xml()] * 20) for n in range(cases))))
            tracemalloc.start()
            with convert.open_log(path) as stream:
                for _ in convert.requests_of(stream):
                    pass
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            return peak

        # 900 more cases are 7 MB of XML, and far more than that as a tree of elements.
        self.assertLess(peak_bytes(1_000) - peak_bytes(100), 500_000)

    # ------------------------------------------------------------ what is refused

    def test_malformed_xml_is_refused_with_its_line(self):
        self.assert_refused(log_xml(trace_xml("C", event_xml())) + "\n<more/>", "line 2")
        self.assert_refused("<log><trace></log>", "not well-formed XML", "line 1")
        self.assert_refused("", "no element found")
        self.assert_refused(b"<log a='\xff'/>", "not well-formed XML")

    def test_an_encoding_that_is_not_known_is_refused(self):
        self.assert_refused('<?xml version="1.0" encoding="none"?><log/>', "encoding")

    def test_another_kind_of_document_is_refused(self):
        self.assert_refused("<html/>", "<html>, not <log>")
        self.assert_refused(log_xml(), "no traces")

    def test_a_missing_attribute_is_named_with_its_trace_and_event(self):
        for key in EVENT:
            # The product is asked for where the case starts, all else with every event.
            position = 1 if key == "product" else 2
            events = [event_xml(), event_xml()]
            events[position - 1] = event_xml(**{key: None})
            self.assert_refused(log_xml(trace_xml("A", event_xml()), trace_xml("B", *events)),
                                "trace 2 ('B')", f"event {position}", f"'{key}'")

    def test_an_attribute_that_stands_twice_is_refused(self):
        twice = event_xml().replace("</event>", '<string key="impact" value="High"/></event>')
        self.assert_refused(log_xml(trace_xml("C", twice)), "event 1", "'impact'", "twice")

    def test_a_time_that_is_none_or_has_no_offset_is_refused(self):
        self.assert_refused(log_xml(trace_xml("C", event_xml(time="yesterday"))), "yesterday")
        self.assert_refused(log_xml(trace_xml("C", event_xml(time="2024-03-04T08:00:00"))),
                            "without an offset")

    def test_a_status_that_makes_no_event_name_is_refused(self):
        self.assert_refused(log_xml(trace_xml("C", event_xml(status="--"))), "'--'")
        self.assert_refused(log_xml(trace_xml("C", event_xml(status="Öppen"))), "outside ASCII")
        self.assert_refused(log_xml(trace_xml("C", event_xml(status="a" * 300))), "256 bytes")

    def test_a_case_id_that_is_no_instance_id_is_refused(self):
        for case in ("", "a b", "é", "x" * 129):
            self.assert_refused(log_xml(trace_xml(case, event_xml())), "trace 1", "instance id")
        self.assert_refused(log_xml(trace_xml("x" * 128, event_xml())), "trace 1", "request ids")
        self.assert_refused(log_xml("<trace>" + event_xml() + "</trace>"), "'concept:name'")

    def test_a_case_that_comes_twice_is_refused(self):
        one = trace_xml("C", event_xml())
        self.assert_refused(log_xml(one, one), "trace 2 ('C')", "second trace")

    def test_a_trace_without_events_is_refused(self):
        self.assert_refused(log_xml(trace_xml("C")), "trace 1 ('C')", "without events")

    # ------------------------------------------------------------ the command

    def run_command(self, *arguments):
        return subprocess.run([sys.executable, "-B", HERE / "convert.py", *arguments],
                              capture_output=True, text=True, check=False)

    def test_the_command_writes_the_file_and_says_how_much(self):
        output = str(self.folder / "out.jsonl")
        done = self.run_command(str(SAMPLE), "--output", output, "--limit", "3")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stderr, r"^3 cases, \d+ events\n$")
        lines = pathlib.Path(output).read_bytes()
        self.assertTrue(bytes_of(SAMPLE).startswith(lines))
        self.assertEqual(lines.count(b'"createInstance"'), 3)

    def test_a_bad_log_leaves_the_output_as_it_was_and_fails_in_one_line(self):
        output = self.write("out.jsonl", "before")
        packed = gzip.compress(SAMPLE.read_bytes())
        bad_crc = packed[:-8] + bytes(4) + packed[-4:]
        for content, part in (
            (log_xml(trace_xml("C", event_xml())) + "<", "not well-formed"),
            (packed[: len(packed) // 2], "damaged gzip"),
            (bad_crc, "damaged gzip"),
        ):
            log = self.write("bad.xes", content)
            done = self.run_command(log, "--output", output)
            self.assertEqual(done.returncode, 1)
            self.assertIn(part, done.stderr)
            self.assertIn(log, done.stderr)
            self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
            self.assertEqual(pathlib.Path(output).read_text(), "before")
            self.assertEqual(sorted(os.listdir(self.folder)), ["bad.xes", "out.jsonl"])

    def test_wrong_arguments_are_refused(self):
        self.assertEqual(self.run_command(str(SAMPLE), "--limit", "0").returncode, 2)
        self.assertEqual(self.run_command().returncode, 2)
        done = self.run_command(str(self.folder / "absent.xes"))
        self.assertEqual(done.returncode, 1)
        self.assertIn("absent.xes", done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1)


class SampleTest(unittest.TestCase):
    def test_make_sample_writes_the_sample_byte_for_byte(self):
        out = io.StringIO()
        make_sample.write_sample(out)
        self.assertEqual(out.getvalue().encode(), SAMPLE.read_bytes())

    def test_the_machine_takes_exactly_the_events_that_the_sample_has(self):
        machine = json.loads((HERE / "machine.json").read_text(encoding="utf-8"))
        taken = set()
        states = [machine["root"]]
        while states:
            state = states.pop()
            taken.update(edge["event"] for edge in state.get("on", []))
            states.extend(state.get("states", []))
        with convert.open_log(SAMPLE) as stream:
            sent = {item["transitions"][0]["sendEvent"]["event"]
                    for item in convert.requests_of(stream)
                    if "sendEvent" in item["transitions"][0]}
        self.assertEqual(sent, taken)

    def test_the_timer_that_the_clock_is_moved_for_is_the_machine_s(self):
        machine = json.loads((HERE / "machine.json").read_text(encoding="utf-8"))
        timers = []
        states = [machine["root"]]
        while states:
            state = states.pop()
            timers += [(state["id"], edge["delay"]) for edge in state.get("after", [])]
            states.extend(state.get("states", []))
        self.assertEqual(timers, [("resolved", f"{convert.TIMER_SECONDS}s")])
        entering = [edge["event"] for edge in self.edges(machine["root"])
                    if "resolved" in edge.get("target", [])]
        self.assertEqual(entering, [convert.TIMER_EVENT])

    def edges(self, state):
        yield from state.get("on", [])
        for inner in state.get("states", []):
            yield from self.edges(inner)

    def test_the_context_that_a_case_starts_with_has_keys_of_the_machine_only(self):
        machine = json.loads((HERE / "machine.json").read_text(encoding="utf-8"))
        with convert.open_log(SAMPLE) as stream:
            first = next(convert.requests_of(stream))["transitions"][0]["createInstance"]
        self.assertEqual(first["machine"], machine["name"])
        self.assertLessEqual(set(first["context"]), set(machine["context"]))
        self.assertEqual(set(first["context"]["owner"]), set(machine["context"]["owner"]))


if __name__ == "__main__":
    test_main.run()
