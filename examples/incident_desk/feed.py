#!/usr/bin/python3
"""Feeds a log in its own time to a server with the manual clock.

The input is what `convert.py --event_time` wrote. Proposals go over one stream, many at a time, but
never two events of the same instance: then what is sent again after a break is judged by the same
state, also where it is denied. Before the clock is moved all is answered.

The file of answers is the memory: one line for each line of the input. When it is there, feeding
goes on after what it holds; whatever is killed, every line is carried out once.
"""

import argparse
import collections
import json
import os
import pathlib
import queue
import sys
import time

# The messages and services as `./dev build` generates them.
ROOT = pathlib.Path(__file__).absolute().parent.parent.parent
for folder in (ROOT / "proto", ROOT / "bazel-bin" / "proto"):
    if (folder / "swoosh/v1/orchestrator_pb2_grpc.py").exists():
        sys.path.insert(0, str(folder))

try:
    import grpc
    from google.protobuf import json_format

    # What an answer's details are made of is written out as JSON, and so has to be known.
    from google.rpc import error_details_pb2  # noqa: F401
    from swoosh.v1 import (
        admin_pb2,
        admin_pb2_grpc,
        error_pb2,  # noqa: F401
        orchestrator_pb2,
        orchestrator_pb2_grpc,
    )
except ImportError as error:
    sys.exit(f"{error}: run ./dev build first, and this with /usr/bin/python3")

IN_FLIGHT_MAX = 256
CALL_SECONDS_MAX = 60
RECONNECT_SECONDS = 0.1
CHANNEL_OPTIONS = (
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
)
# In the call or in an answer: the same is sent again.
PASSING = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.CANCELLED,
)
PASSING_CODES = tuple(code.value[0] for code in PASSING)


class Lost(Exception):
    """The connection, or an answer that says that the server is going: connect again."""


class Answers:
    """The file of answers. A line that a kill left half is cut off."""

    def __init__(self, path):
        self._file = open(path, "a+b")
        self._file.seek(0)
        content = self._file.read()
        whole = content.rfind(b"\n") + 1
        self._file.truncate(whole)
        self.count = content.count(b"\n")

    def add(self, answer):
        """Keeps it over a kill of this program, before anything is done that builds on it."""
        self._file.write(json.dumps(answer, separators=(",", ":")).encode() + b"\n")
        self._file.flush()
        self.count += 1


class Stream:
    """One SubmitStream: requests into it, answers out of it, in order."""

    def __init__(self, stub):
        self._requests = queue.SimpleQueue()
        self._answers = stub.SubmitStream(iter(self._requests.get, None), wait_for_ready=True)

    def send(self, request):
        self._requests.put(request)

    def receive(self):
        try:
            return next(self._answers)
        except grpc.RpcError as error:
            if error.code() in PASSING:
                raise Lost(error.details()) from None
            raise
        except StopIteration:
            raise Lost("the stream ended") from None

    def close(self):
        self._requests.put(None)
        self._answers.cancel()


