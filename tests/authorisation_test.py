"""Who may do what: every method for every role, limits to machines and namespaces, the identity in
the record, and the file changed while the server runs."""

import hashlib
import json
import os
import subprocess
import threading
import time
import unittest

import grpc
import swoosh_ctl
import swoosh_http
import swoosh_server
import test_main
from swoosh.v1 import admin_pb2, admin_pb2_grpc, orchestrator_pb2, orchestrator_pb2_grpc
from swoosh_api import (
    CALL_SECONDS_MAX,
    COUNTER,
    Refusal,
    create,
    delete,
    refusal_of,
    register,
    request,
    send,
    submit,
)

SEEN_SECONDS_MAX = 30
ROLES = ["READER", "SUBMITTER", "OPERATOR"]
# The least role of each method there is: one that is added must be thought of here.
METHODS = {
    "swoosh.v1.Orchestrator": {
        "Submit": "SUBMITTER",
        "SubmitStream": "SUBMITTER",
        "GetInstance": "READER",
        "ListInstances": "READER",
        "GetMachine": "READER",
        "ListMachines": "READER",
        "GetState": "READER",
        "ListRecords": "READER",
        "Watch": "READER",
    },
    "swoosh.v1.Admin": {
        "GetStatus": "READER",
        "TakeSnapshot": "OPERATOR",
        "TrimLog": "OPERATOR",
        "Backup": "OPERATOR",
        "Verify": "OPERATOR",
        "AdvanceClock": "OPERATOR",
    },
}
DOOR = {**COUNTER, "name": "door"}
# Writes down who sent the event.
SIGNED = {
    "name": "signed",
    "context": {"by": ""},
    "root": {
        "id": "signed",
        "initial": ["open"],
        "states": [
            {
                "id": "open",
                "on": [
                    {
                        "id": "sign",
                        "event": "sign",
                        "actions": [{"assign": {"location": "context.by", "value": "event.actor"}}],
                    }
                ],
            }
        ],
    },
}


def bearer(token):
    return (("authorization", f"Bearer {token}"),)


class WithToken(
    grpc.UnaryUnaryClientInterceptor,
    grpc.UnaryStreamClientInterceptor,
    grpc.StreamStreamClientInterceptor,
):
    """Sends the token with each call."""

    def __init__(self, token):
        self.token = token

    def _call(self, go_on, details, what):
        return go_on(details._replace(metadata=bearer(self.token)), what)

    intercept_unary_unary = intercept_unary_stream = intercept_stream_stream = _call


def identity(name, role="SUBMITTER", **more):
    """An entry of the file; its token is its name."""
    token_hash = hashlib.sha256(name.encode()).hexdigest()
    return {"name": name, "role": role, "token_sha256": [token_hash], **more}


class AuthorisationTestCase(unittest.TestCase):
    identities = ()

    def setUp(self):
        self.path = swoosh_server.temporary_folder() / "access.json"
        self.write(*self.identities)
        self.server = swoosh_server.Server("--auth", self.path)
        self.addCleanup(self.server.close)

    def write(self, *identities, text=None):
        """Replaces the file as a whole."""
        beside = self.path.with_suffix(".new")
        beside.write_text(json.dumps({"identities": identities}) if text is None else text)
        os.rename(beside, self.path)

    def channel_of(self, token):
        return grpc.intercept_channel(self.server.channel, WithToken(token))

    def stub(self, token):
        return orchestrator_pb2_grpc.OrchestratorStub(self.channel_of(token))

    def admin(self, token):
        return admin_pb2_grpc.AdminStub(self.channel_of(token))

    def assert_denied(self, reason, missing, call, *arguments, **named):
        refusal = refusal_of(call, *arguments, **named)
        self.assertEqual((refusal.code, refusal.reason),
                         (grpc.StatusCode.PERMISSION_DENIED, reason), refusal)  # fmt: skip
        self.assertEqual({**refusal.metadata, **missing}, refusal.metadata)

    def await_true(self, condition):
        deadline = time.monotonic() + SEEN_SECONDS_MAX
        while not condition():
            self.assertLess(time.monotonic(), deadline, "it does not come true")
            time.sleep(0.05)


