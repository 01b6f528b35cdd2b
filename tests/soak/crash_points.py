#!/usr/bin/python3
"""Crashes at every call that changes the disk, in the middle of recovery too: nothing is lost.

Runs tests/durability/crash_points with different seeds, each a run of 2,000 transitions, until
there are 100,000 disk images. Prints a JSON line; fails where an image is refused, has lost
something that was acknowledged, or serves what was never written.
"""

import argparse
import os
import random
import sys

import campaign
import disk_campaign

IMAGES = 100_000
TRANSITIONS = 2_000
TRANSITIONS_SHORT = 150


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--images", type=int, default=IMAGES, metavar="N", help="at least")
    parser.add_argument(
        "--short", action="store_true", help=f"one run of {TRANSITIONS_SHORT} transitions"
    )
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**31))
    arguments = parser.parse_args()
    print(f"seed: --seed {arguments.seed}", file=sys.stderr, flush=True)

    if arguments.short:
        options = [f"--seed={arguments.seed}", f"--transitions={TRANSITIONS_SHORT}"]
        campaign.report(disk_campaign.run("crash_points", [options]))
        return
    totals = []
    seed = arguments.seed
    while sum(total["runs"] for total in totals) < arguments.images:
        parts = []
        for _ in range(os.cpu_count() or 1):
            parts.append([f"--seed={seed}", f"--transitions={TRANSITIONS}"])
            seed += 1
        totals.append(disk_campaign.run("crash_points", parts))
    campaign.report(disk_campaign.added_up(totals))


if __name__ == "__main__":
    main()
