"""The HTTP port under TLS: certificates of server and clients, and who a client is by his own."""

import contextlib
import hashlib
import http.client
import json
import os
import shutil
import socket
import ssl
import subprocess
import unittest

import certificates
import grpc
import swoosh_http
import swoosh_server
import test_main
from google.protobuf import json_format
from swoosh.v1 import orchestrator_pb2, orchestrator_pb2_grpc
from swoosh_api import CALL_SECONDS_MAX, COUNTER, create, register, send, submit

CURL = shutil.which("curl", path="/usr/bin")
CURL_CA_EXIT_CODE = 60  # the server's certificate is of no root that it believes
TOKEN = "a token"
PATHS = ("/", "/page/main.js", "/metrics", "/v1/state", "/v1/watch", "/v1/submit", "/nothing")
FOR_PROBES = ("/healthz", "/readyz")
THREADS = 96 + 16  # kHttpGatewayThreads, kHttpOtherThreads


def as_json(*transitions):
    return [json_format.MessageToDict(each) for each in transitions]


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


class HttpsTestCase(unittest.TestCase):
    def setUp(self):
        self.folder = swoosh_server.temporary_folder()
        self.authority = certificates.Authority(self.folder)
        self.clients = certificates.Authority(self.folder, "clients")
        self.pair = certificates.server_certificate(self.authority, "first")

    def start(self, *flags, client=None):
        """A server, which server.https asks as `client`."""
        self.server = swoosh_server.Server(
            "--tls_cert", self.pair[0], "--tls_key", self.pair[1], *flags,
            https=certificates.https(self.authority, client), low_ports=True,
        )  # fmt: skip
        self.addCleanup(self.server.close)

    def stub(self, client=None):
        pair = [path.read_bytes() for path in client] if client else [None, None]
        credentials = grpc.ssl_channel_credentials(
            self.authority.path.read_bytes(), private_key=pair[1], certificate_chain=pair[0]
        )
        channel = grpc.secure_channel(
            self.server.grpc_address, credentials, options=swoosh_server.CHANNEL_OPTIONS
        )
        self.addCleanup(channel.close)
        return orchestrator_pb2_grpc.OrchestratorStub(channel)

    def ask(self, path, *arguments, **more):
        return swoosh_http.ask(self.server, path, *arguments, **more)

    def as_client(self, pair, path, *arguments, **more):
        """The answer to another client: of a pair of paths, or without a certificate."""
        before, self.server.https = self.server.https, certificates.https(self.authority, pair)
        try:
            return self.ask(path, *arguments, **more)
        finally:
            self.server.https = before

    def write_access(self, *identities):
        path = self.folder / "access.json"
        beside = self.folder / "access.new"
        beside.write_text(json.dumps({"identities": identities}))
        os.rename(beside, path)
        return path


