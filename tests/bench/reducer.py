#!/usr/bin/python3
"""What an event costs in the reducer, at a million instances, with the state's hash and without.

Prints a JSON line for each kind of machine: nanoseconds an event for Reduce alone, and for Reduce,
the change of the state and its hash in groups of so many events. Never fails by what it measures.
"""

import json
import pathlib
import subprocess
import sys

import comparison

sys.path.insert(0, str(pathlib.Path(__file__).absolute().parent.parent))
import swoosh_server  # noqa: E402

INSTANCES = 1_000_000
REDUCE_GOAL_NS = 2000
HASH_GOAL_NS = 2000  # more than that, in groups of HASH_GOAL_GROUP
HASH_GOAL_GROUP = 1000
REPETITIONS = 5
MIN_SECONDS = 0.5
MIN_SECONDS_QUICK = 0.1


def medians(min_seconds, repetitions):
    """{name: nanoseconds an event}: the median of the repetitions' processor time."""
    done = subprocess.run(
        swoosh_server.bound_to_us(
            [
                swoosh_server.built("core/reducer_benchmark"),
                "--benchmark_format=json",
                f"--benchmark_min_time={min_seconds}",
                f"--benchmark_repetitions={repetitions}",
                "--benchmark_report_aggregates_only=true",
            ]
        ),
        stdout=subprocess.PIPE,
        check=True,
    )
    return {
        each["run_name"]: each["cpu_time"]
        for each in json.loads(done.stdout)["benchmarks"]
        if each.get("aggregate_name") == "median"
    }


def main():
    arguments = comparison.arguments(__doc__)
    measured = (
        medians(MIN_SECONDS_QUICK, 2) if arguments.quick else medians(MIN_SECONDS, REPETITIONS)
    )
    for machine in ("flat", "compound", "parallel"):
        reduce_ns = measured[f"BM_Reduce/{machine}/instances:{INSTANCES}"]
        with_hash = {
            group: measured[
                f"BM_ReduceApplySeal/{machine}/instances:{INSTANCES}/group:{group}"
            ]
            for group in (1, 100, 1000, 10_000)
        }
        hash_ns = with_hash[HASH_GOAL_GROUP] - reduce_ns
        print(
            json.dumps(
                {
                    "bench": "reducer",
                    "machine": machine,
                    "instances": INSTANCES,
                    "reduce_ns": round(reduce_ns),
                    "reduce_1000_instances_ns": round(
                        measured[f"BM_Reduce/{machine}/instances:1000"]
                    ),
                }
                | {f"with_hash_group_{group}_ns": round(ns) for group, ns in with_hash.items()}
                | {
                    "goal_ns": REDUCE_GOAL_NS,
                    "hash_goal_ns": HASH_GOAL_NS,
                    "met": reduce_ns <= REDUCE_GOAL_NS,
                    "hash_met": hash_ns <= HASH_GOAL_NS,
                }
            ),
            flush=True,
        )


if __name__ == "__main__":
    main()
