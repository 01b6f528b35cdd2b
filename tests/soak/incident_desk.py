#!/usr/bin/python3
"""A real help desk's log, whole: undisturbed, and with ten kills of the server; the same state.

Prints JSON lines, and the report of the undisturbed run on stderr. The log is not part of the
repository; where it is absent this is skipped.
"""

import argparse
import json
import pathlib
import random
import sys

sys.path.insert(0, str(pathlib.Path(__file__).absolute().parent.parent))
import incident_desk_run  # noqa: E402
import swoosh_server  # noqa: E402

LOG = swoosh_server.ROOT.parent / "shared/data/bpic2013_incidents.xes.gz"
SERVER_KILLS = 10
CLIENT_KILLS = 3


def say(run, outcome):
    print(
        json.dumps(
            {
                "campaign": "incident_desk",
                "run": run,
                "index": outcome.index,
                "state_hash": outcome.state_hash,
                "seconds": outcome.seconds,
                "server_kills": outcome.server_kills,
                "client_kills": outcome.client_kills,
            }
            | {key: outcome.summary[key] for key in ("accepted", "duplicates", "refused")}
        ),
        flush=True,
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--log", type=pathlib.Path, default=LOG, help="an XES log, packed or not")
    parser.add_argument("--short", action="store_true", help="the sample instead of the log")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    arguments = parser.parse_args()
    log = incident_desk_run.DESK / "sample.xes" if arguments.short else arguments.log
    if not log.exists():
        print(f"skipped: incident_desk: {log} is absent")
        return
    print(f"seed: --seed {arguments.seed}", file=sys.stderr, flush=True)
    requests = incident_desk_run.convert(log, swoosh_server.temporary_folder())

    whole = incident_desk_run.run_whole(requests)
    say("whole", whole)
    print(whole.report, file=sys.stderr, flush=True)
    server_killed = incident_desk_run.run_with_kills(requests, SERVER_KILLS, 0, arguments.seed)
    say("server_killed", server_killed)
    both_killed = incident_desk_run.run_with_kills(
        requests, SERVER_KILLS, CLIENT_KILLS, arguments.seed
    )
    say("both_killed", both_killed)
    for other in (server_killed, both_killed):
        if (other.index, other.state_hash) != (whole.index, whole.state_hash):
            sys.exit("not the same state as without kills")
        if other.report != whole.report:
            sys.exit(f"not the same report as without kills:\n{other.report}")


if __name__ == "__main__":
    main()
