#!/usr/bin/python3
"""The newest snapshot is damaged, 200 times: the one before it and the log serve, and it is said.

Under clients that write. Prints a JSON line with counts; fails where anything that they saw is not
as it must be (history_checker.py), or a start did not tell of the damage.
"""

import pathlib
import sys

sys.path[0] = str(pathlib.Path(__file__).absolute().parent.parent)
sys.path.append(str(pathlib.Path(__file__).absolute().parent))
import campaign  # noqa: E402
import disk_trouble  # noqa: E402

RUNS = 200
RUNS_SHORT = 10


def main():
    arguments = campaign.arguments(__doc__, runs=RUNS, runs_short=RUNS_SHORT)
    counts = disk_trouble.run_damaged_snapshots(arguments.runs, arguments.seed)
    counts["violations"] += counts["unsaid"]
    campaign.end("damaged_snapshots", counts.pop("damaged"), arguments.runs, counts)


if __name__ == "__main__":
    main()
