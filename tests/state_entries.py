"""What the state holds, as entries to be hashed, made from what the API answers.

Follows core/state.md, and shares nothing with the server's own encoding.
"""

from google.protobuf import json_format
from state_hash import sized_bytes, value_bytes, varint

FORMAT_VERSION = b"\x01"
OUTPUT_ONLY = ("version", "semanticsVersion", "definitionHash")
CONSTANTS_OF_REDUCER_VERSION_1 = {
    "reducer_version": 1,
    "transitions_per_proposal_max": 1000,
    "context_bytes_max": 65536,
    "event_data_bytes_max": 65536,
    "definition_bytes_max": 1048576,
    "definition_states_max": 10000,
    "definition_depth_max": 32,
    "expression_bytes_max": 4096,
    "expression_depth_max": 64,
    "expression_cost_max": 10000,
    "microsteps_max": 100,
    "emitted_per_step_max": 1000,
}
CONSTANTS_OF_REDUCER_VERSION_2 = CONSTANTS_OF_REDUCER_VERSION_1 | {
    "reducer_version": 2,
    "microsteps_max": 1000,
    "step_output_bytes_max": 1048576,
    "timers_per_instance_max": 1000,
    "timers_fired_per_record_max": 1000,
    "delay_seconds_max": 3155760000,
}


def constants_entry(index):
    """Key and value at `index`: the first record brings those of the version that made it."""
    if index == 0:
        return b"c", value_bytes(CONSTANTS_OF_REDUCER_VERSION_1)
    return b"c", value_bytes(CONSTANTS_OF_REDUCER_VERSION_2)


def definition_bytes(machine):
    """The canonical encoding of a swoosh.v1.Machine: its SHA-256 is `definition_hash`."""
    definition = json_format.MessageToDict(machine)
    return value_bytes({key: definition[key] for key in definition if key not in OUTPUT_ONLY})


def machine_entry(namespace, machine):
    """Key and value of a swoosh.v1.Machine as GetMachine answers it."""
    key = b"\0".join((b"m" + namespace.encode(), machine.name.encode(), b""))
    return (
        key + machine.version.to_bytes(4, "big"),
        FORMAT_VERSION
        + varint(machine.semantics_version)
        + sized_bytes(definition_bytes(machine)),
    )


def instance_entry(namespace, instance, machine):
    """Key and value of a swoosh.v1.Instance with VIEW_FULL, and of the Machine that it runs."""
    active = _active_atomic_states(machine.root, set(instance.configuration))
    value = FORMAT_VERSION + sized_bytes(instance.machine.encode())
    for number in (
        instance.machine_version,
        instance.status,
        instance.version,
        instance.created_index,
        len(active),
        *active,
    ):
        value += varint(number)
    value += value_bytes(json_format.MessageToDict(instance.context))
    value += varint(instance.HasField("output"))
    if instance.HasField("output"):
        value += value_bytes(json_format.MessageToDict(instance.output))
    return b"i" + namespace.encode() + b"\0" + instance.id.encode(), value


def _active_atomic_states(root, configuration):
    """The numbers, in document order from 0, of active states without active children."""
    found = []
    number = 0
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if node.id in configuration and not any(each.id in configuration for each in node.states):
            found.append(number)
        waiting += reversed(node.states)
        number += 1
    return found
