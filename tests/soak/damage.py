#!/usr/bin/python3
"""Every byte of a small store flipped, every sector, length and file damaged: named, or made good.

Runs tests/durability/damage over all cases, for a store of each processor. Prints a JSON line;
fails where something is lost silently, a wrong state served, or damage not named.
"""

import disk_campaign

if __name__ == "__main__":
    disk_campaign.run_cases(__doc__, "damage", "cases")
