"""TLS and client certificates, and their files replaced while the server runs."""

import json
import os
import shutil
import socket
import ssl
import subprocess
import time
import unittest

import certificates
import grpc
import swoosh_ctl
import swoosh_server
import test_main
from swoosh.v1 import orchestrator_pb2, orchestrator_pb2_grpc
from swoosh_api import CALL_SECONDS_MAX, COUNTER, create, register, send, submit

SEEN_SECONDS_MAX = 30
EXPIRY = 'swoosh_certificate_expiry_timestamp_seconds{peer="clients"}'
UNAVAILABLE_EXIT_CODE = 64 + 14


def subject_of_server(address, authority, client=None):
    """The common name in the certificate that a new connection is shown."""
    context = ssl.create_default_context(cafile=authority.path)
    context.set_alpn_protocols(["h2"])
    if client is not None:
        context.load_cert_chain(*client)
    host, _, port = address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=10) as raw:
        with context.wrap_socket(raw, server_hostname=host) as connection:
            subject = dict(pair[0] for pair in connection.getpeercert()["subject"])
            return subject["commonName"]


def await_true(condition):
    deadline = time.monotonic() + SEEN_SECONDS_MAX
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError("it does not come true")
        time.sleep(0.05)


class TlsTestCase(unittest.TestCase):
    def setUp(self):
        self.folder = swoosh_server.temporary_folder()
        self.authority = certificates.Authority(self.folder)
        self.certificate, self.key = certificates.server_certificate(self.authority, "first")

    def start(self, *flags, certificate=None, key=None):
        pair = ["--tls_cert", certificate or self.certificate, "--tls_key", key or self.key]
        server = swoosh_server.Server(*pair, *flags, https=certificates.https(self.authority))
        self.addCleanup(server.close)
        return server

    def stub(self, server, client=None):
        """A client with a connection of its own, and a certificate, if `client` has one."""
        pair = [path.read_bytes() for path in client] if client else [None, None]
        credentials = grpc.ssl_channel_credentials(
            self.authority.path.read_bytes(), private_key=pair[1], certificate_chain=pair[0]
        )
        channel = grpc.secure_channel(
            server.grpc_address, credentials, options=swoosh_server.CHANNEL_OPTIONS
        )
        self.addCleanup(channel.close)
        return orchestrator_pb2_grpc.OrchestratorStub(channel)

    def unavailable(self, stub):
        with self.assertRaises(grpc.RpcError) as raised:
            stub.GetState(orchestrator_pb2.GetStateRequest(), timeout=CALL_SECONDS_MAX)
        self.assertEqual(raised.exception.code(), grpc.StatusCode.UNAVAILABLE)


def state(stub):
    return stub.GetState(orchestrator_pb2.GetStateRequest(), timeout=CALL_SECONDS_MAX)


