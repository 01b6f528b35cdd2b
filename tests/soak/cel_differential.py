#!/usr/bin/python3
"""Random guard expressions against CEL's reference in JavaScript: the same value, or both an error.

Prints a JSON line with counts; fails where one differs. Skipped where the npm packages are absent.
"""

import argparse
import pathlib
import random
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).absolute().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests/expressions"))
import campaign  # noqa: E402
import cel_comparison  # noqa: E402

EVALUATOR = ROOT / "bazel-bin/tests/expressions/evaluate_expressions"
EXPRESSIONS = 1_000_000
EXPRESSIONS_SHORT = 100_000
BATCH = 20_000


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--expressions", type=int, metavar="N", help=f"default: {EXPRESSIONS}")
    parser.add_argument("--short", action="store_true", help=f"{EXPRESSIONS_SHORT} expressions")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    arguments = parser.parse_args()
    wanted = arguments.expressions or (EXPRESSIONS_SHORT if arguments.short else EXPRESSIONS)

    install = subprocess.run(
        [ROOT / "tools/install_npm_packages.sh"], stdout=subprocess.PIPE, text=True
    )
    if install.returncode != 0:
        print(f"skipped: cel_differential: {install.stdout.strip()}")
        return
    node = shutil.which("node")
    node_modules = str(ROOT / "third_party/npm/node_modules")
    print(f"seed: --seed {arguments.seed}", file=sys.stderr, flush=True)

    done = {"expressions": 0, "values": 0, "errors": 0, "differences": 0}
    while done["expressions"] < wanted:
        count = min(BATCH, wanted - done["expressions"])
        # Batch number 0 has the seed itself, so that it can be repeated alone.
        seed = arguments.seed + done["expressions"] // BATCH
        outcome = cel_comparison.compare(seed, count, node, node_modules, EVALUATOR)
        done["expressions"] += count
        done["values"] += outcome.values
        done["errors"] += outcome.errors
        done["differences"] += outcome.difference_count
        for text in outcome.differences:
            print(f"--seed {seed}:\n{text}\n", file=sys.stderr, flush=True)
    differences = done.pop("differences")
    campaign.report(
        {
            "campaign": "cel_differential",
            "runs": done.pop("expressions"),
            "lost": 0,
            "wrong": differences,
            "violations": differences,
        }
        | done
    )


if __name__ == "__main__":
    main()
