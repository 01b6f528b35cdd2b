"""What crash_points.py, damage.py and faults.py share: they run a program of tests/durability.

The parts of a campaign run at once, one a processor, and their JSON lines are added up to one.
"""

import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).absolute().parent.parent.parent
PROGRAMS = ROOT / "bazel-bin/tests/durability"

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


def report(total):
    """Prints the line, and ends with 1 where the campaign found something."""
    print(json.dumps(total), flush=True)
    if total["lost"] or total["wrong"] or total["violations"]:
        raise SystemExit(1)
