#!/usr/bin/python3
"""How fast a log is replayed with every check, beside how fast it was written, and without checks.

The log is written by unary submits, each acknowledged, to a server that is then killed. The pages
of its files are dropped before each replay. Fails when two replays don't come to the same state.
"""

import json
import os
import pathlib
import subprocess
import sys

import comparison
import population
import swoosh_server

RECORDS = 3_000_000
RECORDS_QUICK = 150_000
INGEST_SECONDS_MIN = 5
IN_FLIGHT = 256
INSTANCES = 10_000
RATE_GOAL_PER_SECOND = 200_000
INGEST_FACTOR = 10
CHECKED_GOAL = comparison.at_most(1.3)


def ingest(server, records):
    """Writes at least so many records; returns the rate of unary submits, each durable."""
    rates = []
    while not rates or population.state(server)[0] < records:
        report = population.bench(
            server, INGEST_SECONDS_MIN, "--in-flight", IN_FLIGHT, "--instances", INSTANCES
        )
        rates.append(report["proposalsPerSecond"])
    return max(rates)


def drop_pages(folder):
    """Lets the disk be read again, where the file system heeds it."""
    for path in folder.rglob("*"):
        if path.is_file():
            with open(path, "rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def replay(data_dir, expected):
    """Seconds with and without checks; ends the script when the state is not `expected`."""
    drop_pages(data_dir)
    done = subprocess.run(
        swoosh_server.bound_to_us([swoosh_server.built("tests/bench/replay_cost"), data_dir]),
        stdout=subprocess.PIPE,
        check=True,
    )
    report = json.loads(done.stdout)
    if (report["index"], report["state_hash"]) != expected:
        sys.exit(f"replayed to {report}, not {expected}")
    return {
        "per_second": report["records"] / report["recovery_seconds"],
        "checked_s": report["checked_seconds"],
        "unchecked_s": report["unchecked_seconds"],
        "checked_cpu_s": report["checked_cpu_seconds"],
        "unchecked_cpu_s": report["unchecked_cpu_seconds"],
    }


def main():
    flags = comparison.arguments(__doc__)
    compared = comparison.Comparison("replay", flags)
    population.stores_in(flags.output)
    server = swoosh_server.Server()
    ingest_rate = ingest(server, RECORDS_QUICK if flags.quick else RECORDS)
    expected = population.state(server)
    server.kill()
    rounds = compared.rounds(
        {"replay": lambda: replay(pathlib.Path(server.data_dir), expected)}, population.SYNC_BYTES
    )
    goal = max(RATE_GOAL_PER_SECOND, INGEST_FACTOR * ingest_rate)
    compared.add(
        f"replay of {expected[0]:,} records, every check",
        rounds,
        rounds.of("replay", "per_second"),
        [ingest_rate] * flags.rounds,
        comparison.at_least(goal / ingest_rate),
        "records/s",
        "its unary ingest",
    )
    for figure, name, goal in (
        ("s", "replay with every check", CHECKED_GOAL),
        ("cpu_s", "replay with every check, of both processors", None),
    ):
        compared.add(
            name,
            rounds,
            rounds.of("replay", f"checked_{figure}"),
            rounds.of("replay", f"unchecked_{figure}"),
            goal,
            "s",
            "without any",
        )
    population.start_again(server, expected)
    compared.end()


if __name__ == "__main__":
    main()
