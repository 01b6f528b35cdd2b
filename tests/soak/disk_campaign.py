"""What crash_points.py, damage.py and faults.py share: they run a program of tests/durability.

The parts of a campaign run at once, one a processor, and their JSON lines are added up to one.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import random
import subprocess
import sys

import campaign

ROOT = pathlib.Path(__file__).absolute().parent.parent.parent
PROGRAMS = ROOT / "bazel-bin/tests/durability"

SHORT_PART = 8

# Of one part alone, or the most of all.
KEPT = {"campaign", "seed", "records", "files", "bytes"}
MOST = {"seconds", "fence_ms_max", "trimmed_to"}


def run_part(name, options):
    """The JSON line of one run; its problems go to stderr, without the server's own lines."""
    command = [PROGRAMS / name, *options]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        with concurrent.futures.ThreadPoolExecutor(1) as reader:
            output = reader.submit(process.stdout.read)
            for line in process.stderr:
                if " info " not in line and " error " not in line:
                    print(line, end="", file=sys.stderr, flush=True)
            lines = output.result().splitlines()
    if not lines:
        raise SystemExit(f"{name} ended with {process.returncode} and said nothing: {command}")
    return json.loads(lines[-1])


def added_up(parts):
    """One line of several: counts are added up."""
    total = dict(parts[0])
    for part in parts[1:]:
        for key, value in part.items():
            if key in MOST:
                total[key] = max(total[key], value)
            elif key not in KEPT:
                total[key] += value
    return total


def run(name, options_of_parts):
    """Runs a program with the options of each part; returns their sum."""
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        return added_up(list(pool.map(lambda options: run_part(name, options), options_of_parts)))


def run_cases(text, name, cases):
    """All cases of a program, or with --short a part of them, over a store of each processor."""
    parser = argparse.ArgumentParser(description=text.split("\n", 1)[0])
    parser.add_argument("--short", action="store_true", help=f"1/{SHORT_PART} of the {cases}")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**31))
    arguments = parser.parse_args()
    print(f"seed: --seed {arguments.seed}", file=sys.stderr, flush=True)

    every = SHORT_PART if arguments.short else 1
    parts = []
    for number in range(os.cpu_count() or 1):
        seed = arguments.seed + number
        parts.append([f"--seed={seed}", f"--every={every}", f"--offset={seed % every}"])
    campaign.report(run(name, parts))
