"""What campaigns have in common: their flags, and the JSON line at their end."""

import argparse
import json
import random
import sys

FAILURES = ("lost", "wrong", "violations")


def arguments(text, runs, runs_short):
    """`runs` and `seed`; the seed is printed."""
    parser = argparse.ArgumentParser(description=text.split("\n", 1)[0])
    parser.add_argument("--runs", type=int, metavar="N", help=f"default: {runs:,}")
    parser.add_argument("--short", action="store_true", help=f"{runs_short:,} runs")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    parsed = parser.parse_args()
    if parsed.runs is None:
        parsed.runs = runs_short if parsed.short else runs
    print(f"seed: --seed {parsed.seed}", file=sys.stderr, flush=True)
    return parsed


def report(line):
    """Prints the campaign's line, and ends with 1 where it found something."""
    print(json.dumps(line), flush=True)
    if any(line[each] for each in FAILURES):
        sys.exit(1)


def end(name, runs, runs_wanted, counts):
    """As report; also ends with 1 where it did too little."""
    report({"campaign": name, "runs": runs} | counts)
    sys.exit(1 if runs < runs_wanted else 0)
