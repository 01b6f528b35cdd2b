"""The state hash of a running server, made again by another program from what the API answers."""

import hashlib
import json
import random
import unittest

import state_entries
import state_hash
import swoosh_server
import test_main
from swoosh.v1 import orchestrator_pb2
from swoosh_api import (
    CALL_SECONDS_MAX,
    COUNTER,
    all_instances,
    create,
    delete,
    register,
    send,
    submit,
)

EXAMPLES = swoosh_server.ROOT / "examples"
DOOR = json.loads((EXAMPLES / "machines/door.json").read_text())
ORDER = json.loads((EXAMPLES / "machines/order.json").read_text())
INCIDENT = json.loads((EXAMPLES / "incident_desk/machine.json").read_text())
NAMESPACES = ("default", "other", "a.b~c-D_1")
INSTANCES_PER_NAMESPACE = 200
# Whatever a context may hold.
ODD_VALUES = [
    None, True, False, 0, -0.0, 1e-300, -1.5, 2.0**53 - 1, 0.1,
    "", "ä€😀\u0000\n", [], {}, [[[]], {"": [None]}],
    {"b": 1, "a": {"é": "z", "e": "\uffff", "😀": 0}, "aa": [1, "2", {"3": False}]},
]  # fmt: skip


class StateHashServerTest(unittest.TestCase):
    def setUp(self):
        self.server = swoosh_server.Server()
        self.addCleanup(self.server.close)
        self.stub = self.server.orchestrator
        self.random = random.Random(SEED)

    def fill(self, namespace):
        """Machines in several versions, and instances in many states, some deleted again."""
        second = COUNTER | {"context": {"count": -1, "last": "", "more": ODD_VALUES}}
        submit(
            self.stub,
            *[register(each) for each in (COUNTER, second, DOOR, ORDER, INCIDENT)],
            namespace=namespace,
        )
        for number in range(INSTANCES_PER_NAMESPACE):
            instance_id = f"{namespace}-{number}"
            machine = self.random.choice(("counter", "door", "order"))
            transitions = [
                create(
                    instance_id,
                    machine,
                    context={"odd": self.random.choice(ODD_VALUES), f"k{number}": number / 7},
                )
            ]
            if machine == "counter":
                for _ in range(self.random.randrange(3)):
                    transitions.append(send(instance_id))
                transitions += [send(instance_id, "stop")] * self.random.randrange(2)
            elif machine == "door":
                transitions += [send(instance_id, "unlock", {"code": "0000"})]
            submit(self.stub, *transitions, namespace=namespace)
            if self.random.random() < 0.1:
                submit(self.stub, delete(instance_id), namespace=namespace)

    def entries(self):
        """All entries of the state, each read through the API."""
        yield state_entries.constants_entry(self.state().index)
        for namespace in NAMESPACES:
            machines = {}
            listed = self.stub.ListMachines(
                orchestrator_pb2.ListMachinesRequest(namespace=namespace, page_size=1000)
            )
            for latest in listed.machines:
                for version in range(1, latest.version + 1):
                    machine = self.get_machine(namespace, latest.name, version)
                    machines[latest.name, version] = machine
                    yield state_entries.machine_entry(namespace, machine)
            for instance in all_instances(
                self.stub, namespace=namespace, view=orchestrator_pb2.VIEW_FULL
            ):
                machine = machines[instance.machine, instance.machine_version]
                yield state_entries.instance_entry(namespace, instance, machine)

    def get_machine(self, namespace, name, version):
        return self.stub.GetMachine(
            orchestrator_pb2.GetMachineRequest(namespace=namespace, name=name, version=version),
            timeout=CALL_SECONDS_MAX,
        )

    def state(self):
        return self.stub.GetState(orchestrator_pb2.GetStateRequest())

    def check_state(self):
        state = self.state()
        self.assertEqual(
            state_hash.tree_hash(self.entries()).hex(), state.state_hash.hex(), f"--seed {SEED}"
        )
        return state

    def test_the_hash_of_an_empty_state_is_that_of_its_constants(self):
        self.assertEqual(self.check_state().index, 0)

    def test_the_hash_is_a_function_of_what_the_api_answers(self):
        for namespace in NAMESPACES:
            self.fill(namespace)
            self.check_state()
        state = self.check_state()
        self.assertEqual(state.machine_count, 4 * len(NAMESPACES))
        self.assertGreater(state.instance_count, 2 * INSTANCES_PER_NAMESPACE)
        self.server.kill()
        self.server.start()
        self.assertEqual(self.check_state().state_hash, state.state_hash)
        submit(self.stub, delete(next(all_instances(self.stub)).id))
        self.assertNotEqual(self.check_state().state_hash, state.state_hash)

    def test_a_definition_has_the_hash_of_its_encoding(self):
        for machine in (COUNTER, DOOR, ORDER, INCIDENT):
            submit(self.stub, register(machine))
            answer = self.get_machine("", machine["name"], 1)
            self.assertEqual(
                hashlib.sha256(state_entries.definition_bytes(answer)).hexdigest(),
                answer.definition_hash.hex(),
            )

    def test_the_same_proposals_make_the_same_hash_in_another_history(self):
        hashes = []
        for _ in range(2):
            server = swoosh_server.Server()
            self.addCleanup(server.close)
            submit(server.orchestrator, register(DOOR), create("d", "door"))
            submit(server.orchestrator, send("d", "unlock", {"code": "1"}))
            state = server.orchestrator.GetState(orchestrator_pb2.GetStateRequest())
            hashes.append((state.index, state.state_hash))
            self.assertEqual(state.instance_count, 1)
        self.assertEqual(hashes[0], hashes[1])


if __name__ == "__main__":
    SEED = test_main.seed_from_flag(default=1)
    test_main.run()
