"""External guards with a real provider: the example's, killed, stopped, gone."""

import concurrent.futures
import json
import threading
import time
import unittest

import grpc
import guard_process
import swoosh_server
import test_main
from swoosh.v1 import orchestrator_pb2
from swoosh_api import (
    CALL_SECONDS_MAX,
    COUNTER,
    Refusal,
    all_records,
    create,
    refusal_of,
    register,
    request,
    send,
    submit,
)

PAYMENT = json.loads((guard_process.EXAMPLE / "payment.json").read_text())
GUARD_TIMEOUT_SECONDS = 2
# Longer than swooshd takes to connect again to a provider that is back.
RECONNECT_SECONDS_MAX = 20
OTHERS = 1000
GUARDED = 8
IN_STREAM = 20
EXIT_OK = 0


class GuardProviderTest(unittest.TestCase):
    def setUp(self):
        self.provider = guard_process.Provider(guard_process.EXAMPLE / "provider.py")
        self.addCleanup(self.provider.kill)
        self.server = swoosh_server.Server(self.provider.flag())
        self.addCleanup(self.server.close)
        self.stub = self.server.orchestrator
        submit(self.stub, register(PAYMENT), register(COUNTER), create("c"))
        for name in ("a", "b"):
            self.pay(name, 40)

    def pay(self, instance_id, amount, country="DE"):
        context = {"amount": amount, "country": country}
        submit(self.stub, create(instance_id, "payment", context=context))

    def authorize(self, instance_id, data=None, **fields):
        return submit(self.stub, send(instance_id, "authorize", data), **fields)

    def state_of(self, instance_id):
        asked = orchestrator_pb2.GetInstanceRequest(instance_id=instance_id)
        return self.stub.GetInstance(asked, timeout=CALL_SECONDS_MAX).configuration[1]

    def state_hash(self):
        state = self.stub.GetState(orchestrator_pb2.GetStateRequest(), timeout=CALL_SECONDS_MAX)
        return state.state_hash.hex()

    def assert_unanswered(self, refusal):
        self.assertEqual(refusal.code, grpc.StatusCode.UNAVAILABLE, refusal)
        self.assertEqual(refusal.reason, "GUARD_UNANSWERED", refusal)
        self.assertIn("external guard risk", refusal.message)

    def test_what_is_allowed_goes_through_and_the_record_says_who_allowed_it(self):
        answer = self.authorize("a")
        self.assertEqual(answer.results[0].instance.configuration[1], "authorized")
        record = list(all_records(self.stub, from_index=answer.index))[0]
        (outcome,) = record.guard_outcomes
        self.assertEqual((outcome.edge, outcome.guard), ("authorize", "risk"))
        self.assertTrue(outcome.allowed)
        self.assertEqual(outcome.provider, self.provider.address)
        self.assertEqual(record.changes[0].emitted[0].name, "charge_card")
        metrics = self.server.metrics()
        self.assertEqual(metrics['swoosh_guard_calls_total{result="allowed"}'], 1)
        self.assertEqual(metrics["swoosh_guard_call_duration_seconds_count"], 1)

    def test_a_denial_shows_what_the_provider_said(self):
        self.pay("large", 4000)
        refusal = refusal_of(self.authorize, "large")
        self.assertEqual(refusal.code, grpc.StatusCode.FAILED_PRECONDITION)
        self.assertEqual(refusal.reason, "GUARD_FALSE")
        self.assertEqual(refusal.denial.edges[0].guard, "risk")
        self.assertIn("4000 is more than 1000", refusal.denial.edges[0].reason)
        self.assertIn("4000 is more than 1000", refusal.message)
        self.assertEqual(self.state_of("large"), "requested")
        self.authorize("large", {"approved_by": "ann"})
        self.assertEqual(self.state_of("large"), "authorized")

    def test_a_killed_provider_lets_nothing_through_until_it_is_back(self):
        self.authorize("a")
        self.provider.kill()
        before = self.state_hash()
        for _ in range(3):
            self.assert_unanswered(refusal_of(self.authorize, "b"))
        self.assertEqual(self.state_hash(), before)
        submit(self.stub, send("c"))
        self.provider.start()
        deadline = time.monotonic() + RECONNECT_SECONDS_MAX
        while self.state_of("b") == "requested" and time.monotonic() < deadline:
            try:
                self.authorize("b")
            except grpc.RpcError as error:
                self.assert_unanswered(Refusal.of_error(error))
                time.sleep(0.1)
        self.assertEqual(self.state_of("b"), "authorized")

    def test_others_go_on_while_a_provider_hangs(self):
        self.authorize("a")
        self.provider.pause()
        self.addCleanup(self.provider.resume)
        alone = self.seconds_of_others()
        stop = threading.Event()

        def keep_asking():
            refusals = []
            while not stop.is_set():
                began = time.monotonic()
                refusals.append(refusal_of(self.authorize, "b"))
                self.assertGreater(time.monotonic() - began, GUARD_TIMEOUT_SECONDS / 2)
            return refusals

        with concurrent.futures.ThreadPoolExecutor(GUARDED) as pool:
            guarded = [pool.submit(keep_asking) for _ in range(GUARDED)]
            together = self.seconds_of_others()
            stop.set()
            for refusal in (each for call in guarded for each in call.result()):
                self.assert_unanswered(refusal)
        print(f"{OTHERS} others: {alone:.2f} s alone, {together:.2f} s beside guarded ones")
        self.assertLess(together, 3 * alone + GUARD_TIMEOUT_SECONDS)
        self.assertEqual(self.state_of("b"), "requested")

    def seconds_of_others(self):
        """How long it takes to carry out proposals that need no provider, one after the other."""
        began = time.monotonic()
        for _ in range(OTHERS):
            submit(self.stub, send("c"))
        return time.monotonic() - began

    def test_a_stream_keeps_its_order_around_what_a_provider_decides(self):
        machine = dict(PAYMENT, name="payment2")
        proposals = [request(register(machine))]
        for i in range(20):
            context = {"amount": 40 if i % 2 else 4000, "country": "DE"}
            proposals += [
                request(create(f"s{i}", "payment2", context=context)),
                request(send("c")),
                request(send(f"s{i}", "authorize")),
                request(send(f"s{i}", "card.charged")),
            ]
        answers = list(self.stub.SubmitStream(iter(proposals)))
        self.assertEqual(len(answers), len(proposals))
        indexes = [answer.index for answer in answers if answer.index]
        self.assertEqual(indexes, sorted(indexes))
        for i in range(20):
            created, counted, authorized, charged = answers[1 + 4 * i : 5 + 4 * i]
            self.assertFalse(created.HasField("status") or counted.HasField("status"))
            if i % 2:
                self.assertFalse(authorized.HasField("status"), authorized)
                self.assertEqual(charged.results[0].instance.configuration[1], "paid")
            else:
                self.assertEqual(Refusal.of_status(authorized.status).reason, "GUARD_FALSE")
                self.assertEqual(Refusal.of_status(charged.status).reason, "EVENT_NOT_ENABLED")

    def test_a_stream_that_waits_for_a_provider_waits_alone(self):
        self.authorize("a")
        self.provider.pause()
        self.addCleanup(self.provider.resume)
        held = self.stub.SubmitStream(iter([request(send("b", "authorize")), request(send("c"))]))
        other = submit(self.stub, send("c"))
        others = self.stub.SubmitStream(request(send("c")) for _ in range(IN_STREAM))
        indexes = [answer.index for answer in others]
        self.assertEqual(indexes, [other.index + 1 + i for i in range(IN_STREAM)])
        unanswered, after = held
        self.assert_unanswered(Refusal.of_status(unanswered.status))
        # It came behind, so it is younger than what the other stream did in the meantime.
        self.assertEqual(after.index, indexes[-1] + 1)

    def test_after_kill_9_and_without_a_provider_the_state_is_the_same(self):
        self.authorize("a", request_id="once")
        self.pay("large", 4000)
        refusal_of(self.authorize, "large")
        first = self.authorize("b", request_id="twice")
        before = self.state_hash()
        self.server.kill()
        self.provider.kill()
        self.assertEqual(self.server.verify()[1], before)
        self.server.flags = ()
        self.server.start()
        self.assertEqual(self.server.state_hash, before)
        again = self.authorize("b", request_id="twice")
        self.assertTrue(again.duplicate)
        self.assertEqual(again.record_hash, first.record_hash)
        refusal = refusal_of(self.authorize, "large")
        self.assert_unanswered(refusal)
        self.assertIn("without --guard_provider", refusal.message)
        self.assertEqual(self.state_hash(), before)

    def test_a_hanging_provider_does_not_hold_up_the_end(self):
        self.authorize("a")
        self.provider.pause()
        self.addCleanup(self.provider.resume)
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            pending = pool.submit(refusal_of, self.authorize, "b")
            while not pending.running():
                time.sleep(0.01)
            time.sleep(0.3)
            began = time.monotonic()
            self.assertEqual(self.server.terminate(), EXIT_OK)
            refusal = pending.result()
        self.assertEqual((refusal.code, refusal.reason), (grpc.StatusCode.UNAVAILABLE, "DRAINING"))
        self.assertLess(time.monotonic() - began, CALL_SECONDS_MAX)


if __name__ == "__main__":
    test_main.run()
