"""External guards asked through TLS: who is believed, and by whom, and files replaced."""

import contextlib
import json
import os
import time
import unittest

import certificates
import grpc
import guard_process
import swoosh_server
import test_main
from swoosh.v1 import orchestrator_pb2
from swoosh_api import CALL_SECONDS_MAX, create, refusal_of, register, send, submit

PAYMENT = json.loads((guard_process.EXAMPLE / "payment.json").read_text())
# Files are looked at each second; a connection that failed is tried again within one.
SEEN_SECONDS_MAX = 30


class GuardTlsTest(unittest.TestCase):
    def setUp(self):
        self.folder = swoosh_server.temporary_folder()
        self.authority = certificates.Authority(self.folder)
        self.ours = certificates.Authority(self.folder, "ours")
        self.pair = certificates.server_certificate(self.authority, "provider")
        self.client = self.ours.issue("swooshd", "URI:spiffe://example.org/swooshd")

    def provide(self, *flags, pair=None):
        certificate, key = pair or self.pair
        script = guard_process.EXAMPLE / "provider.py"
        self.provider = guard_process.Provider(
            script, "--tls_cert", certificate, "--tls_key", key, *flags
        )
        self.addCleanup(self.provider.kill)

    def serve(self, *flags):
        self.server = swoosh_server.Server(self.provider.flag(), *flags)
        self.addCleanup(self.server.close)
        submit(self.server.orchestrator, register(PAYMENT))

    def decide(self, instance_id):
        """Whether the provider lets a new payment through; an AssertionError if it is not asked."""
        stub = self.server.orchestrator
        context = {"amount": 40, "country": "DE"}
        with contextlib.suppress(grpc.RpcError):  # there already
            submit(stub, create(instance_id, "payment", context=context))
        return submit(stub, send(instance_id, "authorize")).results[0].instance.configuration[1]

    def assert_unanswered(self, instance_id):
        with self.assertRaises(grpc.RpcError):
            self.decide(instance_id)
        refusal = refusal_of(submit, self.server.orchestrator, send(instance_id, "authorize"))
        self.assertEqual((refusal.code.name, refusal.reason), ("UNAVAILABLE", "GUARD_UNANSWERED"))
        asked = orchestrator_pb2.GetInstanceRequest(instance_id=instance_id)
        instance = self.server.orchestrator.GetInstance(asked, timeout=CALL_SECONDS_MAX)
        self.assertEqual(instance.configuration[1], "requested")

    def await_decision(self, instance_id):
        deadline = time.monotonic() + SEEN_SECONDS_MAX
        while True:
            try:
                return self.decide(instance_id)
            except grpc.RpcError:
                self.assertLess(time.monotonic(), deadline, self.server.log_tail())
                time.sleep(0.1)

    def metric(self, name, **labels):
        labels = {"peer": "guard_provider", **labels}
        text = ",".join(f'{key}="{value}"' for key, value in labels.items())
        return self.server.metrics()[f"swoosh_certificate_{name}{{{text}}}"]

    def test_a_provider_with_a_certificate_of_the_roots_decides(self):
        self.provide()
        self.serve("--guard_ca", self.authority.path)
        self.assertEqual(self.decide("a"), "authorized")
        self.assertEqual(self.metric("expiry_timestamp_seconds"), 0)  # we have none

    def test_others_are_not_believed(self):
        other = certificates.Authority(self.folder, "other")
        self.provide(pair=certificates.server_certificate(other, "impostor"))
        self.serve("--guard_ca", self.authority.path)
        self.assert_unanswered("a")
        self.provider.kill()
        # The right root, and another host's name.
        elsewhere = self.authority.issue("elsewhere", "DNS:elsewhere.example.org")
        self.provider.flags = ("--tls_cert", elsewhere[0], "--tls_key", elsewhere[1])
        self.provider.start()
        self.assert_unanswered("b")
        self.provider.kill()
        self.provider.flags = ()  # without TLS
        self.provider.start()
        self.assert_unanswered("c")
        self.provider.kill()
        self.provider.flags = ("--tls_cert", self.pair[0], "--tls_key", self.pair[1])
        self.provider.start()
        self.assertEqual(self.await_decision("d"), "authorized")

    def test_a_provider_may_ask_who_asks(self):
        self.provide("--tls_client_ca", self.ours.path)
        pair = ("--guard_cert", self.client[0], "--guard_key", self.client[1])
        self.serve("--guard_ca", self.authority.path, *pair)
        self.assertEqual(self.decide("a"), "authorized")
        self.assertGreater(self.metric("expiry_timestamp_seconds"), time.time())
        stranger = swoosh_server.Server(self.provider.flag(), "--guard_ca", self.authority.path)
        self.addCleanup(stranger.close)
        self.server = stranger
        submit(stranger.orchestrator, register(PAYMENT))
        self.assert_unanswered("a")

    def test_roots_and_certificate_are_reloaded(self):
        self.provide("--tls_client_ca", self.ours.path)
        self.serve(
            "--guard_ca", self.authority.path,
            "--guard_cert", self.client[0], "--guard_key", self.client[1],
        )  # fmt: skip
        self.assertEqual(self.decide("a"), "authorized")
        # What can't be used is not taken.
        good = self.client[1].read_bytes()
        self.client[1].write_text("no key")
        while self.metric("last_reload_successful") == 1:
            time.sleep(0.05)
        self.assertEqual(self.decide("b"), "authorized")
        self.assertEqual(self.metric("reloads_total", result="failed"), 1)
        self.client[1].write_bytes(good)
        while self.metric("last_reload_successful") == 0:
            time.sleep(0.05)
        # The provider is another one, and believes others.
        late, theirs = (certificates.Authority(self.folder, name) for name in ("late", "theirs"))
        pair = certificates.server_certificate(late, "late-provider")
        self.provider.kill()
        self.provider.flags = (
            "--tls_cert", pair[0], "--tls_key", pair[1], "--tls_client_ca", theirs.path
        )  # fmt: skip
        self.provider.start()
        self.assert_unanswered("c")
        new = theirs.issue("swooshd-2")
        os.rename(new[1], self.client[1])
        os.rename(new[0], self.client[0])
        os.rename(late.path, self.authority.path)
        self.assertEqual(self.await_decision("d"), "authorized")

    def test_files_that_can_not_be_used_are_named_and_it_does_not_start(self):
        self.provide()
        empty = self.folder / "empty.pem"
        empty.write_text("")
        with self.assertRaises(swoosh_server.ServerError) as raised:
            self.serve("--guard_ca", empty)
        self.assertIn("empty.pem: holds no certificate in PEM", str(raised.exception))


if __name__ == "__main__":
    test_main.run()
