#!/usr/bin/python3
"""5,000 power cuts under clients that write, with snapshots and trimming: nothing is lost.

Each is a real one, of an ext4 on a loop device. Prints a JSON line with counts; fails where
anything that clients saw is not as it must be (history_checker.py). Needs root, and is skipped
without.
"""

import pathlib
import sys

sys.path[0] = str(pathlib.Path(__file__).absolute().parent.parent)
sys.path.append(str(pathlib.Path(__file__).absolute().parent))
import campaign  # noqa: E402
import power_cuts  # noqa: E402

CUTS = 5_000
CUTS_SHORT = 100


def main():
    arguments = campaign.arguments(__doc__, runs=CUTS, runs_short=CUTS_SHORT)
    try:
        counts = power_cuts.run(arguments.runs, arguments.seed)
    except power_cuts.NotPermittedError as error:
        print(f"skipped: power_cuts: {error}")
        return
    campaign.end("power_cuts", counts.pop("kills"), arguments.runs, counts)


if __name__ == "__main__":
    main()
