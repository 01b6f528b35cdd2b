#!/usr/bin/python3
"""What a snapshot of many instances costs who submits meanwhile; their memory, and loading them.

The latency is open-loop: a proposal counts from when it was due. One snapshot is taken after the
other as long as the side "during" is measured. Fails only where the state that is loaded is not the
one that was there.
"""

import contextlib
import statistics
import sys
import threading
import time

import comparison
import population
import swoosh_server
from swoosh.v1 import admin_pb2

INSTANCES = 1_000_000
INSTANCES_QUICK = 100_000
SECONDS = 20
SECONDS_QUICK = 3
# Well below what the server can do, so that what waits does so for the snapshot.
RATE = 2_000
IN_FLIGHT = 64
# Of those that `swooshctl bench` makes for its events, beside the others.
BENCH_INSTANCES = 10_000
SNAPSHOT_SECONDS_MAX = 600
P999_GOAL = comparison.at_most(1.2)
THROUGHPUT_GOAL = comparison.at_least(0.95)
LOAD_GOAL_SECONDS = comparison.at_most(5)
MEMORY_GOAL_BYTES = comparison.at_most(1024)


def take_snapshot(server):
    server.admin.TakeSnapshot(admin_pb2.TakeSnapshotRequest(), timeout=SNAPSHOT_SECONDS_MAX)


@contextlib.contextmanager
def snapshots(server):
    """One snapshot after the other is taken, at least one; yields a list of their seconds."""
    taken = []
    ending = threading.Event()

    def run():
        while not ending.is_set():
            began = time.monotonic()
            take_snapshot(server)
            taken.append(time.monotonic() - began)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield taken
    finally:
        ending.set()
        thread.join()


def measure_submits(compared, server, seconds):
    """Latency at a given rate, and throughput, with and without snapshots."""
    instances = ("--instances", BENCH_INSTANCES)
    snapshot_seconds = []

    def latency():
        report = population.bench(
            server, seconds, "--rate", RATE, "--in-flight", IN_FLIGHT, *instances
        )
        return {"p50_ms": 1e3 * report["p50Seconds"], "p999_ms": 1e3 * report["p999Seconds"]}

    def throughput():
        report = population.bench(server, seconds, "--in-flight", IN_FLIGHT, *instances)
        return {"per_second": report["proposalsPerSecond"]}

    def during(measure):
        with snapshots(server) as taken:
            figures = measure()
        snapshot_seconds.extend(taken)
        return figures

    size = f"{server_instances(server):,} instances"
    rows = {
        latency: (("p999_ms", "p99.9", "ms", P999_GOAL), ("p50_ms", "p50", "ms", None)),
        throughput: (("per_second", "throughput", "proposals/s", THROUGHPUT_GOAL),),
    }
    for measure, figures in rows.items():
        rounds = compared.rounds(
            {"during": lambda measure=measure: during(measure), "without": measure},
            population.SYNC_BYTES,
        )
        for figure, name, unit, goal in figures:
            compared.add(
                f"submit {name} during a snapshot of {size}",
                rounds,
                rounds.of("during", figure),
                rounds.of("without", figure),
                goal,
                unit,
                "without one",
            )
    print(f"a snapshot takes {statistics.median(snapshot_seconds):.3f} s", file=sys.stderr)


def server_instances(server):
    return int(server.metrics()["swoosh_instances"])


def measure_start(compared, server, empty_bytes):
    """Loading the newest snapshot, after kill -9: from the start of the process to its serving."""
    count = server_instances(server)

    def load():
        take_snapshot(server)
        expected = population.state(server)
        server.kill()
        population.start_again(server, expected)
        return {
            "seconds": server.start_seconds,
            "bytes": (population.resident_bytes(server) - empty_bytes) / count,
        }

    rounds = compared.rounds({"load": load}, population.SYNC_BYTES)
    compared.add(
        f"start from a snapshot of {count:,} instances",
        rounds,
        rounds.of("load", "seconds"),
        None,
        LOAD_GOAL_SECONDS,
        "s",
    )
    compared.add(
        f"memory an instance of {count:,}, after a start",
        rounds,
        rounds.of("load", "bytes"),
        None,
        MEMORY_GOAL_BYTES,
        "bytes",
    )


def measure_memory(compared, server, empty_bytes, count):
    rounds = compared.rounds(
        {"memory": lambda: {"bytes": (population.resident_bytes(server) - empty_bytes) / count}},
        population.SYNC_BYTES,
    )
    compared.add(
        f"memory an instance of {count:,}, after their creation",
        rounds,
        rounds.of("memory", "bytes"),
        None,
        MEMORY_GOAL_BYTES,
        "bytes",
    )


def main():
    flags = comparison.arguments(
        __doc__,
        lambda parser: parser.add_argument(
            "--instances", type=int, metavar="N", help=f"default: {INSTANCES:,}"
        ),
    )
    count = flags.instances or (INSTANCES_QUICK if flags.quick else INSTANCES)
    seconds = SECONDS_QUICK if flags.quick else SECONDS
    compared = comparison.Comparison("snapshots", flags)
    population.stores_in(flags.output)
    server = swoosh_server.Server(start_seconds_max=population.START_SECONDS_MAX)
    empty_bytes = population.resident_bytes(server)
    population.create_parcels(server, count)
    measure_memory(compared, server, empty_bytes, count)
    measure_submits(compared, server, seconds)
    measure_start(compared, server, empty_bytes)
    compared.end()


if __name__ == "__main__":
    main()
