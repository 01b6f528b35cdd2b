#!/usr/bin/python3
"""kill -9, 10,000 times, under 8 clients that write: starting, recovering, serving, in snapshots.

Prints a JSON line with counts; fails where anything that clients saw is not as it must be
(history_checker.py): acknowledged and gone, applied twice, out of order, and so on.
"""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).absolute().parent.parent))
import campaign  # noqa: E402
import crash_workload  # noqa: E402

KILLS = 10_000
KILLS_SHORT = 300


def main():
    arguments = campaign.arguments(__doc__, runs=KILLS, runs_short=KILLS_SHORT)
    counts = crash_workload.run(arguments.runs, arguments.seed)
    campaign.end("crash_cycles", counts.pop("kills"), arguments.runs, counts)


if __name__ == "__main__":
    main()
