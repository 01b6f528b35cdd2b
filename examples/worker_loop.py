"""What the examples' workers have in common: watch what machines emit, act on it, send events.

A worker gives `run` a function `act`. It is called for whatever an instance of its machine tells,
in the order of the log, and answers the events to be sent back to that instance.

Nothing is left out: the index of the last record that was dealt with is kept in a file, the
bookmark, and the watch goes on after it, whatever was killed meanwhile. So the last thing may be
done again, and `act` has to bear that. What it sends is not applied twice: its request ids are made
from the place in the log of what it answers.
"""

import argparse
import dataclasses
import json
import os
import pathlib
import signal
import sys
import time

# The messages and services as `./dev build` generates them.
ROOT = pathlib.Path(__file__).absolute().parent.parent
for folder in (ROOT / "proto", ROOT / "bazel-bin" / "proto"):
    if (folder / "swoosh/v1/orchestrator_pb2_grpc.py").exists():
        sys.path.insert(0, str(folder))

try:
    import grpc
    from google.protobuf import json_format
    from swoosh.v1 import orchestrator_pb2, orchestrator_pb2_grpc
except ImportError as error:
    sys.exit(f"{error}: run ./dev build first, and this with /usr/bin/python3")

CALL_SECONDS_MAX = 10
RECONNECT_SECONDS = 0.1
CREATED = "created"  # Told.name for the record that creates an instance; no machine emits it
# After these the same request, with the same id, is sent again.
PASSING = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.CANCELLED,
)
CHANNEL_OPTIONS = (
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
)


@dataclasses.dataclass
class Told:
    """Something that an instance told: what it emitted, or that it was created."""

    instance: str
    index: int  # of the record
    name: str
    data: object  # the value emitted, as JSON values are in Python


class Server:
    """The calls of a worker, each repeated until the server is there to answer it."""

    def __init__(self, address):
        self._channel = grpc.insecure_channel(address, options=CHANNEL_OPTIONS)
        self._stub = orchestrator_pb2_grpc.OrchestratorStub(self._channel)

    def watch(self, from_index, history_id, machine):
        request = orchestrator_pb2.WatchRequest(
            from_index=from_index, history_id=history_id, machines=[machine]
        )
        return self._stub.Watch(request, wait_for_ready=True)

    def context(self, told):
        """The context of the instance as it was when it told that."""
        request = orchestrator_pb2.GetInstanceRequest(
            instance_id=told.instance, at_index=told.index
        )
        instance = _until_answered(self._stub.GetInstance, request)
        return json_format.MessageToDict(instance.context)

    def send(self, request_id, instance, event, data):
        """Sends an event. One that the machine does not take (any more) is no error of ours."""
        request = orchestrator_pb2.SubmitRequest(request_id=request_id)
        body = request.transitions.add().send_event
        body.instance_id = instance
        body.event = event
        body.data.update(data)
        try:
            _until_answered(self._stub.Submit, request)
            print(f"  -> {instance} {event} {json.dumps(data)}", flush=True)
        except grpc.RpcError as error:
            if error.code() != grpc.StatusCode.FAILED_PRECONDITION:
                raise
            print(f"  -> {instance} {event}: too late: {error.details()}", flush=True)


def _until_answered(call, request):
    while True:
        try:
            return call(request, timeout=CALL_SECONDS_MAX, wait_for_ready=True)
        except grpc.RpcError as error:
            if error.code() not in PASSING:
                raise
        time.sleep(RECONNECT_SECONDS)


class Bookmark:
    """The last record that was dealt with, in a file that is replaced as a whole."""

    def __init__(self, path):
        self._path = pathlib.Path(path)
        self.index = 0
        self.history_id = ""
        if self._path.exists():
            kept = json.loads(self._path.read_text())
            self.index, self.history_id = kept["index"], kept["history_id"]

    def move(self, index, history_id):
        self.index, self.history_id = index, history_id
        new = self._path.with_name(self._path.name + ".new")
        new.write_text(json.dumps({"index": index, "history_id": history_id}) + "\n")
        os.replace(new, self._path)


def _told_by(response):
    """All that a record told, in order."""
    for change in response.changes:
        if change.created:
            yield Told(change.instance_id, response.index, CREATED, None)
        for emitted in change.emitted:
            data = json_format.MessageToDict(emitted.data)
            yield Told(change.instance_id, response.index, emitted.name, data)


def _follow(server, machine, bookmark, act):
    for response in server.watch(bookmark.index + 1, bookmark.history_id, machine):
        for position, told in enumerate(_told_by(response)):
            for number, (event, data) in enumerate(act(server, told)):
                request_id = f"{machine}-worker/{told.index}/{position}/{number}"
                server.send(request_id, told.instance, event, data)
        bookmark.move(response.index, response.history_id)


def run(machine, description, act):
    """Parses the command line, and works until Ctrl-C.

    `act(server, told)` answers a list of (event, data), which are sent to the instance, in order.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(
        "--server",
        default=os.environ.get("SWOOSH_SERVER", "127.0.0.1:7070"),
        metavar="HOST:PORT",
        help="where swooshd listens; default: $SWOOSH_SERVER, else 127.0.0.1:7070",
    )
    parser.add_argument(
        "--bookmark",
        default=str(pathlib.Path(sys.argv[0]).with_suffix(".bookmark")),
        metavar="FILE",
        help="where to keep the index of the last record dealt with; default: %(default)s",
    )
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    server = Server(arguments.server)
    bookmark = Bookmark(arguments.bookmark)
    print(f"watching {machine} from index {bookmark.index + 1}", flush=True)
    try:
        while True:
            try:
                _follow(server, machine, bookmark, act)
            except grpc.RpcError as error:
                if error.code() == grpc.StatusCode.ABORTED:
                    sys.exit(f"{error.details()}: {arguments.bookmark} is of another store")
                if error.code() not in PASSING:
                    sys.exit(f"{error.code().name}: {error.details()}")
            time.sleep(RECONNECT_SECONDS)
    except KeyboardInterrupt:
        pass
