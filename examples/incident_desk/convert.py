#!/usr/bin/python3
"""Converts an event log in XES to proposals: one JSON SubmitRequest a line, for `swooshctl submit`.

Each trace becomes an instance of the machine `incident` (machine.json), named as the case, and each
of its events an event of that instance, in the order of the log: traces as they stand in the file,
events as they stand in their trace. Nothing is sorted.

With --event_time the log is replayed in its own time, for feed.py and a server with the manual
clock: all events in the order of their times, and between them lines that move the clock.

Creating an instance and each of its events are proposals of their own, so that an event that the
machine denies takes nothing else with it. Their request ids are CASE/0 for the creation and CASE/1,
CASE/2, ... for the events: the same log always gives the same ids, so a submission that was cut off
can go on, and what was accepted is not applied twice.

Reads one trace at a time: memory does not grow with the log, but for the names of the cases. With
--event_time the whole log is in memory, because it is sorted.
"""

import argparse
import datetime
import gzip
import heapq
import json
import math
import os
import re
import signal
import sys
import xml.etree.ElementTree as ElementTree
import zlib

MACHINE = "incident"
INSTANCE_ID = re.compile(r"[A-Za-z0-9._~-]+")
INSTANCE_ID_BYTES_MAX = 128
REQUEST_ID_BYTES_MAX = 128
EVENT_NAME_BYTES_MAX = 256
GZIP_MAGIC = b"\x1f\x8b"
# What the clock has to do with the machine: this event starts a timer of this delay.
TIMER_EVENT = "completed.resolved"
TIMER_SECONDS = 7 * 24 * 3600
# Otherwise the clock may be behind the log by so much: each move costs a record and a round trip.
CLOCK_BEHIND_SECONDS_MAX = 3600


class LogError(Exception):
    """The log can't be converted; the message says where and why."""


def local_name(tag):
    """The name of an element without its namespace: logs with and without one are in use."""
    return tag.rpartition("}")[2]


def attributes(element):
    """The XES attributes of a trace or event, as text by key."""
    found = {}
    for child in element:
        if local_name(child.tag) in ("event", "trace"):
            continue
        key, value = child.get("key"), child.get("value")
        if key is None:
            raise LogError(f"a <{local_name(child.tag)}> without a key")
        if value is None:
            continue  # lists and containers: nothing that we read
        if key in found:
            raise LogError(f"the attribute '{key}' stands twice")
        found[key] = value
    return found


def required(found, key):
    if key not in found:
        raise LogError(f"no attribute '{key}'")
    return found[key]


def event_name(status, substatus):
    """A status and what it is within it, as the name of an event.

    "Accepted" and "Wait - User" are `accepted.wait_user`.
    """
    tokens = []
    for text in (status, substatus):
        if not text.isascii():
            raise LogError(f"the status '{text}' has characters outside ASCII")
        token = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")
        if not token:
            raise LogError(f"the status '{text}' has neither letters nor digits")
        tokens.append(token)
    name = ".".join(tokens)
    if len(name) > EVENT_NAME_BYTES_MAX:
        raise LogError(f"the status makes an event name of more than {EVENT_NAME_BYTES_MAX} bytes")
    return name


def epoch_seconds(text):
    """Seconds since 1970 in UTC: whole where the log's time is, else to the millisecond."""
    try:
        time = datetime.datetime.fromisoformat(text)
    except ValueError:
        raise LogError(f"'time:timestamp' is '{text}', not a date and time in ISO 8601") from None
    if time.tzinfo is None:
        raise LogError(f"'time:timestamp' is '{text}', without an offset from UTC")
    seconds = round(time.timestamp(), 3)
    return int(seconds) if seconds == int(seconds) else seconds


def event_input(found):
    """What a log event tells the machine: its name, and its data."""
    name = event_name(required(found, "concept:name"), required(found, "lifecycle:transition"))
    return name, {
        "time": epoch_seconds(required(found, "time:timestamp")),
        "impact": required(found, "impact"),
        "owner": {
            "group": required(found, "org:group"),
            "resource": required(found, "org:resource"),
            "country": required(found, "organization country"),
        },
    }


def first_context(found, data):
    """The context that a case starts with, from its first event."""
    return {
        "impact": data["impact"],
        "product": required(found, "product"),
        "opened_at": data["time"],
        "last_event_at": data["time"],
        "owner": data["owner"],
    }


def request(case, position, kind, body):
    return {
        "requestId": f"{case}/{position}",
        "transitions": [{kind: {"instanceId": case, **body}}],
    }


def case_id(trace):
    case = required(attributes(trace), "concept:name")
    if not INSTANCE_ID.fullmatch(case) or len(case) > INSTANCE_ID_BYTES_MAX:
        raise LogError(
            f"'concept:name' is '{case}': an instance id has 1 to {INSTANCE_ID_BYTES_MAX} of "
            "A-Z a-z 0-9 . _ ~ -"
        )
    return case


def trace_requests(case, trace):
    """The proposals of one trace, in order."""
    events = [child for child in trace if local_name(child.tag) == "event"]
    if not events:
        raise LogError("a trace without events")
    if len(f"{case}/{len(events)}") > REQUEST_ID_BYTES_MAX:
        raise LogError(f"the case id makes request ids of more than {REQUEST_ID_BYTES_MAX} bytes")
    requests = []
    for position, event in enumerate(events, start=1):
        try:
            found = attributes(event)
            name, data = event_input(found)
            if position == 1:
                body = {"machine": MACHINE, "context": first_context(found, data)}
                requests.append(request(case, 0, "createInstance", body))
            body = {"event": name, "data": data}
            requests.append(request(case, position, "sendEvent", body))
        except LogError as error:
            raise LogError(f"event {position}: {error}") from None
    return requests