class TlsTest(TlsTestCase):
    def test_clients_that_believe_the_root_are_served_and_others_are_not(self):
        server = self.start()
        self.assertEqual(state(self.stub(server)).index, 0)
        self.unavailable(server.orchestrator)  # without TLS
        other = certificates.Authority(self.folder, "other")
        self.authority, believed = other, self.authority
        self.unavailable(self.stub(server))
        self.authority = believed

    def test_no_version_before_1_2(self):
        server = self.start()
        host, _, port = server.grpc_address.rpartition(":")
        context = ssl.create_default_context(cafile=self.authority.path)
        context.set_alpn_protocols(["h2"])
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
        with socket.create_connection((host, int(port)), timeout=10) as raw:
            with self.assertRaises((ssl.SSLError, ConnectionError)):
                context.wrap_socket(raw, server_hostname=host)

    def test_swooshctl_connects(self):
        server = self.start()
        done = swoosh_ctl.run(server, "status", "--ca", self.authority.path)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        for wrong in ([], ["--tls"], ["--ca", certificates.Authority(self.folder, "b").path]):
            done = swoosh_ctl.run(server, "status", "--timeout", "5s", *wrong)
            self.assertEqual(done.returncode, UNAVAILABLE_EXIT_CODE, wrong)
            self.assertIn("can't reach a server", done.stderr)
        by_environment = subprocess.run(
            swoosh_ctl.command(server, "status"),
            capture_output=True,
            timeout=60,
            env={**os.environ, "SWOOSH_CA": str(self.authority.path)},
        )
        self.assertEqual((by_environment.returncode, by_environment.stderr), (0, b""))

    def test_what_is_not_encrypted_takes_insecure_beyond_loopback(self):
        command = [swoosh_server.SWOOSHD, "--data_dir", self.folder / "never"]
        done = self.run_refused([*command, "--listen", "0.0.0.0:0"], 2)
        self.assertIn("--tls_cert", done)
        done = self.run_refused([*command, "--http", "0.0.0.0:0"], 2)
        self.assertIn("--http: 0.0.0.0:0 is not a loopback address", done)

    def run_refused(self, command, exit_code):
        done = subprocess.run(
            swoosh_server.bound_to_us(command), capture_output=True, text=True, timeout=60
        )
        self.assertEqual(done.returncode, exit_code, done.stderr)
        return done.stderr

    def test_files_that_can_not_be_used_are_named_and_it_does_not_start(self):
        command = [swoosh_server.SWOOSHD, "--data_dir", self.folder / "never"]
        command += ["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"]
        _, another_key = certificates.server_certificate(self.authority, "another")
        expired, expired_key = certificates.server_certificate(self.authority, "expired", days=-1)
        empty = self.folder / "empty.pem"
        empty.write_text("")
        cases = [
            ([self.folder / "no.pem", self.key], "no.pem"),
            ([empty, self.key], "empty.pem: holds no certificate"),
            ([self.certificate, empty], "empty.pem: holds no private key"),
            ([self.certificate, another_key], "another.key: is not the key of"),
            ([expired, expired_key], "expired.pem: has expired"),
            ([self.certificate, self.key, empty], "empty.pem: holds no certificate"),
        ]
        for paths, says in cases:
            flags = ["--tls_cert", paths[0], "--tls_key", paths[1]]
            flags += ["--tls_client_ca", paths[2]] if len(paths) > 2 else []
            self.assertIn(says, self.run_refused([*command, *flags], 1))
        for flags in (["--tls_cert", empty], ["--tls_key", empty], ["--tls_client_ca", empty]):
            self.assertIn("--tls_cert", self.run_refused([*command, *flags], 2))


class ReloadTest(TlsTestCase):
    def reloads(self, server, result):
        labels = f'{{peer="clients",result="{result}"}}'
        return server.metrics()[f"swoosh_certificate_reloads_total{labels}"]

    def test_a_new_certificate_is_served_while_old_connections_go_on(self):
        server = self.start()
        stub = self.stub(server)
        submit(stub, register(COUNTER), create("a"))
        watch = stub.Watch(orchestrator_pb2.WatchRequest(from_index=1))
        self.assertEqual(next(watch).index, 1)
        self.assertEqual(subject_of_server(server.grpc_address, self.authority), "first")
        first_expiry = server.metrics()[EXPIRY]
        self.assertGreater(first_expiry, time.time())

        certificate, key = certificates.server_certificate(self.authority, "second", days=2)
        os.rename(key, self.key)
        os.rename(certificate, self.certificate)
        await_true(lambda: subject_of_server(server.grpc_address, self.authority) == "second")
        self.assertEqual(self.reloads(server, "failed"), 0)
        self.assertGreater(server.metrics()[EXPIRY], first_expiry + 3600)
        # The old connection goes on, and new ones are as good.
        self.assertEqual(submit(stub, send("a")).index, 2)
        while not (response := next(watch)).changes:
            pass
        self.assertEqual(response.index, 2)
        self.assertEqual(state(self.stub(server)).index, 2)

    def test_a_pair_that_does_not_fit_is_refused_and_the_old_one_kept(self):
        server = self.start()
        good = self.key.read_bytes()
        _, another_key = certificates.server_certificate(self.authority, "another")
        os.rename(another_key, self.key)
        await_true(lambda: self.reloads(server, "failed") == 1)
        self.assertIn("certificate_refused", server.log_tail())
        self.assertIn("is not the key of", server.log_tail())
        self.assertEqual(subject_of_server(server.grpc_address, self.authority), "first")
        self.assertEqual(state(self.stub(server)).index, 0)
        self.key.unlink()
        await_true(lambda: self.reloads(server, "failed") == 2)
        self.assertEqual(state(self.stub(server)).index, 0)
        self.key.write_bytes(good)
        await_true(lambda: self.reloads(server, "ok") == 2)
        self.assertEqual(state(self.stub(server)).index, 0)

    def test_a_secret_of_kubernetes_is_swapped_as_a_whole(self):
        mount = self.folder / "mount"
        self.put_secret(mount, "v1", self.certificate, self.key)
        server = self.start(certificate=mount / "tls.crt", key=mount / "tls.key")
        stub = self.stub(server)
        for version in ("v2", "v3"):
            pair = certificates.server_certificate(self.authority, version)
            self.put_secret(mount, version, *pair)

            def is_served(name=version):
                return subject_of_server(server.grpc_address, self.authority) == name

            await_true(is_served)
            self.assertEqual(state(stub).index, 0)
        self.assertEqual(self.reloads(server, "failed"), 0)
        self.assertEqual(self.reloads(server, "ok"), 3)

    def put_secret(self, mount, version, certificate, key):
        """As the kubelet does: files are links through ..data, which a rename moves."""
        folder = mount / f"..{version}"
        folder.mkdir(parents=True)
        shutil.copy(certificate, folder / "tls.crt")
        shutil.copy(key, folder / "tls.key")
        link = mount / "..data_tmp"
        link.symlink_to(folder.name)
        os.rename(link, mount / "..data")
        for name in ("tls.crt", "tls.key"):
            if not (mount / name).is_symlink():
                (mount / name).symlink_to(f"..data/{name}")