class RolesTest(AuthorisationTestCase):
    identities = [identity(role.lower(), role) for role in ROLES]

    def code(self, service, method, metadata):
        """What a call with an empty request ends or begins with."""
        path = f"/{service}/{method.name}"
        channel = self.server.channel
        try:
            if method.name == "SubmitStream":
                for _ in channel.stream_stream(path)(iter(()), metadata=metadata, timeout=60):
                    pass
            elif method.name in ("Watch", "Backup"):
                call = channel.unary_stream(path)(b"", metadata=metadata, timeout=60)
                next(call)
                call.cancel()
            else:
                channel.unary_unary(path)(b"", metadata=metadata, timeout=60)
        except grpc.RpcError as error:
            return error.code(), Refusal.of_error(error).reason
        return grpc.StatusCode.OK, ""

    def methods(self):
        for file in (orchestrator_pb2, admin_pb2):
            for service in file.DESCRIPTOR.services_by_name.values():
                for method in service.methods:
                    yield service.full_name, method

    def test_the_table_has_every_method(self):
        found = {}
        for service, method in self.methods():
            found.setdefault(service, set()).add(method.name)
        self.assertEqual(found, {service: set(methods) for service, methods in METHODS.items()})

    def test_each_role_may_call_what_the_table_says(self):
        for service, method in self.methods():
            needed = ROLES.index(METHODS[service][method.name])
            for has, role in enumerate(ROLES):
                code, reason = self.code(service, method, bearer(role.lower()))
                if has >= needed:
                    self.assertNotIn(code, (grpc.StatusCode.PERMISSION_DENIED,
                                            grpc.StatusCode.UNAUTHENTICATED),
                                     (method.name, role))  # fmt: skip
                else:
                    self.assertEqual((code, reason),
                                     (grpc.StatusCode.PERMISSION_DENIED, "ROLE_DENIED"),
                                     (method.name, role))  # fmt: skip

    def test_nobody_may_call_anything(self):
        wrong = [
            (),
            bearer("wrong"),
            bearer(""),
            (("authorization", "Basic operator"),),
            (("authorization", "operator"),),
            bearer("operator") + bearer("operator"),
            bearer(hashlib.sha256(b"operator").hexdigest()),
            (("x-actor", "operator"),),
        ]
        for service, method in self.methods():
            for metadata in wrong if method.name in ("Submit", "Watch") else wrong[:2]:
                self.assertEqual(
                    self.code(service, method, metadata),
                    (grpc.StatusCode.UNAUTHENTICATED, "CREDENTIALS_UNKNOWN"),
                    (method.name, metadata),
                )

    def test_health_and_reflection_are_open(self):
        check = self.server.channel.unary_unary("/grpc.health.v1.Health/Check")
        self.assertEqual(check(b"", timeout=CALL_SECONDS_MAX), b"\x08\x01")
        reflect = self.server.channel.stream_stream(
            "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
        )
        list_services = b"\x3a\x00"
        answer = next(reflect(iter([list_services]), timeout=CALL_SECONDS_MAX))
        self.assertIn(b"swoosh.v1.Orchestrator", answer)

    def test_over_http_the_same_tokens_may_do_the_same(self):
        def ask(path, token=None, **named):
            headers = {} if token is None else {"Authorization": f"Bearer {token}"}
            answer = swoosh_http.ask(self.server, path, headers=headers, **named)
            return answer.code, "" if answer.code == 200 else answer.reason

        body = {"transitions": [{"createInstance": {"instanceId": "a", "machine": "counter"}}]}
        submit(self.stub("submitter"), register(COUNTER))
        for token in (None, "wrong"):
            self.assertEqual(ask("/v1/state", token), (401, "CREDENTIALS_UNKNOWN"))
        self.assertEqual(ask("/v1/state", "reader"), (200, ""))
        with self.assertRaises(swoosh_http.Refused) as refused:
            swoosh_http.EventSource(self.server)
        self.assertEqual(refused.exception.answer.code, 401)
        self.assertEqual(
            ask("/v1/submit", "reader", method="POST", body=body), (403, "ROLE_DENIED")
        )
        self.assertEqual(ask("/v1/submit", "submitter", method="POST", body=body), (200, ""))
        record = self.stub("reader").ListRecords(
            orchestrator_pb2.ListRecordsRequest(from_index=2)
        ).records[0]
        self.assertEqual(record.actor, "submitter")
        self.assertEqual(swoosh_http.ask(self.server, "/metrics").code, 200)

    def test_a_role_that_lacks_is_named(self):
        self.assert_denied("ROLE_DENIED", {"role": "OPERATOR", "identity": "submitter"},
                           self.admin("submitter").TakeSnapshot,
                           admin_pb2.TakeSnapshotRequest())  # fmt: skip

    def test_swooshctl_says_who_it_is(self):
        denied = swoosh_ctl.run(self.server, "status")
        self.assertEqual(denied.returncode, 64 + 16, denied.stderr)
        self.assertIn("CREDENTIALS_UNKNOWN", denied.stderr)
        token_file = self.path.with_name("token")
        token_file.write_text("reader\n")
        for option in (["--token", "reader"], ["--token-file", token_file]):
            done = swoosh_ctl.run(self.server, "status", *option)
            self.assertEqual((done.returncode, done.stderr), (0, ""), option)
            watched = swoosh_ctl.run(self.server, "snapshot", *option)
            self.assertEqual(watched.returncode, 64 + 7, watched.stderr)
            self.assertIn("ROLE_DENIED", watched.stderr)
        by_environment = subprocess.run(
            swoosh_ctl.command(self.server, "status"), capture_output=True, timeout=60,
            env={**os.environ, "SWOOSH_TOKEN": "reader"},
        )  # fmt: skip
        self.assertEqual((by_environment.returncode, by_environment.stderr), (0, b""))

    def test_swooshctl_sends_no_token_to_another_machine_in_the_clear(self):
        for server in ("192.0.2.1:7070", "example.org:7070"):
            done = swoosh_ctl.run(None, "status", "--token", "t", "--server", server)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn("--tls", done.stderr)


