#!/usr/bin/python3
"""A disk that is filled and freed again, 1,000 times, under clients that write all the time.

Prints a JSON line with counts. Fails where something acknowledged is lost or applied twice, a read
fails, or writing does not go on within 5 s of space coming back. Takes root; skipped without.
"""

import argparse
import json
import pathlib
import random
import sys

sys.path.insert(0, str(pathlib.Path(__file__).absolute().parent.parent))
import disk_full_workload  # noqa: E402

CYCLES = 1000
CYCLES_SHORT = 20


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--cycles", type=int, metavar="N", help=f"default: {CYCLES}")
    parser.add_argument("--short", action="store_true", help=f"{CYCLES_SHORT} cycles")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    arguments = parser.parse_args()
    cycles = arguments.cycles or (CYCLES_SHORT if arguments.short else CYCLES)
    print(f"seed: --seed {arguments.seed}", file=sys.stderr, flush=True)
    try:
        counts, notes = disk_full_workload.run(cycles, arguments.seed)
    except disk_full_workload.Skipped as reason:
        print(f"skipped: disk_full: {reason}", flush=True)
        return
    for note in notes:
        print(note, file=sys.stderr)
    print(json.dumps({"campaign": "disk_full"} | counts), flush=True)
    sys.exit(1 if counts["lost"] or counts["wrong"] or counts["violations"] else 0)


if __name__ == "__main__":
    main()
