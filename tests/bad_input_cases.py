"""The table of bad_input_test.py: what is sent, and what comes back."""

import copy
import dataclasses

from swoosh.v1 import transition_pb2
from swoosh_api import COUNTER, create, delete, register, request, send


@dataclasses.dataclass
class Case:
    what: str
    sent: object  # a Transition, a SubmitRequest, or bytes as they go over the wire
    code: str
    reason: str
    field: str = ""  # of BadRequest; "" = has none
    message: str = ""  # a part of the text


def invalid(what, sent, reason, field, message=""):
    return Case(what, sent, "INVALID_ARGUMENT", reason, field, message)


def bad_machine(what, sent, reason, path, message=""):
    """`path` is that of the field in the machine."""
    return invalid(what, sent, reason, f"transitions[0].register_machine.machine.{path}", message)


def denied(what, sent, reason, message=""):
    return Case(what, sent, "FAILED_PRECONDITION", reason, "", message)


def counter_with(change):
    """The machine `counter` under another name, after `change` was made to it."""
    machine = copy.deepcopy(COUNTER)
    machine["name"] = "bad"
    change(machine)
    return register(machine)


def with_state(**fields):
    """A machine whose first state has other fields as well."""
    return counter_with(lambda machine: machine["root"]["states"][0].update(fields))


def with_edge(**fields):
    """A machine whose edge `add` has other fields as well."""
    return counter_with(lambda machine: machine["root"]["states"][0]["on"][0].update(fields))


def with_action(**action):
    return with_edge(actions=[action])


def delimited(number, content):
    """A protobuf field on the wire, for what no generated class would write."""
    size = len(content)
    varint = bytearray()
    while size >= 0x80:
        varint.append(size & 0x7F | 0x80)
        size >>= 7
    varint.append(size)
    return bytes([number << 3 | 2]) + bytes(varint) + content


def send_on_the_wire(instance_id, more=b""):
    """The bytes of a request with one send_event, which has `more` at its end."""
    event = delimited(1, instance_id) + delimited(2, b"add") + more
    return delimited(3, delimited(4, event))


def not_a_number():
    item = create("new")
    item.create_instance.context["count"] = float("nan")
    return item


def advance_time():
    return transition_pb2.Transition(advance_time=transition_pb2.AdvanceTime())


FIRST_STATE = "root.states[0]"
ADD_EDGE = f"{FIRST_STATE}.on[0]"
STATES_10_001 = [{"id": f"s{number}"} for number in range(10_001)]
RESTLESS = [
    {"id": "x", "always": [{"target": ["y"]}]},
    {"id": "y", "always": [{"target": ["x"]}]},
]

