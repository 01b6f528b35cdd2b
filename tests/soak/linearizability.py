#!/usr/bin/python3
"""1,000,000 operations with kills and requests repeated in doubt: what clients saw is linearizable.

Prints a JSON line with counts; fails where anything that they saw is not as it must be
(history_checker.py).
"""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).absolute().parent.parent))
import campaign  # noqa: E402
import crash_workload  # noqa: E402

OPERATIONS = 1_000_000
OPERATIONS_SHORT = 50_000
OPERATIONS_PER_KILL = 2_000


def main():
    arguments = campaign.arguments(__doc__, runs=OPERATIONS, runs_short=OPERATIONS_SHORT)
    kills = max(1, arguments.runs // OPERATIONS_PER_KILL)
    counts = crash_workload.run(kills, arguments.seed, arguments.runs)
    campaign.end("linearizability", counts.pop("operations"), arguments.runs, counts)


if __name__ == "__main__":
    main()
