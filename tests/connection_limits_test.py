"""Each limit on connections alone: what it does, that its metric tells, and that others go on."""

import resource
import socket
import ssl
import time
import unittest

import certificates
import grpc
import hostile_attacks
import hostile_workload
import raw_http2
import swoosh_server
import test_main
from raw_http2 import CANCEL, DATA, END_HEADERS, END_STREAM, HEADERS, RST_STREAM, frame
from swoosh.v1 import orchestrator_pb2, orchestrator_pb2_grpc
from swoosh_api import COUNTER, create, register, send, submit

HOSTILE, OTHER = "127.0.1.1", "127.0.2.1"
SEEN_SECONDS_MAX = 60
CHUNK = 200
RESETS_MAX = 4_096
DESCRIPTORS = 600


class ServerAt(swoosh_server.Server):
    """One that listens on an address of the caller's."""

    def __init__(self, listen, *flags):
        self.listen = listen
        super().__init__(*flags)

    def launch(self):
        self.grpc_address = self.listen
        super().launch()

    @property
    def port(self):
        return int(self.grpc_address.rpartition(":")[2])


def calls(connection, count, reset=False):
    """That many calls without an end, or such that are reset at once."""
    headers = raw_http2.call_headers(hostile_attacks.GET_STATE)
    data = b""
    for _ in range(count):
        stream = connection.stream()
        data += frame(HEADERS, END_HEADERS, stream, headers)
        if reset:
            data += frame(RST_STREAM, 0, stream, CANCEL.to_bytes(4, "big"))
    return data


def goes_on_until_cut(connection, count, reset=False):
    """Sends calls until the server has ended the connection."""
    deadline = time.monotonic() + SEEN_SECONDS_MAX
    while connection.send(calls(connection, count, reset)) and connection.learn(0.01):
        if time.monotonic() > deadline:
            raise AssertionError("it is not cut off")


def answered_call(connection):
    """A call that gets an answer: those before it on the connection have been worked off."""
    stream = connection.stream()
    connection.send(
        frame(HEADERS, END_HEADERS, stream, raw_http2.call_headers(hostile_attacks.GET_STATE))
        + frame(DATA, END_STREAM, stream, raw_http2.message(b""))
    )
    deadline = time.monotonic() + SEEN_SECONDS_MAX
    while stream not in connection.answered:
        if not connection.learn(0.1):
            return False
        if time.monotonic() > deadline:
            raise AssertionError("there is no answer")
    return True


