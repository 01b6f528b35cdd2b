#!/usr/bin/python3
"""A log of random accepted proposals, replayed by builds of different compilers and optimisations.

Each must take every record, make the changes that it holds, and end with the same state's hash; and
write, from the same seed, the same log. Prints a JSON line; fails where two builds differ.
"""

import argparse
import pathlib
import random
import subprocess
import sys
import tempfile
import time

import bazel_build
import campaign

RECORDS = 1_000_000
RECORDS_SHORT = 100_000
UNOPTIMISED = ["--copt=-O0", "--copt=-U_FORTIFY_SOURCE"]
BUILDS = {
    "gcc -O2": [],
    "gcc -O0": [*UNOPTIMISED, "--platform_suffix=-gcc-O0"],
    "clang -O2": ["--config=clang"],
    "clang -O0": ["--config=clang", *UNOPTIMISED, "--platform_suffix=-clang-O0"],
    "clang ASan UBSan": ["--config=asan"],
}
BUILDS_SHORT = ["gcc -O2", "gcc -O0"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--records", type=int, metavar="N", help=f"default: {RECORDS}")
    parser.add_argument("--short", action="store_true", help=f"{RECORDS_SHORT}, two builds")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    arguments = parser.parse_args()
    records = arguments.records or (RECORDS_SHORT if arguments.short else RECORDS)
    names = BUILDS_SHORT if arguments.short else list(BUILDS)
    print(f"seed: --seed {arguments.seed}", file=sys.stderr, flush=True)

    ends = {}
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        logs = []
        for name in names:
            programs = bazel_build.build(
                "tests/determinism", ["make_log", "replay_log"], BUILDS[name]
            )
            logs.append(pathlib.Path(folder) / f"log-{len(logs)}")
            subprocess.run(
                [programs / "make_log", str(records), str(arguments.seed), logs[-1]], check=True
            )
            same_log = logs[-1].read_bytes() == logs[0].read_bytes()
            replay = subprocess.run(
                [programs / "replay_log", logs[0]], stdout=subprocess.PIPE, text=True, check=False
            )
            ends[name] = (replay.returncode, replay.stdout.strip(), same_log)
            print(f"{name}: {ends[name]}", file=sys.stderr, flush=True)
            if len(logs) > 1:
                logs[-1].unlink()
    first = ends[names[0]]
    replayed = [end[1].partition(" ")[0] for end in ends.values()]
    wrong = sum(end != first or end[0] != 0 for end in ends.values())
    campaign.report(
        {
            "campaign": "determinism",
            "runs": len(names),
            "records": records,
            "lost": sum(index != str(records) for index in replayed),
            "wrong": wrong,
            "violations": wrong,
            "builds": names,
            "state_hash": first[1].rpartition(" ")[2],
            "seconds": round(time.monotonic() - start, 1),
        }
    )


if __name__ == "__main__":
    main()
