#!/usr/bin/python3
"""kill -9, 200 times, under 8 clients that write, with snapshots and trimming on.

Prints a JSON line with counts; fails where something acknowledged is gone, twice or out of order.
"""

import argparse
import json
import pathlib
import random
import sys

sys.path.insert(0, str(pathlib.Path(__file__).absolute().parent.parent))
import crash_workload  # noqa: E402

CYCLES = 200
CYCLES_SHORT = 50


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--cycles", type=int, metavar="N", help=f"default: {CYCLES}")
    parser.add_argument("--short", action="store_true", help=f"{CYCLES_SHORT} cycles")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    arguments = parser.parse_args()
    cycles = arguments.cycles or (CYCLES_SHORT if arguments.short else CYCLES)
    print(f"seed: --seed {arguments.seed}", file=sys.stderr, flush=True)
    print(json.dumps({"campaign": "crash_cycles"} | crash_workload.run(cycles, arguments.seed)))


if __name__ == "__main__":
    main()