class TlsTest(HttpsTestCase):
    def setUp(self):
        super().setUp()
        self.start()

    def test_everything_is_served_as_in_clear(self):
        answer = swoosh_http.submit(self.server, *as_json(register(COUNTER), create("a")))
        self.assertEqual(answer.code, 200, answer.body)
        for path in (*FOR_PROBES, "/", "/metrics", "/v1/state", "/v1/instances/a"):
            self.assertEqual(self.ask(path).code, 200, path)
        # No site has a certificate of this server's, so it may go by any name.
        headers = {"Host": "swoosh.example.com"}
        self.assertEqual(self.ask("/v1/state", headers=headers).code, 200)
        headers = {"Sec-Fetch-Site": "cross-site"}
        self.assertEqual(self.ask("/v1/state", headers=headers).code, 403)

    def test_much_comes_through_in_both_directions(self):
        count = 60
        one = as_json(send("a", data={"by": "x" * 60_000}))
        swoosh_http.submit(self.server, *as_json(register(COUNTER), create("a")))
        answer = swoosh_http.submit(self.server, *one * count)
        self.assertEqual(answer.code, 200, answer.body[:300])
        records = self.ask("/v1/records?raw=true").json["records"]
        self.assertEqual([each["index"] for each in records], ["1", "2"])
        self.assertGreater(len(json.dumps(records)), count * 60_000)

    def test_a_watch_goes_on_where_it_was_over_a_kill(self):
        swoosh_http.submit(self.server, *as_json(register(COUNTER), create("a")))
        events = swoosh_http.EventSource(self.server, "from_index=1")
        self.addCleanup(events.close)
        self.assertEqual(events.change().id, "1")
        swoosh_http.submit(self.server, *as_json(send("a")))
        self.assertEqual(events.change().id, "2")
        self.server.kill()
        self.server.start()
        swoosh_http.submit(self.server, *as_json(send("a")))
        resumed = swoosh_http.EventSource(self.server, "from_index=1", last_event_id="2")
        self.addCleanup(resumed.close)
        self.assertEqual(resumed.change().id, "3")

    def test_a_reader_that_takes_nothing_is_let_go_of(self):
        swoosh_http.submit(self.server, *as_json(register(COUNTER), create("a")))
        slow = swoosh_http.EventSource(self.server, "from_index=1", receive_buffer_bytes=4096)
        self.addCleanup(slow.close)
        for _ in range(60):
            swoosh_http.submit(self.server, *as_json(send("a", data={"by": "x" * 60_000})))
        while self.server.metrics()["swoosh_watchers"] > 0:
            pass
        self.assertEqual(self.ask("/readyz").code, 200)

    def test_it_ends_at_once_whoever_is_connected(self):
        address = tuple(self.server.http_address.split(":"))
        silent = [socket.create_connection(address, 30) for _ in range(3)]
        idle = self.server.https.wrap_socket(silent[0], server_hostname=address[0])
        self.assertEqual(self.server.terminate(), 0)
        for each in (idle, *silent[1:]):
            with contextlib.suppress(OSError):
                self.assertEqual(each.recv(1), b"")
            each.close()

    def test_who_speaks_in_clear_is_told(self):
        connection = http.client.HTTPConnection(self.server.http_address, timeout=30)
        self.addCleanup(connection.close)
        connection.request("GET", "/v1/state", headers=bearer(TOKEN))
        answer = connection.getresponse()
        self.assertEqual(answer.status, 400)
        self.assertIn("https://", json.load(answer)["message"])

    def test_what_is_no_tls_does_no_harm(self):
        hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 32
        for rubbish in (b"", b"\0" * 100, b"\x16\x03\x01\xff\xff" + b"\xff" * 100_000, hello):
            with socket.create_connection(self.server.http_address.split(":"), 30) as connection:
                with contextlib.suppress(OSError):
                    connection.sendall(rubbish)
                    connection.shutdown(socket.SHUT_WR)
                    while connection.recv(4096):
                        pass
        self.assertEqual(self.ask("/readyz").code, 200)

    def test_connections_that_never_say_a_word_keep_nobody_out_for_long(self):
        address = self.server.http_address.split(":")
        with contextlib.ExitStack() as stack:
            for _ in range(THREADS):
                stack.enter_context(socket.create_connection(address, 30))
            self.assertEqual(self.ask("/readyz").code, 200)

    def test_no_version_before_1_2_and_no_other_protocol_than_http_1_1(self):
        def shake(context):
            with socket.create_connection(self.server.http_address.split(":"), 30) as raw:
                with context.wrap_socket(raw, server_hostname="127.0.0.1") as connection:
                    return connection.version(), connection.selected_alpn_protocol()

        old = certificates.https(self.authority)
        old.set_ciphers("ALL:@SECLEVEL=0")
        old.minimum_version = ssl.TLSVersion.TLSv1
        old.maximum_version = ssl.TLSVersion.TLSv1_1
        with self.assertRaises((ssl.SSLError, ConnectionError)):
            shake(old)
        oldest = certificates.https(self.authority)
        oldest.maximum_version = ssl.TLSVersion.TLSv1_2
        self.assertEqual(shake(oldest), ("TLSv1.2", None))
        both = certificates.https(self.authority)
        both.set_alpn_protocols(["h2", "http/1.1"])
        self.assertEqual(shake(both), ("TLSv1.3", "http/1.1"))
        h2 = certificates.https(self.authority)
        h2.set_alpn_protocols(["h2"])
        with self.assertRaises((ssl.SSLError, ConnectionError)):
            shake(h2)