# Refused when a machine is registered.
BAD_MACHINES = [
    bad_machine(
        "unknown state as target",
        with_edge(target=["nowhere"]),
        "INVALID_DEFINITION",
        f"{ADD_EDGE}.target[0]",
        "nowhere",
    ),
    bad_machine(
        "expression that does not parse",
        with_edge(guard="context.count >"),
        "INVALID_EXPRESSION",
        f"{ADD_EDGE}.guard",
        "line 1, column ",
    ),
    bad_machine(
        "unknown function",
        with_action(assign={"location": "context.count", "value": "sqrt(2)"}),
        "INVALID_EXPRESSION",
        f"{ADD_EDGE}.actions[0].assign.value",
        "sqrt",
    ),
    bad_machine(
        "cycle of `always` without guards",
        with_state(initial=["x"], states=RESTLESS),
        "INVALID_DEFINITION",
        f"{FIRST_STATE}.states[0].always",
    ),
    bad_machine(
        "number beyond 2^53 in the context",
        counter_with(lambda machine: machine["context"].update(count=2.0**53 + 2)),
        "NUMBER_INEXACT",
        "context.count",
    ),
    bad_machine(
        "two states of one id",
        counter_with(lambda machine: machine["root"]["states"].append({"id": "counting"})),
        "INVALID_DEFINITION",
        "root.states[2].id",
        "counting",
    ),
    bad_machine(
        "too many states",
        counter_with(lambda machine: machine["root"]["states"].extend(STATES_10_001)),
        "TOO_LARGE",
        "root.states[9999]",
    ),
    invalid(
        "expected_version of a machine",
        transition_pb2.Transition(
            expected_version=1, register_machine=register(COUNTER).register_machine
        ),
        "INVALID_FIELD",
        "transitions[0].expected_version",
    ),
    bad_machine(
        "parallel state without regions",
        with_state(type="PARALLEL"),
        "INVALID_DEFINITION",
        f"{FIRST_STATE}.states",
    ),
    bad_machine(
        "deep atomic state", with_state(history="DEEP"), "INVALID_DEFINITION", f"{FIRST_STATE}.history"
    ),
    bad_machine(
        "`after` edge without a delay",
        with_state(after=[{"target": ["stopped"]}]),
        "INVALID_DEFINITION",
        f"{FIRST_STATE}.after[0].delay",
    ),
    bad_machine(
        "negative delay",
        with_state(after=[{"delay": "-30s"}]),
        "INVALID_DEFINITION",
        f"{FIRST_STATE}.after[0].delay",
    ),
    bad_machine(
        "`send` of no event",
        with_action(send={"delay": "1s"}),
        "INVALID_FIELD",
        f"{ADD_EDGE}.actions[0].send.event",
    ),
    bad_machine(
        "`cancel` of no id",
        with_action(cancel={}),
        "INVALID_FIELD",
        f"{ADD_EDGE}.actions[0].cancel.id",
    ),
    bad_machine(
        "external guard of an event that the machine itself raises",
        with_edge(external_guard="g", actions=[{"raise": {"event": "add"}}]),
        "INVALID_DEFINITION",
        f"{ADD_EDGE}.external_guard",
    ),
    bad_machine(
        "two targets in one region",
        with_edge(target=["counting", "stopped"]),
        "INVALID_DEFINITION",
        f"{ADD_EDGE}.target[1]",
    ),
    bad_machine(
        "negative retention",
        counter_with(lambda it: it.update(retention="-60s")),
        "INVALID_DEFINITION",
        "retention",
    ),
]

