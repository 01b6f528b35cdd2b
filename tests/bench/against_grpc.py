#!/usr/bin/python3
"""What is left of gRPC's own speed, and of the disk's: ours beside a server that only answers.

The echo server takes the same requests by the same service and answers with as many bytes as ours;
of gRPC's two server APIs the one that did better counts. So is a synced echo: a server that answers
when it has appended as many bytes as our record has to a file, synced once for all that wait, which
is the least that any durable server does.

- One client, one in flight: our p50 less the echo's, against the p50 of an append and fdatasync of
  as many bytes as the record has.
- 256 in flight, each a call of its own, over one connection, which is when gRPC is at its fastest:
  answers a second.
- One stream, a transition a message, 1,000 in flight: answers a second.
"""

import statistics
import sys

import comparison
import echo_server
import our_server
import wire_load

IN_FLIGHT_UNARY = 256
IN_FLIGHT_STREAM = 1_000
GOAL_LATENCY = comparison.at_most(1.25)
GOAL_UNARY = comparison.at_least(0.8)
GOAL_STREAM = comparison.at_least(0.7)
APIS = (echo_server.CALLBACK, echo_server.QUEUE)
DISK = "append + fdatasync"


def measure_disk(compared, ours):
    """Appends and syncs alone, for as long as a run of the others."""
    _, seconds = wire_load.seconds(compared.quick)
    taken = comparison.sync_us(compared.output, ours.record_bytes, sys.maxsize, seconds)
    return {"p50_us": statistics.median(taken)}


def measure(compared, ours, echo, in_flight, stream, disk=False):
    """Rounds of ours and of an echo server of each kind, and of the disk alone."""
    quick = compared.quick
    sides = {"ours": lambda: ours.measure(in_flight, quick, stream, connections=1)} | {
        kind: lambda kind=kind: echo.measure(kind, in_flight, quick, stream, connections=1)
        for kind in (*APIS, echo_server.SYNCED)
    }
    if disk:
        sides = {DISK: lambda: measure_disk(compared, ours)} | sides
    return compared.rounds(sides, ours.record_bytes)


def better_api(rounds, figure, choose):
    """Of gRPC's APIs, the one with the better median."""
    return choose(APIS, key=lambda api: statistics.median(rounds.of(api, figure)))


def add_latency(compared, rounds):
    api = better_api(rounds, "p50_us", min)
    echo = rounds.of(api, "p50_us")
    disk = rounds.of(DISK, "p50_us")
    for name, side, goal in (
        ("unary_1", "ours", GOAL_LATENCY),
        ("synced_echo_1", echo_server.SYNCED, None),
    ):
        values = rounds.of(side, "p50_us")
        less_echo = [value - its for value, its in zip(values, echo, strict=True)]
        name = f"{name}_less_echo_vs_raw_sync"
        compared.add(name, rounds, less_echo, disk, goal, "p50, us", DISK)
    ours = rounds.of("ours", "p50_us")
    compared.add("unary_1_vs_echo", rounds, ours, echo, None, "p50, us", f"echo, {api} API")


def add_throughput(compared, kind, in_flight, rounds, goal):
    api = better_api(rounds, "rate", max)
    echo = rounds.of(api, "rate")
    for name, side, its_goal in (
        (f"{kind}_{in_flight}", "ours", goal),
        (f"synced_echo_{kind}_{in_flight}", echo_server.SYNCED, None),
    ):
        values = rounds.of(side, "rate")
        peer = f"echo, {api} API"
        compared.add(f"{name}_vs_echo", rounds, values, echo, its_goal, "answers/s", peer)


def plot(compared, name, rounds, figure, unit, *more):
    values = {side: rounds.of(side, figure) for side in ("ours", *APIS, echo_server.SYNCED, *more)}
    compared.plot_rounds(name, f"{name}: each round", unit, values)


def main():
    compared = comparison.Comparison("against_grpc", comparison.arguments(__doc__))
    folder = wire_load.scratch_folder(compared.output)
    ours = our_server.OurServer(folder)
    echo = echo_server.EchoServer(ours, folder)
    latency = measure(compared, ours, echo, 1, False, disk=True)
    unary = measure(compared, ours, echo, IN_FLIGHT_UNARY, False)
    stream = measure(compared, ours, echo, IN_FLIGHT_STREAM, True)
    ours.end()
    add_latency(compared, latency)
    add_throughput(compared, "unary", IN_FLIGHT_UNARY, unary, GOAL_UNARY)
    add_throughput(compared, "stream", IN_FLIGHT_STREAM, stream, GOAL_STREAM)
    plot(compared, "one_in_flight", latency, "p50_us", "p50, us", DISK)
    plot(compared, f"unary_{IN_FLIGHT_UNARY}", unary, "rate", "answers/s")
    plot(compared, f"stream_{IN_FLIGHT_STREAM}", stream, "rate", "answers/s")
    compared.end()


if __name__ == "__main__":
    try:
        main()
    except wire_load.Broken as error:
        sys.exit(f"no figure: {error}")