class ReloadTest(HttpsTestCase):
    def served(self):
        """The common name in the certificate that a new connection is shown."""
        connection = swoosh_http.connect(self.server)
        try:
            connection.connect()
            subject = dict(pair[0] for pair in connection.sock.getpeercert()["subject"])
            return subject["commonName"]
        finally:
            connection.close()

    def test_a_new_certificate_is_served_while_a_watch_goes_on(self):
        self.start()
        swoosh_http.submit(self.server, *as_json(register(COUNTER), create("a")))
        events = swoosh_http.EventSource(self.server, "from_index=1")
        self.addCleanup(events.close)
        self.assertEqual(events.change().id, "1")
        self.assertEqual(self.served(), "first")
        new = certificates.server_certificate(self.authority, "second")
        os.rename(new[1], self.pair[1])
        os.rename(new[0], self.pair[0])
        while self.served() != "second":
            pass
        swoosh_http.submit(self.server, *as_json(send("a")))
        self.assertEqual(events.change().id, "2")

    def test_a_key_that_does_not_fit_changes_nothing(self):
        self.start()
        _, key = certificates.server_certificate(self.authority, "another")
        os.rename(key, self.pair[1])
        name = 'swoosh_certificate_last_reload_successful{peer="clients"}'
        self.assertEqual(self.served(), "first")
        while self.server.metrics()[name] == 1:
            pass
        self.assertEqual(self.served(), "first")


class ClientCertificateTest(HttpsTestCase):
    def setUp(self):
        super().setUp()
        self.client = self.clients.issue("ci", "URI:spiffe://example.org/ci")

    def test_without_one_there_is_what_probes_ask_for_and_nothing_else(self):
        self.start("--tls_client_ca", self.clients.path, client=self.client)
        for path in FOR_PROBES:
            self.assertEqual(self.as_client(None, path).code, 200, path)
        for path in PATHS:
            answer = self.as_client(None, path)
            self.assertEqual((answer.code, answer.json["code"]), (401, 16), path)
            self.assertNotEqual(self.ask(path, "HEAD").code, 401, path)
        stranger = certificates.Authority(self.folder, "b").issue("stranger")
        for path in (*PATHS, *FOR_PROBES):
            # In TLS 1.3 the client is told after what is its last message.
            with self.assertRaises((ssl.SSLError, ConnectionError, http.client.HTTPException)):
                self.as_client(stranger, path)

    def test_the_roots_of_clients_are_reloaded(self):
        self.start("--tls_client_ca", self.clients.path, client=self.client)
        late = certificates.Authority(self.folder, "late")
        newcomer = late.issue("newcomer")
        beside = self.folder / "both.pem"
        beside.write_bytes(self.clients.path.read_bytes() + late.path.read_bytes())
        with self.assertRaises((ssl.SSLError, ConnectionError, http.client.HTTPException)):
            self.as_client(newcomer, "/v1/state")
        os.rename(beside, self.clients.path)
        while True:
            with contextlib.suppress(ssl.SSLError, ConnectionError, http.client.HTTPException):
                if self.as_client(newcomer, "/v1/state").code == 200:
                    break
        self.assertEqual(self.ask("/v1/state").code, 200)
        # Those that go are no longer believed.
        shutil.copy(late.path, beside)
        os.rename(beside, self.clients.path)
        with self.assertRaises((ssl.SSLError, ConnectionError, http.client.HTTPException)):
            while True:
                self.ask("/v1/state")

    def test_the_identity_is_what_the_certificate_names_as_over_grpc(self):
        access = self.write_access(
            {"name": "by-uri", "role": "SUBMITTER", "certificates": ["spiffe://example.org/ci"]},
            {"name": "by-dns", "role": "SUBMITTER", "certificates": ["ci.example.org"]},
            {"name": "by-address", "role": "SUBMITTER", "certificates": ["10.1.2.3"]},
            {"name": "by-mail", "role": "SUBMITTER", "certificates": ["ci@example.org"]},
            {"name": "by-name", "role": "READER", "certificates": ["plain"]},
            {"name": "not-by-name", "role": "OPERATOR", "certificates": ["ci"]},
            {"name": "by-token", "role": "READER", "token_sha256": [sha256(TOKEN)]},
        )
        self.start("--tls_client_ca", self.clients.path, "--auth", access, client=self.client)
        swoosh_http.submit(self.server, *as_json(register(COUNTER), create("a")))
        body = {"transitions": as_json(send("a"))}
        for kind, name, actor in (
            ("URI", "spiffe://example.org/ci", "by-uri"),
            ("DNS", "ci.example.org", "by-dns"),
            ("IP", "10.1.2.3", "by-address"),
            ("email", "ci@example.org", "by-mail"),
        ):
            pair = self.clients.issue(f"by-{kind}", f"{kind}:{name}")
            index = int(self.as_client(pair, "/v1/submit", "POST", body).json["index"])
            self.assertEqual(submit(self.stub(pair), send("a")).index, index + 1)
            records = self.ask(f"/v1/records?from_index={index}").json["records"]
            self.assertEqual([each["actor"] for each in records], [actor, actor])
        plain = self.clients.issue("plain")
        self.assertEqual(self.as_client(plain, "/v1/state").code, 200)
        self.assertEqual(self.as_client(plain, "/v1/submit", "POST", body).code, 403)
        stranger = self.clients.issue("stranger")
        of_two = self.clients.issue("of-two", "DNS:ci.example.org,IP:10.1.2.3")
        for pair in (stranger, of_two):
            self.assertEqual(self.as_client(pair, "/v1/state").code, 401)
        # Whoever sends a token is told by it, whatever his certificate.
        headers = bearer(TOKEN)
        self.assertEqual(self.ask("/v1/state", headers=headers).code, 200)
        self.assertEqual(self.ask("/v1/submit", "POST", body, headers=headers).code, 403)
        self.assertEqual(self.ask("/v1/state", headers=bearer("another")).code, 401)

    def test_a_watch_is_its_certificates_too_and_ends_with_its_identity(self):
        mine = {"name": "me", "role": "SUBMITTER", "certificates": ["spiffe://example.org/ci"]}
        other = {"name": "other", "role": "READER", "certificates": ["other"]}
        access = self.write_access(mine, other)
        self.start("--tls_client_ca", self.clients.path, "--auth", access, client=self.client)
        swoosh_http.submit(self.server, *as_json(register(COUNTER), create("a")))
        events = swoosh_http.EventSource(self.server, "from_index=1")
        self.addCleanup(events.close)
        self.assertEqual(events.change().id, "1")
        self.write_access(other)
        for last in events:
            pass
        self.assertEqual(last.type, "status")
        self.assertEqual(self.ask("/v1/state").code, 401)

    def test_nobody_can_say_over_the_network_what_a_certificate_would(self):
        access = self.write_access(
            {"name": "ops", "role": "OPERATOR", "certificates": ["spiffe://example.org/ops"]}
        )
        self.start("--tls_client_ca", self.clients.path, "--auth", access, client=self.client)
        name = ("swoosh-certificate-name-bin", b"spiffe://example.org/ops")
        for secret in ([], [("swoosh-in-process-bin", b"")], [("swoosh-in-process-bin", bytes(32))]):
            with self.assertRaises(grpc.RpcError) as raised:
                self.stub(self.client).GetState(
                    orchestrator_pb2.GetStateRequest(),
                    metadata=(name, *secret),
                    timeout=CALL_SECONDS_MAX,
                )
            self.assertEqual(raised.exception.code(), grpc.StatusCode.UNAUTHENTICATED)
        headers = {"swoosh-certificate-name-bin": "c3BpZmZlOi8vZXhhbXBsZS5vcmcvb3Bz"}
        self.assertEqual(self.ask("/v1/state", headers=headers).code, 401)