# Refused with an instance `i`, at version 2, of the machine `counter`; `s` is stopped.
BAD_PROPOSALS = [
    invalid("no transitions", request(), "INVALID_FIELD", "transitions"),
    invalid("no kind", transition_pb2.Transition(), "INVALID_FIELD", "transitions[0]"),
    invalid("1,001 transitions", request(*[send("i")] * 1001), "TOO_LARGE", "transitions"),
    invalid(
        "the server's own transition",
        advance_time(),
        "INVALID_FIELD",
        "transitions[0].advance_time",
    ),
    invalid(
        "unknown field inside a transition",
        send_on_the_wire(b"i", delimited(9, b"from the future")),
        "UNKNOWN_FIELD",
        "transitions[0].send_event",
        "9",
    ),
    invalid(
        "number beyond 2^53",
        create("new", context={"count": 2.0**53 + 2}),
        "NUMBER_INEXACT",
        "transitions[0].create_instance.context.count",
    ),
    invalid(
        "NaN",
        not_a_number(),
        "INVALID_FIELD",
        "transitions[0].create_instance.context.count",
    ),
    invalid(
        "context over its bound",
        create("new", context={"last": "x" * 65_536}),
        "TOO_LARGE",
        "transitions[0].create_instance.context",
        "65536",
    ),
    invalid(
        "event data over their bound",
        send("i", data={"by": "x" * 65_536}),
        "TOO_LARGE",
        "transitions[0].send_event.data",
    ),
    invalid("empty id", create(""), "INVALID_FIELD", "transitions[0].create_instance.instance_id"),
    invalid(
        "id with a slash, in the second transition",
        request(send("i"), send("a/b")),
        "INVALID_FIELD",
        "transitions[1].send_event.instance_id",
    ),
    invalid(
        "event name with a space",
        send("i", "a b"),
        "INVALID_FIELD",
        "transitions[0].send_event.event",
    ),
    invalid("bad namespace", request(send("i"), namespace="a/b"), "INVALID_FIELD", "namespace"),
    invalid("long id", request(send("i"), request_id="r" * 129), "TOO_LARGE", "request_id"),
    invalid("a view that is none", request(send("i"), view=77), "INVALID_FIELD", "view"),
    invalid("no message", b"\xff\xff\xff\xff", "INVALID_FIELD", "request"),
    invalid(
        "id that is not UTF-8",
        send_on_the_wire(b"\xff\xfe"),
        "INVALID_FIELD",
        "transitions[0].send_event.instance_id",
        "UTF-8",
    ),
    invalid(
        "data with a key that is not UTF-8",
        send_on_the_wire(b"i", delimited(3, delimited(1, delimited(1, b"\xff")))),
        "INVALID_FIELD",
        "transitions[0].send_event.data.fields[0].key",
        "UTF-8",
    ),
    # gRPC's own, before our code sees it.
    Case("5 MiB message", send("i", data={"by": "x" * (5 << 20)}), "RESOURCE_EXHAUSTED", ""),
    Case("stale version", send("i", expected_version=1), "ABORTED", "VERSION_MISMATCH"),
    Case("must not exist", send("i", expected_version=0), "ABORTED", "VERSION_MISMATCH"),
    Case("unknown machine", create("new", "none"), "NOT_FOUND", "MACHINE_NOT_FOUND", "", "none"),
    Case("its version", create("new", machine_version=7), "NOT_FOUND", "MACHINE_NOT_FOUND"),
    Case("unknown instance", send("nobody"), "NOT_FOUND", "INSTANCE_NOT_FOUND", "", "nobody"),
    Case("deletes what is not there", delete("nobody"), "NOT_FOUND", "INSTANCE_NOT_FOUND"),
    Case("instance exists", create("i"), "ALREADY_EXISTS", "INSTANCE_EXISTS"),
    Case(
        "good ones before a bad one",
        request(create("new"), send("new"), send("i"), send("nobody")),
        "NOT_FOUND",
        "INSTANCE_NOT_FOUND",
    ),
    denied("event not enabled", send("i", "fly"), "EVENT_NOT_ENABLED"),
    denied("instance is done", send("s"), "INSTANCE_NOT_RUNNING"),
    denied("data that an action misses", send("i", data={"other": 1}), "STEP_FAILED", "by"),
    denied("division by zero", send("c", "divide"), "STEP_FAILED", "zero"),
    denied("value over its cost", send("c", "toil"), "STEP_FAILED", "cost"),
    denied("guard over its cost is no yes", send("c", "doubt"), "GUARD_FALSE"),
    Case("edges that never rest", send("c", "spin"), "RESOURCE_EXHAUSTED", "LIMIT_REACHED"),
    Case("context that grows", send("c", "grow"), "RESOURCE_EXHAUSTED", "LIMIT_REACHED"),
]

COSTLY = "context.numbers.all(a, context.numbers.all(b, a + b >= 0))"
# An instance `c` of it can be driven to the bounds.
CLUMSY = {
    "name": "clumsy",
    "context": {"turns": 0, "numbers": list(range(1000)), "text": "x" * 40_000},
    "root": {
        "id": "clumsy",
        "initial": ["idle"],
        "states": [
            {
                "id": "idle",
                "on": [
                    {"event": "spin", "target": ["spinning"]},
                    {
                        "event": "grow",
                        "actions": [
                            {"assign": {"location": "context.more", "value": "context.text"}}
                        ],
                    },
                    {
                        "event": "divide",
                        "actions": [
                            {"assign": {"location": "context.turns", "value": "1 / context.turns"}}
                        ],
                    },
                    {
                        "event": "toil",
                        "actions": [{"assign": {"location": "context.sum", "value": COSTLY}}],
                    },
                    {"event": "doubt", "guard": COSTLY},
                    {"event": "work", "target": ["working"]},
                ],
            },
            {
                "id": "spinning",
                "always": [
                    {
                        "guard": "context.turns >= 0",
                        "target": ["spinning"],
                        "actions": [
                            {"assign": {"location": "context.turns", "value": "context.turns + 1"}}
                        ],
                    }
                ],
            },
            {
                # 90 costly guards for one event, and then back.
                "id": "working",
                "entry": [{"assign": {"location": "context.turns", "value": "0"}}],
                "always": [
                    {
                        "guard": "context.turns < 90 && context.numbers.all(a, a >= 0)",
                        "actions": [
                            {"assign": {"location": "context.turns", "value": "context.turns + 1"}}
                        ],
                    },
                    {"target": ["idle"]},
                ],
            },
        ],
    },
}