class Feeder:
    """Carries out the lines that have no answer yet, over one connection."""

    def __init__(self, channel, answers):
        self._orchestrator = orchestrator_pb2_grpc.OrchestratorStub(channel)
        self._admin = admin_pb2_grpc.AdminStub(channel)
        self._answers = answers
        self._stream = Stream(self._orchestrator)
        self._in_flight = collections.deque()
        self._instances = set()  # that have an event in flight

    def feed(self, lines):
        """Raises Lost when what is in flight has to be sent again, by another Feeder."""
        try:
            # Only the first can have been carried out without its answer having been seen.
            may_be_done = True
            for line in lines:
                item = json.loads(line)
                if "advanceClock" in item:
                    self._settle()
                    self._advance(item["advanceClock"]["to"], may_be_done)
                else:
                    self._submit(json_format.ParseDict(item, orchestrator_pb2.SubmitRequest()))
                may_be_done = False
            self._settle()
        finally:
            self._stream.close()

    def _submit(self, request):
        # Of a creation "": no event is denied because of it, so the first need not wait for it.
        instance = request.transitions[0].send_event.instance_id
        while instance in self._instances or len(self._in_flight) == IN_FLIGHT_MAX:
            self._receive()
        self._stream.send(request)
        self._in_flight.append(instance)
        if instance:
            self._instances.add(instance)

    def _receive(self):
        answer = self._stream.receive()
        if answer.status.code in PASSING_CODES:
            raise Lost(answer.status.message)
        self._instances.discard(self._in_flight.popleft())
        self._answers.add(json_format.MessageToDict(answer))

    def _settle(self):
        while self._in_flight:
            self._receive()

    def _advance(self, to, may_be_done):
        request = json_format.ParseDict({"to": to}, admin_pb2.AdvanceClockRequest())
        try:
            index = self._index_of_clock_record(request.to) if may_be_done else None
            if index is None:
                index = self._admin.AdvanceClock(request, timeout=CALL_SECONDS_MAX).index
        except grpc.RpcError as error:
            if error.code() in PASSING:
                raise Lost(error.details()) from None
            raise
        self._answers.add({"advanceClock": {"to": to, "index": str(index)}})

    def _index_of_clock_record(self, to):
        """Of the newest record, if it is the one by which the clock was moved there; else None.

        Moving the clock has no request id, but a record: without a second client it is the newest.
        """
        state = self._orchestrator.GetState(
            orchestrator_pb2.GetStateRequest(), timeout=CALL_SECONDS_MAX, wait_for_ready=True
        )
        if state.index == 0:
            return None
        newest = self._orchestrator.ListRecords(
            orchestrator_pb2.ListRecordsRequest(from_index=state.index), timeout=CALL_SECONDS_MAX
        )
        for record in newest.records:
            advance = record.transitions[0].advance_time
            # Where timers fire the record says how many may.
            if advance.HasField("to") and advance.to == to and advance.fire_max == 0:
                return record.index
        return None


def feed(path, answers, address, retry_seconds):
    with open(path, "rb") as stream:
        lines = stream.read().splitlines()
    if answers.count > len(lines):
        sys.exit(f"feed.py: {path} has {len(lines)} lines, and {answers.count} are answered")
    heard = time.monotonic()
    while True:
        count = answers.count
        with grpc.insecure_channel(address, options=CHANNEL_OPTIONS) as channel:
            try:
                grpc.channel_ready_future(channel).result(retry_seconds)
                Feeder(channel, answers).feed(lines[count:])
                return len(lines)
            except (Lost, grpc.FutureTimeoutError) as lost:
                heard = time.monotonic() if answers.count > count else heard
                if time.monotonic() - heard > retry_seconds:
                    sys.exit(f"feed.py: no answer for {retry_seconds} s: {lost}")
        time.sleep(RECONNECT_SECONDS)


def main():
    parser = argparse.ArgumentParser(
        description="Feeds what convert.py --event_time wrote to a server with --clock=manual."
    )
    parser.add_argument("file", help="what convert.py --event_time wrote")
    parser.add_argument(
        "--answers",
        metavar="FILE",
        required=True,
        help="where to write a line for each line; goes on after what is there",
    )
    parser.add_argument(
        "--server",
        default=os.environ.get("SWOOSH_SERVER", "127.0.0.1:7070"),
        metavar="HOST:PORT",
        help="where swooshd listens; default: $SWOOSH_SERVER, else 127.0.0.1:7070",
    )
    parser.add_argument(
        "--retry_for",
        type=float,
        default=60,
        metavar="SECONDS",
        help="how long to do without a server; default: %(default)s",
    )
    arguments = parser.parse_args()
    try:
        answers = Answers(arguments.answers)
        before = answers.count
        count = feed(arguments.file, answers, arguments.server, arguments.retry_for)
    except grpc.RpcError as error:
        sys.exit(f"feed.py: {error.code().name}: {error.details()}")
    except OSError as error:
        sys.exit(f"feed.py: {error}")
    print(f"{count} lines, {before} of them before", file=sys.stderr)


if __name__ == "__main__":
    main()