@unittest.skipUnless(CURL, "curl is absent")
class CurlTest(HttpsTestCase):
    def curl(self, path, *arguments, ca=None):
        command = [CURL, "-sS", "--cacert", ca or self.authority.path, *arguments]
        return subprocess.run(
            [*map(str, command), f"https://{self.server.http_address}{path}"],
            capture_output=True,
            text=True,
            timeout=60,
        )

    def test_a_token_needs_no_clear_text(self):
        access = self.write_access(
            {"name": "me", "role": "SUBMITTER", "token_sha256": [sha256(TOKEN)]}
        )
        self.start("--auth", access)
        header = f"Authorization: Bearer {TOKEN}"
        done = self.curl("/v1/state", "-H", header)
        self.assertIn('"stateHash"', done.stdout, done.stderr)
        self.assertIn("CREDENTIALS_UNKNOWN", self.curl("/v1/state").stdout)
        body = json.dumps({"transitions": as_json(register(COUNTER))})
        done = self.curl("/v1/submit", "-H", header, "--json", body)
        self.assertIn('"index":"1"', done.stdout, done.stderr)
        other = certificates.Authority(self.folder, "other")
        self.assertEqual(self.curl("/v1/state", ca=other.path).returncode, CURL_CA_EXIT_CODE)

    def test_a_certificate_is_shown_and_probes_have_none(self):
        self.start("--tls_client_ca", self.clients.path)
        self.assertEqual(self.curl("/readyz").stdout, "ready\n")
        self.assertIn('"code":16', self.curl("/v1/state").stdout)
        certificate, key = self.clients.issue("me")
        done = self.curl("/v1/state", "--cert", certificate, "--key", key)
        self.assertIn('"stateHash"', done.stdout, done.stderr)


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


if __name__ == "__main__":
    test_main.run()
