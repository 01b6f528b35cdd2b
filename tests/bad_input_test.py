"""Whatever is wrong with a request: its code, its reason, the field that is named, and no trace."""

import itertools
import unittest

import grpc
import swoosh_server
import test_main
from bad_input_cases import BAD_MACHINES, BAD_PROPOSALS, CLUMSY
from swoosh.v1 import orchestrator_pb2, transition_pb2
from swoosh_api import CALL_SECONDS_MAX, COUNTER, create, refusal_of, register, request, send

SUBMIT = "/swoosh.v1.Orchestrator/Submit"
QUEUE_WAITING_MAX = 4096
FLOOD_CALLS = QUEUE_WAITING_MAX + 100
STREAMS_MAX = 1024


class BadInputTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = swoosh_server.Server()
        cls.addClassCleanup(cls.server.close)
        cls.stub = cls.server.orchestrator
        cls.stub.Submit(request(register(COUNTER), register(CLUMSY)))
        cls.stub.Submit(request(create("i"), create("s"), create("c", "clumsy")))
        cls.stub.Submit(request(send("s", "stop")))

    def raw_submit(self, channel=None):
        """Submit, for requests as bytes."""
        return (channel or self.server.channel).unary_unary(
            SUBMIT, response_deserializer=orchestrator_pb2.SubmitResponse.FromString
        )

    def state(self):
        state = self.stub.GetState(orchestrator_pb2.GetStateRequest(), timeout=CALL_SECONDS_MAX)
        return state.index, state.state_hash

    def check(self, case):
        sent = case.sent
        if isinstance(sent, transition_pb2.Transition):
            sent = request(sent)
        if not isinstance(sent, bytes):
            sent = sent.SerializeToString()
        before = self.state()
        refusal = refusal_of(self.raw_submit(), sent, timeout=CALL_SECONDS_MAX)
        self.assertEqual((refusal.code.name, refusal.reason), (case.code, case.reason), refusal)
        self.assertEqual(list(refusal.violations), [case.field] if case.field else [], refusal)
        self.assertIn(case.message, refusal.message + str(refusal.violations))
        self.assertEqual(self.state(), before)

    def test_a_call_that_ends_without_its_request_is_refused(self):
        for method in ("Orchestrator/Submit", "Orchestrator/GetState", "Admin/GetStatus"):
            with self.subTest(method):
                before = self.state()
                call = self.server.channel.stream_unary(f"/swoosh.v1.{method}")
                refusal = refusal_of(call, iter(()), timeout=CALL_SECONDS_MAX)
                self.assertEqual(refusal.reason, "INVALID_FIELD", refusal)
                self.assertEqual(list(refusal.violations), ["request"])
                self.assertEqual(self.state(), before)

    def test_a_bad_machine_is_refused_by_the_field_and_leaves_no_trace(self):
        for case in BAD_MACHINES:
            with self.subTest(case.what):
                self.check(case)

    def test_a_bad_proposal_is_refused_by_its_reason_and_leaves_no_trace(self):
        for case in BAD_PROPOSALS:
            with self.subTest(case.what):
                self.check(case)

    def test_validate_only_answers_and_leaves_no_trace(self):
        before = self.state()
        answer = self.stub.Submit(
            request(create("new"), send("i"), validate_only=True, request_id="dry")
        )
        self.assertEqual((answer.index, answer.record_hash), (0, b""))
        self.assertEqual(len(answer.results), 2)
        refusal = refusal_of(self.stub.Submit, request(send("new"), validate_only=True))
        self.assertEqual(refusal.reason, "INSTANCE_NOT_FOUND")
        self.assertEqual(self.state(), before)

    def test_a_stream_refuses_as_submit_does(self):
        before = self.state()
        (answer,) = self.stub.SubmitStream(iter([request(create(""))]), timeout=CALL_SECONDS_MAX)
        self.assertEqual(answer.status.code, grpc.StatusCode.INVALID_ARGUMENT.value[0])
        self.assertEqual(self.state(), before)

    def test_bad_reads_name_their_field(self):
        for method, asked, field in (
            ("GetInstance", orchestrator_pb2.GetInstanceRequest(), "instance_id"),
            ("GetMachine", orchestrator_pb2.GetMachineRequest(), "name"),
            ("ListInstances", orchestrator_pb2.ListInstancesRequest(page_size=1001), "page_size"),
            ("ListInstances", orchestrator_pb2.ListInstancesRequest(page_token="x"), "page_token"),
            ("ListMachines", orchestrator_pb2.ListMachinesRequest(page_token="x"), "page_token"),
            ("ListRecords", orchestrator_pb2.ListRecordsRequest(page_size=-1), "page_size"),
            ("GetState", orchestrator_pb2.GetStateRequest(namespace="a/b"), "namespace"),
        ):
            with self.subTest(method=method, field=field):
                refusal = refusal_of(getattr(self.stub, method), asked, timeout=CALL_SECONDS_MAX)
                self.assertEqual(refusal.code.name, "INVALID_ARGUMENT")
                self.assertEqual(list(refusal.violations), [field])

    def test_a_full_queue_refuses_and_loses_nothing(self):
        """One proposal that takes seconds, and fails at its end, holds up more than may wait."""
        before = self.state()
        toil = request(*[send("c", "work")] * 500, send("nobody"))
        blocker = self.stub.Submit.future(toil, timeout=2 * CALL_SECONDS_MAX)
        small = request(send("i", "fly")).SerializeToString()
        # Over several connections, since one may not have so many calls open.
        channels = [self.server.new_channel() for _ in range(FLOOD_CALLS // STREAMS_MAX + 1)]
        for channel in channels:
            self.addCleanup(channel.close)
        submits = itertools.cycle([self.raw_submit(channel) for channel in channels])
        calls = [
            next(submits).future(small, timeout=2 * CALL_SECONDS_MAX) for _ in range(FLOOD_CALLS)
        ]
        reasons = {}
        for call in calls:
            reason = refusal_of(call.result).reason
            reasons[reason] = reasons.get(reason, 0) + 1
        # The blocker may have left the queue, and a place with it, before the last call came.
        self.assertIn(
            reasons,
            [
                {"EVENT_NOT_ENABLED": taken, "QUEUE_FULL": FLOOD_CALLS - taken}
                for taken in (QUEUE_WAITING_MAX - 1, QUEUE_WAITING_MAX)
            ],
        )
        self.assertEqual(refusal_of(blocker.result).reason, "INSTANCE_NOT_FOUND")
        self.assertEqual(self.state(), before)


if __name__ == "__main__":
    test_main.run()
