#!/usr/bin/python3
"""What is left of gRPC's own speed, and of the disk's: ours beside a server that only answers.

The echo server takes the same requests by the same service and answers with as many bytes as ours;
of gRPC's two server APIs the one that did better counts.

- One client, one in flight: our p50 less the echo's, against the p50 of an append and fdatasync of
  as many bytes as the record has.
- 256 in flight, each a call of its own, over one connection, which is when gRPC is at its fastest:
  answers a second.
- One stream, a transition a message, 1,000 in flight: answers a second.
"""

import re
import statistics
import subprocess
import sys

import comparison
import our_server
import wire_load
from swoosh_server import bound_to_us

IN_FLIGHT_UNARY = 256
IN_FLIGHT_STREAM = 1_000
GOAL_LATENCY = comparison.at_most(1.25)
GOAL_UNARY = comparison.at_least(0.8)
GOAL_STREAM = comparison.at_least(0.7)
APIS = ("callback", "queue")
DISK = "append + fdatasync"


class EchoServer:
    """An echo server that runs as long as it is measured."""

    def __init__(self, ours):
        self._ours = ours

    def measure(self, api, in_flight, quick, stream=False):
        command = [
            wire_load.program("echo_server"),
            f"--api={api}",
            f"--reply_bytes={self._ours.reply_bytes}",
        ]
        process = subprocess.Popen(bound_to_us(command), stdout=subprocess.PIPE, text=True)
        try:
            serving = re.fullmatch(r"serving grpc=(\S+)\n", process.stdout.readline())
            if serving is None:
                raise wire_load.Broken("the echo server did not start")
            method = our_server.SUBMIT_STREAM if stream else our_server.SUBMIT
            return wire_load.run_wire_load(
                serving[1], method, self._ours.requests, in_flight, quick, stream, connections=1
            )
        finally:
            process.kill()
            process.wait()
            process.stdout.close()


def measure_disk(compared, ours):
    """Appends and syncs alone, for as long as a run of the others."""
    _, seconds = wire_load.seconds(compared.quick)
    taken = comparison.sync_us(compared.output, ours.record_bytes, sys.maxsize, seconds)
    return {"p50_us": statistics.median(taken)}


def measure(compared, ours, in_flight, stream, disk=False):
    """Rounds of ours and of an echo server of each API, and of the disk alone."""
    echo = EchoServer(ours)
    quick = compared.quick
    sides = {"ours": lambda: ours.measure(in_flight, quick, stream, connections=1)} | {
        api: lambda api=api: echo.measure(api, in_flight, quick, stream) for api in APIS
    }
    if disk:
        sides = {DISK: lambda: measure_disk(compared, ours)} | sides
    return compared.rounds(sides, ours.record_bytes)


def better_api(rounds, figure, choose):
    """Of gRPC's APIs, the one with the better median."""
    return choose(APIS, key=lambda api: statistics.median(rounds.of(api, figure)))


def add_latency(compared, rounds):
    api = better_api(rounds, "p50_us", min)
    ours = rounds.of("ours", "p50_us")
    echo = rounds.of(api, "p50_us")
    compared.add(
        "unary_1_less_echo_vs_raw_sync",
        rounds,
        [mine - its for mine, its in zip(ours, echo, strict=True)],
        rounds.of(DISK, "p50_us"),
        GOAL_LATENCY,
        "p50, us",
        DISK,
    )
    compared.add("unary_1_vs_echo", rounds, ours, echo, None, "p50, us", f"echo, {api} API")


def add_throughput(compared, name, rounds, goal):
    api = better_api(rounds, "rate", max)
    ours = rounds.of("ours", "rate")
    compared.add(
        name, rounds, ours, rounds.of(api, "rate"), goal, "answers/s", f"echo, {api} API"
    )


def plot(compared, name, rounds, figure, unit, *more):
    values = {side: rounds.of(side, figure) for side in ("ours", *APIS, *more)}
    compared.plot_rounds(name, f"{name}: each round", unit, values)


def main():
    compared = comparison.Comparison("against_grpc", comparison.arguments(__doc__))
    ours = our_server.OurServer(wire_load.scratch_folder(compared.output))
    latency = measure(compared, ours, 1, False, disk=True)
    unary = measure(compared, ours, IN_FLIGHT_UNARY, False)
    stream = measure(compared, ours, IN_FLIGHT_STREAM, True)
    ours.end()
    add_latency(compared, latency)
    add_throughput(compared, f"unary_{IN_FLIGHT_UNARY}_vs_echo", unary, GOAL_UNARY)
    add_throughput(compared, f"stream_{IN_FLIGHT_STREAM}_vs_echo", stream, GOAL_STREAM)
    plot(compared, "one_in_flight", latency, "p50_us", "p50, us", DISK)
    plot(compared, f"unary_{IN_FLIGHT_UNARY}", unary, "rate", "answers/s")
    plot(compared, f"stream_{IN_FLIGHT_STREAM}", stream, "rate", "answers/s")
    compared.end()


if __name__ == "__main__":
    try:
        main()
    except wire_load.Broken as error:
        sys.exit(f"no figure: {error}")
