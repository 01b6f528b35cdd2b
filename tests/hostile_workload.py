"""Clients that mean harm, each for a while, beside one that does not; and what that cost.

An attack is a function of the server's address and the moment to end at; it returns how much of it
it did. What is measured: the most memory that the server had, the calls of a well-behaved client on
a connection of its own, and whether it serves afterwards.
"""

import contextlib
import itertools
import os
import resource
import select
import socket
import threading
import time
import zlib

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
FEW_STREAMS = 16
SLICE_BYTES = 1 << 16
GOES_ON_BYTES = 16 << 20
BOMB_MIB = 400
# Where attackers come from: addresses of this machine, so that what is done about them does not
# fall on the well-behaved client, who has 127.0.0.1.
SOURCES = [f"127.0.1.{number}" for number in range(1, 251)]
BATCH = 100
MESSAGE_BYTES_MAX = 4 * 1024 * 1024
INSTANCES = 1_000
CONTEXT_BYTES = 4_000
# What all limits on clients come to, with what the process has without them (SECURITY.md).
# Sanitizers take a multiple.
RSS_MIB_MAX = 1_024 * (8 if "ASAN_OPTIONS" in os.environ or "TSAN_OPTIONS" in os.environ else 1)
GOOD_PAUSE_SECONDS = 0.005
CALL_SECONDS_MAX = 30


def _again(address, end, attack, sources=SOURCES[:1]):
    """Runs attack(connection) on a connection after the other, until it is time, each from the
    next address."""
    done, sources = 0, itertools.cycle(sources)
    while time.monotonic() < end:
        source = next(sources)
        with contextlib.suppress(OSError), Connection(address, source=source) as connection:
            while time.monotonic() < end:
                count, goes_on = attack(connection)
                done += count
                if not goes_on or not connection.drain():
                    break
    return done


def rapid_reset(address, end):
    """Calls that are cancelled as soon as they are made (CVE-2023-44487)."""
    return _again(address, end, _resets)


def rapid_reset_of_many(address, end):
    """The same, from one address after the other."""
    return _again(address, end, _resets, SOURCES)


def _resets(connection):
    headers = raw_http2.call_headers(GET_STATE)
    reset = CANCEL.to_bytes(4, "big")
    batch = b""
    for _ in range(BATCH):
        stream = connection.stream()
        batch += frame(HEADERS, END_HEADERS, stream, headers)
        batch += frame(DATA, END_STREAM, stream, raw_http2.message(b""))
        batch += frame(RST_STREAM, 0, stream, reset)
    return BATCH, connection.send(batch)


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
        return 1, connection.send(frame(HEADERS, END_HEADERS, stream, block))

    return _again(address, end, attack)


def ping_flood(address, end):
    return _again(
        address, end, lambda each: (BATCH, each.send(frame(PING, 0, 0, b"hostile!") * BATCH))
    )


