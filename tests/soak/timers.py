#!/usr/bin/python3
"""100,000 timers through 200 kills: each fires once. Then 10,000 at once, beside a client.

Prints a JSON line of each; fails where a timer is lost, fires twice, too early or after it was
taken back, and tells whether the burst kept the goal.
"""

import argparse
import json
import pathlib
import random
import sys

sys.path.insert(0, str(pathlib.Path(__file__).absolute().parent.parent))
import campaign  # noqa: E402
import timer_burst  # noqa: E402
import timer_workload  # noqa: E402

TIMERS = 100_000
KILLS = 200
BURST_TIMERS = 10_000
BURST_ROUNDS = 3
SHORT_PART = 10
BURST_ROUNDS_SHORT = 1


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--timers", type=int, metavar="N", help=f"default: {TIMERS}")
    parser.add_argument("--kills", type=int, metavar="N", help=f"default: {KILLS}")
    parser.add_argument("--burst", action="store_true", help="the burst alone")
    parser.add_argument("--short", action="store_true", help=f"1/{SHORT_PART} of the kills")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    arguments = parser.parse_args()
    part = SHORT_PART if arguments.short else 1
    timers = arguments.timers or TIMERS // part
    kills = arguments.kills or KILLS // part
    if not arguments.burst:
        print(f"seed: --seed {arguments.seed}", file=sys.stderr, flush=True)
        counts = timer_workload.run(timers, kills, arguments.seed)
        campaign.report({"campaign": "timers", "runs": counts.pop("timers")} | counts)
    figures = timer_burst.run(BURST_TIMERS, BURST_ROUNDS_SHORT if arguments.short else BURST_ROUNDS)
    print(json.dumps({"bench": "timer_burst"} | figures), flush=True)


if __name__ == "__main__":
    main()
