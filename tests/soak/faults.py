#!/usr/bin/python3
"""A call of the disk fails, for every call of a server's life, once and for good: nothing is lost.

Runs tests/durability/faults. Prints a JSON line; fails where something is acknowledged after a
failed write, lost after the restart, or an I/O error called damage; tells how long fencing took.
"""

import argparse
import os
import random
import sys

import disk_campaign

SHORT_PART = 8


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--short", action="store_true", help=f"1/{SHORT_PART} of the calls")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**31))
    arguments = parser.parse_args()
    print(f"seed: --seed {arguments.seed}", file=sys.stderr, flush=True)

    every = SHORT_PART if arguments.short else 1
    parts = []
    for number in range(os.cpu_count() or 1):
        seed = arguments.seed + number
        parts.append([f"--seed={seed}", f"--every={every}", f"--offset={seed % every}"])
    disk_campaign.report(disk_campaign.run("faults", parts))


if __name__ == "__main__":
    main()
