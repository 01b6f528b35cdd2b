#!/usr/bin/python3
"""Says what the machine made of a log: how many events it allowed and denied, edge by edge.

Reads the requests (what convert.py wrote), their answers (SubmitResponse, one JSON object a line,
as `swooshctl submit` and feed.py write them), and, for the edges that were taken, the records
(WatchResponse or Record, one JSON object a line, as `swooshctl watch -o json` writes them).
"""

import argparse
import collections
import json
import signal
import sys

DENIAL = "swoosh.v1.Denial"
ERROR_INFO = "google.rpc.ErrorInfo"
# The reasons with which the machine itself says no. Any other refusal is no word about the event.
DENIED_REASONS = ("EVENT_NOT_ENABLED", "GUARD_FALSE", "INSTANCE_NOT_RUNNING")
MOVES_CLOCK = "advanceClock"  # the key of a line that is no proposal, of convert.py and feed.py
# The machine's edges that say who closed an incident.
CLOSED_BY_TIMER = "resolved/close_by_timer"
CLOSED_BY_LOG = "resolved/close"
CONFIRMED_BY_LOG = "closed/confirm"
# The region of the machine beside the one that says where the work stands.
ATTENTION = "attention"


class InputError(Exception):
    """A file that can't be understood; the message says which line and why."""


