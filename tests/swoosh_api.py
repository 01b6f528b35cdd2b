"""What tests say to a server, in short: transitions, requests, and errors taken apart."""

import dataclasses

import grpc
import swoosh_server  # noqa: F401  (it knows where the generated modules are)
from google.protobuf import json_format
from google.rpc import error_details_pb2, status_pb2
from swoosh.v1 import error_pb2, orchestrator_pb2, transition_pb2

CALL_SECONDS_MAX = 30
CODES = {code.value[0]: code for code in grpc.StatusCode}

# Counts what it is sent, and remembers who sent it last. `add` never fails and never is refused.
COUNTER = {
    "name": "counter",
    "context": {"count": 0, "last": ""},
    "root": {
        "id": "counter",
        "initial": ["counting"],
        "states": [
            {
                "id": "counting",
                "on": [
                    {
                        "id": "add",
                        "event": "add",
                        "actions": [
                            {"assign": {"location": "context.count", "value": "context.count + 1"}},
                            {"assign": {"location": "context.last", "value": "event.data.by"}},
                        ],
                    },
                    {"id": "stop", "event": "stop", "target": ["stopped"]},
                ],
            },
            {"id": "stopped", "type": "FINAL", "output": "context.count"},
        ],
    },
}


def transition(kind, /, **body):
    """transition("send_event", instance_id="a", event="go"): the fields of a Transition as JSON."""
    expected_version = body.pop("expected_version", None)
    message = transition_pb2.Transition()
    json_format.ParseDict({kind: body}, message)
    if expected_version is not None:
        message.expected_version = expected_version
    return message


def register(machine):
    return transition("register_machine", machine=machine)


def create(instance_id, machine="counter", **more):
    return transition("create_instance", instance_id=instance_id, machine=machine, **more)


def send(instance_id, event="add", data=None, **more):
    data = {"by": ""} if data is None and event == "add" else data or {}
    return transition("send_event", instance_id=instance_id, event=event, data=data, **more)


def delete(instance_id, **more):
    return transition("delete_instance", instance_id=instance_id, **more)


def request(*transitions, **fields):
    return orchestrator_pb2.SubmitRequest(transitions=transitions, **fields)


def submit(stub, *transitions, **fields):
    return stub.Submit(request(*transitions, **fields), timeout=CALL_SECONDS_MAX)


@dataclasses.dataclass
class Refusal:
    """An error as a client sees it, with its details found."""

    code: grpc.StatusCode
    message: str
    reason: str = ""  # of ErrorInfo with domain "swoosh"
    metadata: dict = dataclasses.field(default_factory=dict)  # of ErrorInfo
    violations: dict = dataclasses.field(default_factory=dict)  # of BadRequest: field -> why
    denial: error_pb2.Denial | None = None

    @classmethod
    def of_status(cls, status):
        """From the google.rpc.Status of a SubmitResponse."""
        refusal = cls(CODES[status.code], status.message)
        for detail in status.details:
            refusal._add(detail)
        return refusal

    @classmethod
    def of_error(cls, error):
        """From the exception of a call."""
        for key, value in error.trailing_metadata() or ():
            if key == "grpc-status-details-bin":
                return cls.of_status(status_pb2.Status.FromString(value))
        return cls(error.code(), error.details())

    def _add(self, detail):
        info = error_details_pb2.ErrorInfo()
        bad_request = error_details_pb2.BadRequest()
        denial = error_pb2.Denial()
        if detail.Unpack(info) and info.domain == "swoosh":
            self.reason = info.reason
            self.metadata = dict(info.metadata)
        elif detail.Unpack(bad_request):
            violations = bad_request.field_violations
            self.violations = {each.field: each.description for each in violations}
        elif detail.Unpack(denial):
            self.denial = denial


def refusal_of(call, *arguments, **named):
    """The Refusal that a call ends with; an AssertionError when it does not."""
    try:
        answer = call(*arguments, **named)
    except grpc.RpcError as error:
        return Refusal.of_error(error)
    raise AssertionError(f"not refused: {answer}")


def all_records(stub, namespace="", from_index=0):
    """The records of a namespace, over all pages."""
    asked = orchestrator_pb2.ListRecordsRequest(
        namespace=namespace, from_index=from_index, page_size=1000
    )
    while True:
        page = stub.ListRecords(asked, timeout=CALL_SECONDS_MAX)
        yield from page.records
        if not page.next_page_token:
            return
        asked.page_token = page.next_page_token


def all_instances(stub, **fields):
    """The instances that match, over all pages."""
    asked = orchestrator_pb2.ListInstancesRequest(page_size=1000, **fields)
    while True:
        page = stub.ListInstances(asked, timeout=CALL_SECONDS_MAX)
        yield from page.instances
        if not page.next_page_token:
            return
        asked.page_token = page.next_page_token