class ConnectionLimitsTest(unittest.TestCase):
    def start(self, *flags, listen="127.0.0.1:0"):
        server = ServerAt(listen, *flags)
        self.addCleanup(server.close)
        return server

    def counted(self, server, what, limit):
        return server.metrics()[f'swoosh_connections_{what}_total{{limit="{limit}"}}']

    def await_counted(self, server, what, limit):
        deadline = time.monotonic() + SEEN_SECONDS_MAX
        while not self.counted(server, what, limit):
            self.assertLess(time.monotonic(), deadline, f"{what} {limit}: {server.log_tail()}")
            time.sleep(0.02)

    def connect(self, server, source=HOSTILE, **options):
        connection = raw_http2.Connection(server.grpc_address, source=source, **options)
        self.addCleanup(connection.close)
        return connection

    def is_refused(self, connection):
        """Whether the server ends it at once, without its settings."""
        return not connection.learn(SEEN_SECONDS_MAX) or not connection.heard_settings

    def test_a_connection_with_too_many_calls_is_cut_off_and_its_address_waits(self):
        server = self.start()
        submit(server.orchestrator, register(COUNTER), create("a"))
        goes_on_until_cut(self.connect(server, acknowledges=False), CHUNK)
        self.await_counted(server, "cut", "calls")
        self.assertTrue(self.is_refused(self.connect(server)))
        self.await_counted(server, "refused", "penalty")
        self.assertFalse(self.is_refused(self.connect(server, OTHER)))
        submit(server.orchestrator, send("a"))

    def test_so_it_is_at_any_address(self):
        for listen, to in (
            ("[::1]:0", "[::1]"),
            ("[::]:0", "[::1]"),
            ("[::]:0", "127.0.0.1"),
            ("0.0.0.0:0", "127.0.0.1"),
            ("localhost:0", "127.0.0.1"),
        ):
            with self.subTest(listen=listen, to=to):
                server = self.start("--insecure", listen=listen)
                address = f"{to}:{server.port}"
                with raw_http2.Connection(address, acknowledges=False) as connection:
                    goes_on_until_cut(connection, CHUNK)
                self.await_counted(server, "cut", "calls")
                server.close()

    def test_so_it_is_with_tls(self):
        folder = swoosh_server.temporary_folder()
        authority = certificates.Authority(folder)
        certificate, key = certificates.server_certificate(authority)
        server = self.start("--tls_cert", certificate, "--tls_key", key)
        server.https = certificates.https(authority)
        context = ssl.create_default_context(cafile=authority.path)
        context.set_alpn_protocols(["h2"])
        connection = self.connect(server, tls=context, acknowledges=False)
        goes_on_until_cut(connection, CHUNK)
        self.await_counted(server, "cut", "calls")

    def test_a_connection_that_keeps_to_the_limit_on_streams_is_not_cut_off(self):
        server = self.start()
        connection = self.connect(server)
        connection.send(calls(connection, 1_000))
        for _ in range(20):
            self.assertTrue(answered_call(connection))
        cut = [name for name, number in server.metrics().items() if "_cut_" in name and number]
        self.assertEqual(cut, [])

    def test_gRPC_ends_a_connection_that_passes_the_limit_on_streams_it_acknowledged(self):
        server = self.start()
        connection = self.connect(server)
        self.assertTrue(answered_call(connection))
        goes_on_until_cut(connection, CHUNK)
        self.assertEqual(self.counted(server, "cut", "calls"), 0)

    def test_a_connection_whose_calls_are_reset_all_the_time_is_cut_off(self):
        server = self.start()
        connection = self.connect(server)
        sent = 0
        # So slowly that there are never many at a time.
        while connection.send(calls(connection, CHUNK, reset=True)) and answered_call(connection):
            sent += CHUNK
            self.assertLess(sent, 1_000 * RESETS_MAX)
        self.assertGreater(sent, RESETS_MAX / 2)
        self.await_counted(server, "cut", "resets")

    def test_a_connection_with_too_much_of_unfinished_messages_is_cut_off(self):
        server = self.start()
        end = time.monotonic() + SEEN_SECONDS_MAX
        connection = self.connect(server)
        stream = connection.stream()
        headers = raw_http2.call_headers(hostile_attacks.SUBMIT)
        connection.send(frame(HEADERS, END_HEADERS, stream, headers))
        data = memoryview(raw_http2.message(bytes(128 << 20), 1 << 30))
        hostile_attacks.send_as_taken(connection, end, {stream: data})
        self.assertLess(time.monotonic(), end)
        self.await_counted(server, "cut", "bytes")

    def test_a_header_that_never_ends_is_cut_off(self):
        server = self.start()
        connection = self.connect(server)
        hostile_attacks.send_endless_header(connection, time.monotonic() + SEEN_SECONDS_MAX)
        self.await_counted(server, "cut", "bytes")

    def test_calls_whose_metadata_unpack_to_much_are_cut_off(self):
        server = self.start()
        deadline = time.monotonic() + SEEN_SECONDS_MAX
        connections = [self.connect(server, acknowledges=False) for _ in range(2)]
        while all(each.send(hostile_attacks.bomb(each)) for each in connections):
            self.assertLess(time.monotonic(), deadline)
        self.await_counted(server, "cut", "memory")

    def test_a_stream_with_too_much_metadata_is_refused_by_the_server_where_grpc_takes_it(self):
        server = self.start()
        connection = self.connect(server, acknowledges=False)
        connection.send(hostile_attacks.bomb(connection, "/swoosh.v1.Orchestrator/SubmitStream"))
        deadline = time.monotonic() + SEEN_SECONDS_MAX
        while not connection.answered:
            self.assertTrue(connection.learn(0.1))
            self.assertLess(time.monotonic(), deadline)
        refused = [
            number
            for name, number in server.metrics().items()
            if name.startswith("grpc_server_handled_total{")
            and 'grpc_method="SubmitStream"' in name
            and 'grpc_code="ResourceExhausted"' in name
        ]
        self.assertEqual(refused, [1])

    def test_too_much_metadata_is_refused(self):
        server = self.start()
        asked = orchestrator_pb2.GetStateRequest()
        server.orchestrator.GetState(asked, metadata=(("x-long", "x" * 15_000),))
        with self.assertRaises(grpc.RpcError) as refused:
            server.orchestrator.GetState(asked, metadata=(("x-long", "x" * 17_000),))
        self.assertEqual(refused.exception.code(), grpc.StatusCode.RESOURCE_EXHAUSTED)
        # Where such metadata come in two parts, gRPC ends their connection.
        self.assertTrue(hostile_workload.serves(server))

    def test_a_connection_that_does_not_come_to_its_settings_is_closed(self):
        server = self.start()
        host, _, port = server.grpc_address.rpartition(":")
        silent, half = (
            socket.create_connection((host, int(port)), SEEN_SECONDS_MAX, (HOSTILE, 0))
            for _ in range(2)
        )
        half.sendall(raw_http2.PREFACE)
        for each in (silent, half):
            self.addCleanup(each.close)
            while each.recv(1 << 16):  # fails where it is left open
                pass

    def test_a_packed_request_is_refused(self):
        server = self.start()
        with grpc.insecure_channel(
            server.grpc_address, compression=grpc.Compression.Gzip
        ) as channel:
            stub = orchestrator_pb2_grpc.OrchestratorStub(channel)
            with self.assertRaises(grpc.RpcError) as refused:
                submit(stub, register(COUNTER))
        self.assertEqual(refused.exception.code(), grpc.StatusCode.UNIMPLEMENTED)

    def test_an_address_has_so_many_connections(self):
        server = self.start("--connections_per_address_max", "3")
        held = [self.connect(server) for _ in range(3)]
        self.assertEqual([self.is_refused(each) for each in held], [False] * 3)
        self.assertTrue(self.is_refused(self.connect(server)))
        self.assertEqual(self.counted(server, "refused", "connections_of_address"), 1)
        self.assertFalse(self.is_refused(self.connect(server, OTHER)))
        held[0].close()
        self.await_let_in(server)

    def test_there_are_so_many_connections(self):
        server = self.start("--connections_max", "3")
        held = [self.connect(server, f"127.0.1.{number}") for number in (1, 2, 3)]
        self.assertEqual([self.is_refused(each) for each in held], [False] * 3)
        self.assertTrue(self.is_refused(self.connect(server, OTHER)))
        self.assertEqual(self.counted(server, "refused", "connections"), 1)
        self.assertEqual(server.metrics()["swoosh_connections"], 3)
        held[0].close()
        self.await_let_in(server)

    def await_let_in(self, server):
        deadline = time.monotonic() + SEEN_SECONDS_MAX
        while self.is_refused(self.connect(server, "127.0.1.1")):
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.02)

    def test_an_address_opens_so_many_connections_a_second(self):
        server = self.start("--connections_per_address_max", "64")
        host, _, port = server.grpc_address.rpartition(":")
        deadline = time.monotonic() + SEEN_SECONDS_MAX
        while not self.counted(server, "refused", "rate_of_address"):
            for _ in range(256):
                socket.create_connection((host, int(port)), 5, (HOSTILE, 0)).close()
            self.assertLess(time.monotonic(), deadline)
        self.assertFalse(self.is_refused(self.connect(server, OTHER)))

    def test_connections_leave_descriptors_for_the_log(self):
        before = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, before[1]))
        try:
            server = self.start()
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, before)
        submit(server.orchestrator, register(COUNTER), create("a"))
        for _ in range(DESCRIPTORS):
            self.connect(server)
        self.await_counted(server, "refused", "connections")
        for _ in range(20):
            submit(server.orchestrator, send("a"))
        self.assertEqual(server.metrics()["swoosh_fenced"], 0)
        asked = orchestrator_pb2.GetStateRequest()
        self.assertGreater(server.orchestrator.GetState(asked).index, 20)


if __name__ == "__main__":
    test_main.run()
