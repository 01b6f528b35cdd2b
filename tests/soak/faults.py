#!/usr/bin/python3
"""A call of the disk fails, for every call of a server's life, once and for good: nothing is lost.

Runs tests/durability/faults. Prints a JSON line; fails where something is acknowledged after a
failed write, lost after the restart, or an I/O error called damage; tells how long fencing took.
"""

import disk_campaign

if __name__ == "__main__":
    disk_campaign.run_cases(__doc__, "faults", "calls")
