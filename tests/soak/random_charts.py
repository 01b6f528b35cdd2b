#!/usr/bin/python3
"""Random charts: ours does what Appendix D says, and what scion-core does otherwise is explained.

Prints a JSON line with counts; fails where ours is wrong or a difference is not explained. Skipped
where the npm packages are absent.
"""

import argparse
import collections
import json
import pathlib
import random
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).absolute().parent.parent.parent
# This file has the name of the module that it runs.
sys.path[0] = str(ROOT / "tests/conformance")
import random_charts  # noqa: E402

RUN_CHARTS = ROOT / "bazel-bin/tests/conformance/run_charts"
CHARTS = 10_000
CHARTS_SHORT = 1_000
EVENTS = 50  # for each
BATCH = 500
# How many charts are counted for each of scion-core's deviations. All would take too long.
NEEDED_PER_BATCH_MAX = 10


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--charts", type=int, metavar="N", help=f"default: {CHARTS}")
    parser.add_argument("--short", action="store_true", help=f"{CHARTS_SHORT} charts")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    parser.add_argument("--run_charts", default=RUN_CHARTS, help="another build of the program")
    arguments = parser.parse_args()
    wanted = arguments.charts or (CHARTS_SHORT if arguments.short else CHARTS)

    install = subprocess.run(
        [ROOT / "tools/install_npm_packages.sh"], stdout=subprocess.PIPE, text=True
    )
    if install.returncode != 0:
        print(f"skipped: random_charts: {install.stdout.strip()}")
        return
    npm = (shutil.which("node"), str(ROOT / "third_party/npm/node_modules"))
    print(f"seed: --seed {arguments.seed}", file=sys.stderr, flush=True)

    done = collections.Counter()
    needed = collections.Counter()
    xstate = collections.Counter()
    next_seed = arguments.seed
    while done["charts"] < wanted:
        count = min(BATCH, wanted - done["charts"])
        outcome, next_seed = random_charts.compare(
            next_seed,
            count,
            EVENTS,
            npm,
            run_charts=arguments.run_charts,
            needed_max=NEEDED_PER_BATCH_MAX,
        )
        for name in (
            "charts events endless edges events_effective wrong scion_differs explained "
            "scion_unexplained"
        ).split():
            done[name] += getattr(outcome, name)
        needed += outcome.needed
        xstate += outcome.xstate
        for text in outcome.shown:
            print(text, file=sys.stderr, flush=True)
    # Differences that none of scion-core's known deviations explains.
    violations = max(done["scion_unexplained"], done["scion_differs"] - done["explained"])
    print(
        json.dumps(
            {
                "campaign": "random_charts",
                "runs": done["charts"],
                "lost": 0,
                "violations": violations,
                "events": done["events"],
                "wrong": done["wrong"],
                "scion_differs": done["scion_differs"],
                "explained": done["explained"],
                "seed": arguments.seed,
                "scion_unexplained": done["scion_unexplained"],
                "deviations_at_least": dict(needed.most_common()),
                "xstate_where_scion_differs": dict(xstate.most_common()),
                "edges_per_event": round(done["edges"] / done["events"], 2),
                "events_effective_share": round(done["events_effective"] / done["events"], 2),
                "endless_left_out": done["endless"],
            }
        )
    )
    if done["wrong"] or violations:
        sys.exit(1)


if __name__ == "__main__":
    main()
