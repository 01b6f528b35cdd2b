#!/usr/bin/python3
"""What an event costs as instances and records become more.

At each size events go to instances at random, of a new server that has come to rest. A tree of
more entries is deeper, so a little may be lost: what the tree alone takes more for a Put and its
part of the hash, in groups of 100, is measured in the same run and added to the time that a
proposal took with the fewest instances. What is left must be flat. Of a long run the first and the
last third are compared.
"""

import json
import subprocess

import comparison
import our_server
import population
import swoosh_server
import wire_load
from swoosh.v1 import orchestrator_pb2

SIZES = (1_000, 10_000, 100_000, 1_000_000)
SIZES_QUICK = (1_000, 10_000, 100_000)
GROUP = 100
REQUESTS_MAX = 100_000  # to so many different instances at random
IN_FLIGHT = 64
RATE = 2_000
RUN_TRANSITIONS = 10_000_000
RUN_TRANSITIONS_QUICK = 300_000
RUN_SLICES = 10
STREAM_IN_FLIGHT = 1_000
PROBE_SECONDS = 1
FLAT_THROUGHPUT = comparison.at_least(0.8)
FLAT_LATENCY = comparison.at_most(1.2)


def tree_seconds(sizes):
    """{size: seconds that the tree alone takes for a Put with its part of the hash}."""
    name = "BM_PutExistingAndSeal"
    wanted = "|".join(map(str, sizes))
    done = subprocess.run(
        swoosh_server.bound_to_us(
            [
                swoosh_server.built("core/state_tree_benchmark"),
                f"--benchmark_filter={name}/entries:({wanted})/group:{GROUP}$",
                "--benchmark_format=json",
                "--benchmark_min_time=0.2",
            ]
        ),
        stdout=subprocess.PIPE,
        check=True,
    )
    measured = {
        each["run_name"]: 1e-9 * each["cpu_time"] for each in json.loads(done.stdout)["benchmarks"]
    }
    return {size: measured[f"{name}/entries:{size}/group:{GROUP}"] for size in sizes}


def at_size(size, compared):
    """Throughput, and latency at a given rate, of a new server."""
    server = swoosh_server.Server()
    try:
        population.create_parcels(server, size)
        population.wait_until_idle(server)
        requests = wire_load.write_requests(
            server.folder / "requests", population.moves(size, REQUESTS_MAX)
        )

        def load(**flags):
            return wire_load.run_wire_load(
                server.grpc_address,
                our_server.SUBMIT,
                requests,
                IN_FLIGHT,
                compared.quick,
                error_field=orchestrator_pb2.SubmitResponse.STATUS_FIELD_NUMBER,
                **flags,
            )

        return {"per_second": load()["rate"], "p50_ms": 1e-3 * load(rate=RATE)["p50_us"]}
    finally:
        server.close()


def measure_sizes(compared, sizes):
    rounds = compared.rounds(
        {str(size): lambda size=size: at_size(size, compared) for size in sizes},
        population.SYNC_BYTES,
    )
    tree = tree_seconds(sizes)
    fewest = str(sizes[0])
    for size in sizes[1:]:
        deeper = tree[size] - tree[sizes[0]]
        compared.add(
            f"throughput at {size:,} instances",
            rounds,
            rounds.of(str(size), "per_second"),
            [1 / (1 / rate + deeper) for rate in rounds.of(fewest, "per_second")],
            FLAT_THROUGHPUT,
            "proposals/s",
            f"at {sizes[0]:,}, with the deeper tree",
        )
        compared.add(
            f"p50 at {RATE:,}/s and {size:,} instances",
            rounds,
            rounds.of(str(size), "p50_ms"),
            [each + 1e3 * deeper for each in rounds.of(fewest, "p50_ms")],
            FLAT_LATENCY,
            "ms",
            f"at {sizes[0]:,}, with the deeper tree",
        )
    for figure, label in (("per_second", "proposals/s"), ("p50_ms", "p50, ms")):
        compared.plot(
            figure,
            f"{label} by instances",
            "instances",
            label,
            {"swoosh": [(size, *rounds.quartiles(str(size), figure)) for size in sizes]},
            log_x=True,
        )


def long_run(transitions):
    """The rates of the slices of a run of at least so many, each after the same number of them."""
    server = swoosh_server.Server()
    try:
        flags = ("--stream", "--in-flight", STREAM_IN_FLIGHT)
        probe = population.bench(server, PROBE_SECONDS, *flags)
        seconds = max(PROBE_SECONDS, transitions / RUN_SLICES / probe["transitionsPerSecond"])
        done = probe["accepted"]
        slices = []
        while done < transitions or len(slices) < RUN_SLICES:
            report = population.bench(server, f"{seconds:.3f}", *flags)
            done += report["accepted"]
            slices.append((done, report["transitionsPerSecond"], 1e3 * report["p50Seconds"]))
    finally:
        server.close()
    return slices


def measure_run(compared, transitions):
    runs = []

    def run():
        runs.append(long_run(transitions))
        third = len(runs[-1]) // 3
        first, last = runs[-1][:third], runs[-1][-third:]
        return {
            "first": max(rate for _, rate, _ in first),
            "last": max(rate for _, rate, _ in last),
            "first_p50_ms": min(p50 for _, _, p50 in first),
            "last_p50_ms": min(p50 for _, _, p50 in last),
        }

    rounds = compared.rounds({"run": run}, population.SYNC_BYTES)
    name = f"the last third of {transitions:,} transitions"
    compared.add(
        f"throughput in {name}",
        rounds,
        rounds.of("run", "last"),
        rounds.of("run", "first"),
        FLAT_THROUGHPUT,
        "transitions/s",
        "the first third",
    )
    compared.add(
        f"p50 of a full stream in {name}",
        rounds,
        rounds.of("run", "last_p50_ms"),
        rounds.of("run", "first_p50_ms"),
        FLAT_LATENCY,
        "ms",
        "the first third",
    )
    compared.plot(
        "run",
        "Throughput over a run",
        "transitions",
        "transitions/s",
        {
            f"round {number + 1}": [(done, rate, rate, rate) for done, rate, _ in slices]
            for number, slices in enumerate(runs)
        },
    )


def main():
    flags = comparison.arguments(__doc__)
    compared = comparison.Comparison("growth", flags)
    population.stores_in(flags.output)
    sizes = SIZES_QUICK if flags.quick else SIZES
    measure_sizes(compared, sizes)
    measure_run(compared, RUN_TRANSITIONS_QUICK if flags.quick else RUN_TRANSITIONS)
    compared.end()


if __name__ == "__main__":
    main()
