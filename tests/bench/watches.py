#!/usr/bin/python3
"""How fast events reach a thousand watchers of everything, beside etcd; what a stalled one costs.

Each watcher is a stream of its own over a few connections, all of them of one client, watch_load,
which is the same for both servers and checks that no event is missing, twice or out of order. The
rate is that of all events delivered, from the first one that arrives to the last. Fails when an
event is lost.
"""

import collections
import functools
import json
import statistics
import subprocess
import sys

import comparison
import etcd_server
import population
import swoosh_server
import wire_load
from swoosh_api import create, register, request, send, submit

WATCHERS = 1_000
EVENTS = 5_000
EVENTS_QUICK = 500
STALLED = 1_000
# The server keeps the newest records in 32 MiB, some 10,000 of these.
STALLED_EVENTS = 40_000
STALLED_EVENTS_QUICK = 12_000
STALLED_CONNECTIONS = 20
# More than a client takes that does not read.
STALLING_EVENTS = 1_000
PAYLOAD_BYTES = 100
IN_FLIGHT = 64
WATCH_SECONDS_MAX = 600
ETCD_GOAL = comparison.at_least(3)
STALLED_GOAL_BYTES = comparison.at_most(65_536)
OTHERS_GOAL = comparison.at_least(0.95)
MACHINE = {
    "name": "watched",
    "context": {"note": ""},
    "root": {
        "id": "watched",
        "on": [
            {
                "event": "set",
                "actions": [{"assign": {"location": "context.note", "value": "event.data.note"}}],
            }
        ],
    },
}