class IdentityTest(AuthorisationTestCase):
    identities = [identity("alice"), identity("bob"), identity("ops", "OPERATOR")]

    def test_the_identity_is_the_actor_of_records_and_of_events(self):
        alice, bob = self.stub("alice"), self.stub("bob")
        submit(alice, register(SIGNED), create("a", "signed"))
        submit(bob, send("a", "sign"))
        answers = alice.SubmitStream(iter([request(send("a", "sign"))]), timeout=CALL_SECONDS_MAX)
        self.assertEqual(next(answers).status.code, 0)
        submit(bob, send("a", "sign"))
        records = bob.ListRecords(orchestrator_pb2.ListRecordsRequest()).records
        self.assertEqual([each.actor for each in records], ["alice", "bob", "alice", "bob"])
        self.assertEqual([dict(each.changes[0].context).get("by") for each in records[1:]],
                         ["bob", "alice", "bob"])  # fmt: skip
        # Replay knows it from the record.
        self.server.kill()
        self.server.start()
        instance = self.stub("ops").GetInstance(
            orchestrator_pb2.GetInstanceRequest(instance_id="a"), wait_for_ready=True
        )
        self.assertEqual(dict(instance.context)["by"], "bob")
        self.server.terminate()
        self.assertEqual(self.server.verify()[0], 4)