def settings_flood(address, end):
    """Settings, each of which is to be acknowledged, to a client that does not read."""
    done = 0
    while time.monotonic() < end:
        slow = Connection(address, receive_bytes=4_096, source=SOURCES[0])
        with contextlib.suppress(OSError), slow as connection:
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
                source = SOURCES[len(held) * len(SOURCES) // CONNECTIONS]
                each = socket.create_connection((host, int(port)), 5, (source, 0))
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
        for source in SOURCES[:FEW_CONNECTIONS]:
            with contextlib.suppress(OSError):
                held.append(
                    Connection(
                        address, receive_bytes=4_096, source=source, initial_window_size=0
                    )
                )
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


def send_as_taken(connection, end, messages):
    """Sends messages, {stream: bytes}, as far as the windows let them; returns how much."""
    sent = dict.fromkeys(messages, 0)
    while connection.learn(0.001) and time.monotonic() < end:
        goes_on = True
        while goes_on:
            goes_on = False
            for stream, data in messages.items():
                count = connection.send_data(stream, data[sent[stream] :][:SLICE_BYTES])
                sent[stream] += count
                goes_on = goes_on or count > 0
    return sum(sent.values())


def endless_messages(address, end):
    """Messages of 1 GiB, of which all is sent that the windows take: few calls, many bytes."""
    begun = memoryview(raw_http2.message(bytes(GOES_ON_BYTES), 1 << 30))

    def attack(connection):
        streams = [connection.stream() for _ in range(FEW_STREAMS)]
        headers = raw_http2.call_headers(SUBMIT)
        connection.send(b"".join(frame(HEADERS, END_HEADERS, each, headers) for each in streams))
        return send_as_taken(connection, end, dict.fromkeys(streams, begun)) >> 10, False

    return _again(address, end, attack, SOURCES)


def compressed_bombs(address, end):
    """Messages of some hundred kilobytes that are to come to be a thousand times that."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    first = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    # Each as good as the one before, and there is no last one: it unpacks all the same.
    again = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    packed = first + again * (BOMB_MIB - 1)
    bomb = memoryview(raw_http2.message(packed, compressed=True))
    headers = raw_http2.call_headers(SUBMIT) + raw_http2.literal(b"grpc-encoding", b"gzip")

    def attack(connection):
        streams = [connection.stream() for _ in range(FEW_STREAMS)]
        connection.send(b"".join(frame(HEADERS, END_HEADERS, each, headers) for each in streams))
        sent = send_as_taken(connection, end, dict.fromkeys(streams, bomb))
        return sent // len(bomb), False

    return _again(address, end, attack, SOURCES)


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
        source = (SOURCES[0], 0)
        with (
            contextlib.suppress(OSError),
            socket.create_connection((host, int(port)), 5, source) as each,
        ):
            each.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" + bytes(range(256)) * 16)
            select.select([each], [], [], 1)
            done += 1
    return done


ATTACKS = (
    rapid_reset,
    rapid_reset_of_many,
    header_flood,
    header_bomb,
    ping_flood,
    settings_flood,
    connections,
    slow_readers,
    half_messages,
    endless_messages,
    compressed_bombs,
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


def _quiet(server, seconds):
    """The good client of so many seconds without an attack."""
    good = GoodClient(server)
    time.sleep(seconds)
    good.stop()
    return good


def run(server, attack, seconds, quiet_seconds=0):
    """What an attack (None: nobody's) of so many seconds came to; and what the good client sees
    in `quiet_seconds` before it and after it, on the same server."""
    quiet = _quiet(server, quiet_seconds)
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
    most = memory_bytes(server, "VmHWM")
    does_serve = serves(server)
    quiet.seconds += _quiet(server, quiet_seconds).seconds
    return (
        {
            "attack": attack.__name__ if attack else "none",
            "done": done,
            "rss_mib_before": before >> 20,
            "rss_mib_most": most >> 20,
            "rss_mib_after": memory_bytes(server, "VmRSS") >> 20,
            "cut": _connections(server, "cut"),
            "refused": _connections(server, "refused"),
            "good_calls": len(good.seconds),
            "good_failed": len(good.failed),
            "quiet_p50_ms": quiet.milliseconds(0.5),
            "good_p50_ms": good.milliseconds(0.5),
            "quiet_p99_ms": quiet.milliseconds(0.99),
            "good_p99_ms": good.milliseconds(0.99),
            "good_most_ms": good.milliseconds(1),
            "serves": does_serve,
        }
        | ({"good_p99_ratio": _ratio(good, quiet)} if quiet.seconds and good.seconds else {})
        | ({"first_failure": good.failed[0]} if good.failed else {})
    )


def _ratio(good, quiet):
    return round(good.milliseconds(0.99) / quiet.milliseconds(0.99), 2)


def _connections(server, what):
    """How many connections were cut off or refused, by the limit that they met."""
    begin = f'swoosh_connections_{what}_total{{limit="'
    return {
        name[len(begin) :].rstrip('"}'): int(number)
        for name, number in server.metrics().items()
        if name.startswith(begin) and number
    }


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