class Watchers:
    """watch_load, watching."""

    def __init__(self, address, kind, events, *flags):
        self._process = subprocess.Popen(
            swoosh_server.bound_to_us(
                [
                    swoosh_server.built("tests/bench/watch_load"),
                    f"--server={address}",
                    f"--kind={kind}",
                    f"--events={events}",
                    *flags,
                ]
            ),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        if self._process.stdout.readline() != "ready\n":
            sys.exit("watch_load does not watch")

    def end(self):
        """What it reports when all events have come."""
        try:
            out, _ = self._process.communicate(timeout=WATCH_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self._process.kill()
            sys.exit("not all events have come")
        if self._process.returncode != 0:
            sys.exit("events were lost, or a watch has ended")
        return json.loads(out) if out else {}


def delivered(address, kind, events, write):
    """Events a second that come to all watchers while `write` makes `events` of them."""
    watchers = Watchers(address, kind, events, f"--streams={WATCHERS}")
    write(events)
    report = watchers.end()
    return {
        "per_second": report["events"] / report["seconds"],
        "messages": report["messages"] / report["events"],
    }


def note(number):
    return f"{number:0{PAYLOAD_BYTES}}"


@functools.cache
def our_requests(events):
    """Made before they are needed, as that takes longer than to send them."""
    return [request(send("watched", "set", {"note": note(number)})) for number in range(events)]


def write_ours(server, events):
    for answer in server.orchestrator.SubmitStream(iter(our_requests(events))):
        if answer.HasField("status"):
            sys.exit(f"refused: {answer.status}")


def etcd_writer(etcd):
    """A function that makes so many puts, with so many in flight at once."""
    message = etcd_server.MESSAGES["PutRequest"]
    channel = swoosh_server.grpc.insecure_channel(etcd.address)
    put = channel.unary_unary(etcd_server.PUT, request_serializer=message.SerializeToString)

    def write(events):
        waiting = collections.deque()
        for number in range(events):
            if len(waiting) == IN_FLIGHT:
                waiting.popleft().result()
            asked = message(key=b"watched", value=note(number).encode())
            waiting.append(put.future(asked, timeout=WATCH_SECONDS_MAX))
        for each in waiting:
            each.result()

    return write


def our_server():
    server = swoosh_server.Server()
    submit(server.orchestrator, register(MACHINE), create("watched", "watched"))
    return server


def delivered_by_us(server, events, kind="swoosh"):
    our_requests(events)
    return delivered(server.grpc_address, kind, events, lambda count: write_ours(server, count))


def measure_delivery(compared, server, events):
    """Each event a message of its own; and, for clients that ask for it, those that are ready
    together as one. etcd does the former for watchers that keep up and the latter for those that
    fall behind, so how many messages an event took is told for each side."""
    name = f"events to {WATCHERS:,} watchers"
    if not etcd_server.is_installed():
        compared.skip(name, "there is no etcd")
        return
    etcd = etcd_server.EtcdServer(wire_load.scratch_folder(compared.output) / "etcd", PAYLOAD_BYTES)
    etcd.start()
    write = etcd_writer(etcd)
    rounds = compared.rounds(
        {
            "alone": lambda: delivered_by_us(server, events),
            "batched": lambda: delivered_by_us(server, events, "swoosh_batched"),
            "etcd": lambda: delivered(etcd.address, "etcd", events, write),
        },
        PAYLOAD_BYTES,
    )
    etcd.kill()
    for side in ("alone", "batched", "etcd"):
        messages = statistics.median(rounds.of(side, "messages"))
        print(f"{side}: {messages:.3f} messages an event", file=sys.stderr)
    for side, how in (("batched", "batched"), ("alone", "a message each")):
        compared.add(
            f"{name}, {how}",
            rounds,
            rounds.of(side, "per_second"),
            rounds.of("etcd", "per_second"),
            ETCD_GOAL,
            "events/s",
            "etcd",
        )


def stalled(server, kind):
    return Watchers(
        server.grpc_address,
        kind,
        0,
        f"--streams={STALLED}",
        f"--connections={STALLED_CONNECTIONS}",
        "--stalled",
    )


def measure_stalled_memory(compared, events):
    """Of watchers that read nothing, while more is written than the server has in memory."""

    def bytes_each(kind):
        server = our_server()  # a new one: what another had freed would be taken again
        try:
            write_ours(server, events)  # what it keeps for all is there before
            before = population.resident_bytes(server)
            watchers = stalled(server, kind)
            write_ours(server, events)
            after = population.resident_bytes(server)
            watchers.end()
        finally:
            server.close()
        return {"bytes": (after - before) / STALLED}

    kinds = ("swoosh", "swoosh_batched")
    rounds = compared.rounds(
        {kind: lambda kind=kind: bytes_each(kind) for kind in kinds}, PAYLOAD_BYTES
    )
    for kind in kinds:
        compared.add(
            f"memory of each of {STALLED} stalled watchers"
            + (", batched" if kind == "swoosh_batched" else ""),
            rounds,
            rounds.of(kind, "bytes"),
            None,
            STALLED_GOAL_BYTES,
            "bytes",
        )


def measure_beside_stalled(compared, server, events):
    def beside():
        watchers = stalled(server, "swoosh")
        write_ours(server, STALLING_EVENTS)
        population.wait_until_idle(server)
        figures = delivered_by_us(server, events)
        watchers.end()
        return figures

    rounds = compared.rounds(
        {"beside": beside, "alone": lambda: delivered_by_us(server, events)}, PAYLOAD_BYTES
    )
    compared.add(
        f"events to {WATCHERS:,} watchers beside {STALLED} stalled ones",
        rounds,
        rounds.of("beside", "per_second"),
        rounds.of("alone", "per_second"),
        OTHERS_GOAL,
        "events/s",
        "without those",
    )


def main():
    flags = comparison.arguments(__doc__)
    compared = comparison.Comparison("watches", flags)
    population.stores_in(flags.output)
    events = EVENTS_QUICK if flags.quick else EVENTS
    measure_stalled_memory(compared, STALLED_EVENTS_QUICK if flags.quick else STALLED_EVENTS)
    server = our_server()
    measure_delivery(compared, server, events)
    measure_beside_stalled(compared, server, events)
    compared.end()


if __name__ == "__main__":
    main()