def traces(stream):
    """Each <trace> of an XES stream as it ends; what was read is let go."""
    log = None
    depth = 0
    try:
        for what, element in ElementTree.iterparse(stream, events=("start", "end")):
            if what == "start":
                depth += 1
                if log is None:
                    log = element
                    name = local_name(log.tag)
                    if name != "log":
                        raise LogError(f"the outermost element is <{name}>, not <log>")
                continue
            depth -= 1
            if depth == 1:
                if local_name(element.tag) == "trace":
                    yield element
                log.clear()
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise LogError(f"damaged gzip: {error}") from None
    except ElementTree.ParseError as error:
        raise LogError(f"not well-formed XML: {error}") from None
    except (LookupError, ValueError) as error:
        raise LogError(f"the encoding that it declares can't be read: {error}") from None


def requests_of(stream, limit=None):
    """All proposals of an XES stream, of its first `limit` cases if that is given.

    Raises LogError, which names the trace and the event.
    """
    seen = set()
    for number, trace in enumerate(traces(stream), start=1):
        where = f"trace {number}"
        try:
            case = case_id(trace)
            where += f" ('{case}')"
            if case in seen:
                raise LogError("a second trace of this name")
            seen.add(case)
            yield from trace_requests(case, trace)
        except LogError as error:
            raise LogError(f"{where}: {error}") from None
        if number == limit:
            return
    if not seen:
        raise LogError("no traces")


def by_time(requests):
    """(time, request) in the order of the events' times; a case keeps its order in any case.

    Of events of the same time the one that stands first in the log comes first. An event that is
    earlier than the one before it in its case counts as of that one's time, and a creation is of
    the time of the first event.
    """
    runs = []
    time = None
    for item in requests:
        (body,) = item["transitions"][0].values()
        if "machine" in body:
            time = body["context"]["opened_at"]
            runs.append([])
        else:
            time = max(time, body["data"]["time"])
        runs[-1].append((time, item))
    return heapq.merge(*runs, key=lambda timed: timed[0])


def clock_move(seconds):
    time = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    return {"advanceClock": {"to": time.isoformat().replace("+00:00", "Z")}}


def in_event_time(requests):
    """The requests in the order of time, with the moves of the clock that the timer needs.

    The clock stands at an event's time when the event starts a timer, and when its incident's timer
    came due meanwhile, so that the timer fires first; and it is never far behind.
    """
    clock = None
    due = {}  # by case, if a timer may be running
    for time, item in by_time(requests):
        (body,) = item["transitions"][0].values()
        case = body["instanceId"]
        starts_timer = body.get("event") == TIMER_EVENT
        if (
            clock is None
            or time - clock > CLOCK_BEHIND_SECONDS_MAX
            or (starts_timer and time > clock)
            or clock < due.get(case, math.inf) <= time
        ):
            clock = time
            yield clock_move(clock)
        if starts_timer:
            due[case] = time + TIMER_SECONDS
        yield item


def open_log(path):
    """Opens a log for reading, unpacking it when it is gzip, whatever its name."""
    with open(path, "rb") as stream:
        packed = stream.read(len(GZIP_MAGIC)) == GZIP_MAGIC
    return gzip.open(path, "rb") if packed else open(path, "rb")


def write_requests(requests, out):
    """Writes one line a request; returns how many cases and events they hold."""
    cases = events = 0
    for item in requests:
        if "transitions" in item:
            creates = "createInstance" in item["transitions"][0]
            cases += creates
            events += not creates
        out.write(json.dumps(item, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")
    return cases, events


def convert(path, output, limit, event_time):
    with open_log(path) as stream:
        requests = requests_of(stream, limit)
        if event_time:
            requests = in_event_time(requests)
        if output is None:
            counts = write_requests(requests, sys.stdout.buffer)
            sys.stdout.buffer.flush()
            return counts
        # A log that turns out to be bad leaves no half of a file under the name asked for.
        partial = output + ".partial"
        try:
            with open(partial, "wb") as out:
                counts = write_requests(requests, out)
            os.replace(partial, output)
        finally:
            if os.path.exists(partial):
                os.remove(partial)
        return counts


def cases_count(text):
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number of cases from 1")
    return int(text)


def main():
    parser = argparse.ArgumentParser(
        description="Converts an XES log of a help desk to one JSON SubmitRequest a line.",
        epilog="Then: swooshctl submit --file FILE; with --event_time: feed.py FILE",
    )
    parser.add_argument("log", help="the log: .xes, or .xes.gz")
    parser.add_argument("--output", metavar="FILE", help="where to write; default: standard output")
    parser.add_argument("--limit", metavar="N", type=cases_count, help="only the first N cases")
    parser.add_argument(
        "--event_time",
        action="store_true",
        help="in the order of the events' times, with moves of the manual clock between them",
    )
    arguments = parser.parse_args()
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `| head` is no error of ours
    try:
        cases, events = convert(
            arguments.log, arguments.output, arguments.limit, arguments.event_time
        )
    except LogError as error:
        sys.exit(f"convert.py: {arguments.log}: {error}")
    except OSError as error:
        sys.exit(f"convert.py: {error}")
    print(f"{cases} cases, {events} events", file=sys.stderr)


if __name__ == "__main__":
    main()
