#!/usr/bin/python3
"""Clients that mean harm against one server: resets, floods, slow readers, 10,000 connections.

Prints a JSON line an attack, and one at the end. Fails where the server is gone or does not serve
afterwards, a call of the well-behaved client fails, or memory passes its bound. What the attacks do
to the well-behaved client's latencies is printed beside what it sees on the same server just before
and just after, and judged by who reads it: attacker and server share this machine's processors.
"""

import argparse
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).absolute().parent.parent))
import campaign  # noqa: E402
import hostile_attacks  # noqa: E402
import hostile_workload  # noqa: E402

SECONDS = 30
SECONDS_SHORT = 5


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--short", action="store_true", help=f"{SECONDS_SHORT} s an attack")
    parser.add_argument("--seconds", type=float, help=f"an attack; default: {SECONDS}")
    parser.add_argument("--only", help="the name of one attack")
    arguments = parser.parse_args()
    seconds = arguments.seconds or (SECONDS_SHORT if arguments.short else SECONDS)
    violations = []
    runs = 0
    attacks = [None, *hostile_attacks.ATTACKS]
    for attack in attacks:
        name = attack.__name__ if attack else "none"
        if arguments.only not in (None, name):
            continue
        # Each on a server of its own, so that its memory is what is measured.
        server = hostile_workload.start_server()
        result = hostile_workload.run(server, attack, seconds, quiet_seconds=seconds / 2)
        print(json.dumps(result), flush=True)
        violations += [f"{name}: {each}" for each in hostile_workload.violations(result)]
        server.close()
        runs += 1
    for violation in violations:
        print(violation, file=sys.stderr)
    campaign.report(
        {
            "campaign": "hostile_clients",
            "runs": runs,
            "lost": 0,
            "wrong": 0,
            "violations": len(violations),
        }
    )


if __name__ == "__main__":
    main()