class LimitsTest(AuthorisationTestCase):
    identities = [
        identity("all"),
        identity("doors", machines=["door"]),
        identity("reader of doors", "READER", machines=["door"]) | {"name": "door-reader"},
        identity("blue", namespaces=["blue"]),
    ]

    def setUp(self):
        super().setUp()
        submit(self.stub("all"), register(COUNTER), register(DOOR))
        submit(self.stub("all"), create("c"), create("d", "door"))
        self.doors = self.stub("doors")

    def denied(self, machine, *transitions, **fields):
        self.assert_denied("MACHINE_DENIED", {"machine": machine, "identity": "doors"},
                           submit, self.doors, *transitions, **fields)  # fmt: skip

    def test_proposals_are_of_the_machines_named(self):
        index = submit(self.doors, send("d"), create("d2", "door"), send("d2")).index
        submit(self.doors, register(DOOR))
        self.denied("counter", send("c"))
        self.denied("counter", send("c"), validate_only=True)
        self.denied("counter", delete("c"))
        self.denied("counter", create("c2"))
        self.denied("counter", register(COUNTER))
        self.denied("counter", create("c", "door", allow_existing=True))
        # All or nothing.
        self.denied("counter", send("d"), send("c"))
        state = self.stub("all").GetState(orchestrator_pb2.GetStateRequest())
        self.assertEqual(state.index, index + 1)
        submit(self.doors, delete("d2"))

    def test_an_instance_that_does_not_exist_is_not_found_as_for_everybody(self):
        refusal = refusal_of(submit, self.doors, send("nobody"))
        self.assertEqual(refusal.reason, "INSTANCE_NOT_FOUND")
        refusal = refusal_of(
            self.doors.GetInstance, orchestrator_pb2.GetInstanceRequest(instance_id="nobody")
        )
        self.assertEqual(refusal.reason, "INSTANCE_NOT_FOUND")

    def test_a_stream_refuses_what_is_not_allowed_and_goes_on(self):
        requests = [create("d3", "door"), send("d3"), send("c"), send("d3")]
        answers = list(self.doors.SubmitStream(map(request, requests), timeout=CALL_SECONDS_MAX))
        reasons = [each.HasField("status") and Refusal.of_status(each.status).reason
                   for each in answers]  # fmt: skip
        self.assertEqual(reasons, [False, False, "MACHINE_DENIED", False])

    def test_reads_are_of_the_machines_named(self):
        pb = orchestrator_pb2
        for stub in (self.doors, self.stub("reader of doors")):
            self.assertEqual(stub.GetInstance(pb.GetInstanceRequest(instance_id="d")).id, "d")
            self.assertEqual(stub.GetMachine(pb.GetMachineRequest(name="door")).name, "door")
            listed = stub.ListInstances(pb.ListInstancesRequest(machine="door")).instances
            self.assertEqual([each.id for each in listed], ["d"])
            self.assertEqual(stub.GetState(pb.GetStateRequest()).instance_count, 2)
            for machine, call, asked in (
                ("counter", stub.GetInstance, pb.GetInstanceRequest(instance_id="c")),
                ("counter", stub.GetInstance, pb.GetInstanceRequest(instance_id="c", at_index=2)),
                ("counter", stub.GetMachine, pb.GetMachineRequest(name="counter")),
                ("counter", stub.ListInstances, pb.ListInstancesRequest(machine="counter")),
                ("", stub.ListInstances, pb.ListInstancesRequest()),
                ("", stub.ListMachines, pb.ListMachinesRequest()),
                ("", stub.ListRecords, pb.ListRecordsRequest()),
            ):
                self.assert_denied("MACHINE_DENIED", {"machine": machine}, call, asked)

    def test_history_is_shown_as_far_as_its_records_are_of_those_machines_alone(self):
        pb = orchestrator_pb2
        submit(self.doors, send("d"))
        newest = pb.ListRecordsRequest(instance_id="d", page_size=1)
        self.assertEqual(len(self.doors.ListRecords(newest).records), 1)
        # The record that created it also created one of another machine.
        self.assert_denied("MACHINE_DENIED", {"machine": "counter"}, self.doors.ListRecords,
                           pb.ListRecordsRequest(instance_id="d"))  # fmt: skip
        self.assert_denied("MACHINE_DENIED", {"machine": "counter"}, self.doors.ListRecords,
                           pb.ListRecordsRequest(instance_id="c"))  # fmt: skip

    def test_a_watch_names_the_machines_and_is_shown_no_others(self):
        pb = orchestrator_pb2
        asked = (([], ""), (["counter"], "counter"), (["door", "counter"], "counter"))
        for machines, missing in asked:
            watch = self.doors.Watch(pb.WatchRequest(machines=machines), timeout=CALL_SECONDS_MAX)
            self.assert_denied("MACHINE_DENIED", {"machine": missing}, next, watch)
        watch = self.doors.Watch(
            pb.WatchRequest(machines=["door"], from_index=1), timeout=CALL_SECONDS_MAX
        )
        submit(self.stub("all"), send("c"), send("d"))
        seen = []
        while not seen or seen[-1][0] < 3:
            response = next(watch)
            seen += [(response.index, change.instance_id) for change in response.changes]
        self.assertEqual(seen, [(2, "d"), (3, "d")])

    def test_a_namespace_that_is_not_named_can_not_be_used(self):
        blue = self.stub("blue")
        submit(blue, register(COUNTER), create("b"), namespace="blue")
        self.assertEqual(
            len(blue.ListRecords(orchestrator_pb2.ListRecordsRequest(namespace="blue")).records), 1
        )
        for namespace in ("", "default", "red"):
            missing = {"namespace": namespace or "default", "identity": "blue"}
            for call, asked in (
                (blue.Submit, request(send("c"), namespace=namespace)),
                (blue.GetInstance, orchestrator_pb2.GetInstanceRequest(namespace=namespace)),
                (blue.ListInstances, orchestrator_pb2.ListInstancesRequest(namespace=namespace)),
                (blue.GetMachine, orchestrator_pb2.GetMachineRequest(namespace=namespace)),
                (blue.ListMachines, orchestrator_pb2.ListMachinesRequest(namespace=namespace)),
                (blue.ListRecords, orchestrator_pb2.ListRecordsRequest(namespace=namespace)),
            ):
                self.assert_denied("NAMESPACE_DENIED", missing, call, asked)
            watch = blue.Watch(orchestrator_pb2.WatchRequest(namespace=namespace))
            self.assert_denied("NAMESPACE_DENIED", missing, next, watch)
            (answer,) = blue.SubmitStream(iter([request(send("c"), namespace=namespace)]))
            self.assertEqual(Refusal.of_status(answer.status).reason, "NAMESPACE_DENIED")