def json_lines(path):
    """Each line of a file as a JSON object, with its number from 1."""
    with open(path, encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                value = json.loads(line)
            except json.JSONDecodeError as error:
                raise InputError(f"{path}:{number}: not JSON: {error}") from None
            if not isinstance(value, dict):
                raise InputError(f"{path}:{number}: not a JSON object")
            yield number, value


def read_requests(path):
    """Request id -> (instance id, event name, or None where it creates), in the file's order."""
    requests = {}
    for number, item in json_lines(path):
        if MOVES_CLOCK in item:
            continue
        try:
            (transition,) = item["transitions"]
            ((kind, body),) = transition.items()
            if kind not in ("createInstance", "sendEvent"):
                raise KeyError
            event = body["event"] if kind == "sendEvent" else None
            requests[item["requestId"]] = (body["instanceId"], event)
        except (KeyError, ValueError, AttributeError):
            raise InputError(f"{path}:{number}: not a request that convert.py writes") from None
    return requests


def read_responses(path, requests):
    """Request id -> response. Of two for one request, as after a resumption, the last counts."""
    responses = {}
    for number, item in json_lines(path):
        if MOVES_CLOCK in item:
            continue
        request_id = item.get("requestId")
        if request_id not in requests:
            raise InputError(f"{path}:{number}: answers '{request_id}', which was not asked")
        responses[request_id] = item
    return responses


def detail(status, type_name):
    """The detail of that type, or an empty one."""
    for item in status.get("details", []):
        if item.get("@type", "").rpartition("/")[2] == type_name:
            return item
    return {}


def why_denied(status, reason):
    if reason == "INSTANCE_NOT_RUNNING":
        return "the instance is done"
    edges = [item.get("edge", "?") for item in detail(status, DENIAL).get("edges", [])]
    return f"guard false: {', '.join(edges)}" if edges else "no edge"


class Tally:
    """What became of the requests."""

    def __init__(self):
        self.created = 0
        self.allowed = 0
        self.denied = collections.Counter()  # (state, event, why)
        self.failed = collections.Counter()  # (reason, message): refused, but not by the machine
        self.unanswered = 0

    def add(self, event, state, response):
        """`state`: what `innermost` says of the instance before."""
        if response is None:
            self.unanswered += 1
        elif "status" not in response:
            self.created += event is None
            self.allowed += event is not None
        else:
            status = response["status"]
            reason = detail(status, ERROR_INFO).get("reason", f"code {status.get('code', 0)}")
            if event is not None and reason in DENIED_REASONS:
                self.denied[state, event, why_denied(status, reason)] += 1
            else:
                self.failed[reason, status.get("message", "")] += 1


def innermost(configuration):
    """The innermost active state, of the region of the work where there are two."""
    if ATTENTION in configuration:
        configuration = configuration[: configuration.index(ATTENTION)]
    return configuration[-1] if configuration else "?"


def tally_responses(requests, responses):
    tally = Tally()
    state_of = {}
    for request_id, (instance, event) in requests.items():
        response = responses.get(request_id)
        tally.add(event, state_of.get(instance, "?"), response)
        if response is not None and "status" not in response:
            for result in response.get("results", []):
                configuration = result.get("instance", {}).get("configuration", [])
                state_of[instance] = innermost(configuration)
    return tally


def tally_edges(path, instances):
    """How often each edge was taken by those instances; a record that stands twice counts once."""
    edges = collections.Counter()
    seen = set()
    for number, item in json_lines(path):
        changes = item.get("changes", [])
        if not changes:
            continue  # a watch's bookmark, or a record that registers a machine
        index = str(item.get("index", ""))
        if not index:
            raise InputError(f"{path}:{number}: a record without an index")
        if index in seen:
            continue
        seen.add(index)
        for change in changes:
            if change.get("instanceId") in instances:
                edges.update(change.get("edges", []))
    return edges


def by_count(counter):
    """Most frequent first; equal ones by name."""
    return sorted(counter.items(), key=lambda item: (-item[1], item[0]))


def percent(part, whole):
    return f"{100 * part / whole:.2f} %" if whole else "-"


def print_denied(denied):
    print("\ndenied, by state and event")
    state_width = max(len(state) for state, _, _ in denied)
    event_width = max(len(event) for _, event, _ in denied)
    for (state, event, why), count in by_count(denied):
        print(f"{count:8}  {state:{state_width}}  {event:{event_width}}  {why}")


def print_closed(edges):
    print("\nclosed")
    print(f"{edges[CLOSED_BY_TIMER]:8}  by the timer, of which the log closes", end="")
    print(f" {edges[CONFIRMED_BY_LOG]} too, later")
    print(f"{edges[CLOSED_BY_LOG]:8}  by the log, before")


def print_report(tally, edges):
    denied = sum(tally.denied.values())
    answered = tally.allowed + denied
    print(f"instances created  {tally.created:8}")
    print(f"events allowed     {tally.allowed:8}  {percent(tally.allowed, answered)}")
    print(f"events denied      {denied:8}  {percent(denied, answered)}")
    if tally.unanswered:
        print(f"without an answer  {tally.unanswered:8}")
    if edges is not None:
        print("\ntaken, by edge")
        for edge, count in by_count(edges):
            print(f"{count:8}  {edge}")
        print_closed(edges)
    if tally.denied:
        print_denied(tally.denied)
    if tally.failed:
        print("\nrefused for another reason than the machine")
        for (reason, message), count in by_count(tally.failed):
            print(f"{count:8}  {reason}  {message}")


def main():
    parser = argparse.ArgumentParser(
        description="Reports how many events of a log the machine allowed and denied, by edge."
    )
    parser.add_argument("--requests", metavar="FILE", required=True, help="what convert.py wrote")
    parser.add_argument("--responses", metavar="FILE", required=True, help="the answers to them")
    parser.add_argument("--records", metavar="FILE", help="the records, for the edges taken")
    arguments = parser.parse_args()
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `| head` is no error of ours
    try:
        requests = read_requests(arguments.requests)
        responses = read_responses(arguments.responses, requests)
        edges = None
        if arguments.records is not None:
            instances = {instance for instance, _ in requests.values()}
            edges = tally_edges(arguments.records, instances)
    except (InputError, OSError, UnicodeDecodeError) as error:
        sys.exit(f"report.py: {error}")
    print_report(tally_responses(requests, responses), edges)


if __name__ == "__main__":
    main()