class ClientCertificateTest(TlsTestCase):
    def setUp(self):
        super().setUp()
        self.clients = certificates.Authority(self.folder, "clients")
        self.client = self.clients.issue("ci", "URI:spiffe://example.org/ci,DNS:ci.example.org")

    def test_who_has_none_of_the_roots_certificates_is_not_served(self):
        server = self.start("--tls_client_ca", self.clients.path)
        self.assertEqual(state(self.stub(server, self.client)).index, 0)
        self.unavailable(self.stub(server))
        self.unavailable(self.stub(server, self.authority.issue("stranger")))
        done = swoosh_ctl.run(
            server, "status", "--ca", self.authority.path,
            "--cert", self.client[0], "--key", self.client[1],
        )  # fmt: skip
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_the_roots_of_clients_are_reloaded_too(self):
        server = self.start("--tls_client_ca", self.clients.path)
        late = certificates.Authority(self.folder, "late")
        newcomer = late.issue("newcomer")
        self.unavailable(self.stub(server, newcomer))
        both = self.clients.path.read_bytes() + late.path.read_bytes()
        beside = self.folder / "both.pem"
        beside.write_bytes(both)
        os.rename(beside, self.clients.path)

        def is_served():
            try:
                return state(self.stub(server, newcomer)).index == 0
            except grpc.RpcError:
                return False

        await_true(is_served)
        self.assertEqual(state(self.stub(server, self.client)).index, 0)

    def test_the_identity_is_what_the_certificate_names(self):
        access = self.folder / "access.json"
        identities = [
            {"name": "by-uri", "role": "SUBMITTER", "certificates": ["spiffe://example.org/ci"]},
            {"name": "by-name", "role": "SUBMITTER", "certificates": ["plain"]},
            {"name": "not-by-name", "role": "OPERATOR", "certificates": ["ci"]},
        ]
        access.write_text(json.dumps({"identities": identities}))
        server = self.start("--tls_client_ca", self.clients.path, "--auth", access)
        plain = self.stub(server, self.clients.issue("plain"))
        submit(self.stub(server, self.client), register(COUNTER))
        submit(plain, create("a"))
        # A certificate with alternative names is not told by its common name, "ci".
        records = plain.ListRecords(orchestrator_pb2.ListRecordsRequest(), timeout=30).records
        self.assertEqual([record.actor for record in records], ["by-uri", "by-name"])
        with self.assertRaises(grpc.RpcError) as raised:
            state(self.stub(server, self.clients.issue("stranger")))
        self.assertEqual(raised.exception.code(), grpc.StatusCode.UNAUTHENTICATED)


if __name__ == "__main__":
    test_main.run()