class ReloadTest(AuthorisationTestCase):
    identities = [identity("stays"), identity("goes")]

    def reloads(self, result):
        return self.server.metrics()[f'swoosh_access_reloads_total{{result="{result}"}}']

    def reason(self, token):
        try:
            self.stub(token).GetState(orchestrator_pb2.GetStateRequest(), timeout=30)
        except grpc.RpcError as error:
            return Refusal.of_error(error).reason
        return ""

    def test_who_is_taken_out_is_refused_and_his_streams_end_and_others_go_on(self):
        pb = orchestrator_pb2
        submit(self.stub("stays"), register(COUNTER), create("a"))
        staying = self.stub("stays").Watch(pb.WatchRequest(from_index=1))
        going = self.stub("goes").Watch(pb.WatchRequest(from_index=1))
        sending = self.stub("goes").SubmitStream(self.until_cancelled())
        self.assertEqual([next(staying).index, next(going).index, next(sending).index], [1, 1, 2])
        self.write(identity("stays"), identity("comes"))
        self.await_true(lambda: self.reason("goes") == "CREDENTIALS_UNKNOWN")
        self.assertEqual(self.reason("comes"), "")
        for stream in (going, sending):
            with self.assertRaises(grpc.RpcError) as raised:
                for _ in stream:
                    pass
            refusal = Refusal.of_error(raised.exception)
            self.assertEqual((refusal.code, refusal.reason),
                             (grpc.StatusCode.UNAVAILABLE, "ACCESS_CHANGED"))  # fmt: skip
        submit(self.stub("stays"), send("a"))
        while (response := next(staying)).index < 3:
            pass
        self.assertEqual(response.index, 3)

    def until_cancelled(self):
        """One request, and then nothing for as long as the test may take."""
        yield request(send("a"))
        over = threading.Event()
        self.addCleanup(over.set)
        over.wait(SEEN_SECONDS_MAX)

    def test_a_bad_file_is_refused_and_the_one_before_stays_in_force(self):
        self.assertEqual((self.reloads("ok"), self.reloads("failed")), (1, 0))
        self.write(text='{"identities": [{"name": "goes", "rôle": 1}]}')
        self.await_true(lambda: self.reloads("failed") == 1)
        self.assertIn("access_file_refused", self.server.log_tail())
        self.assertEqual((self.reason("goes"), self.reason("stays")), ("", ""))
        self.path.unlink()
        self.await_true(lambda: self.reloads("failed") == 2)
        self.assertEqual(self.reason("goes"), "")
        self.write(identity("stays"))
        self.await_true(lambda: self.reloads("ok") == 2)
        self.assertEqual((self.reason("goes"), self.reason("stays")), ("CREDENTIALS_UNKNOWN", ""))

    def test_it_does_not_start_with_a_bad_file(self):
        self.write(text="{")
        for path in (self.path, self.path.with_name("none")):
            done = subprocess.run(
                swoosh_server.bound_to_us(
                    [swoosh_server.SWOOSHD, "--data_dir", self.path.parent / "never",
                     "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--auth", path]
                ), capture_output=True, text=True, timeout=60,
            )  # fmt: skip
            self.assertEqual(done.returncode, 1)
            self.assertIn(f"swooshd: {path}: ", done.stderr)


if __name__ == "__main__":
    test_main.run()
