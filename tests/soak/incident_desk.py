#!/usr/bin/python3
"""A real help desk's log, whole: undisturbed, and with ten kills of the server; the same state.

Once in the log's order, and once in the log's own time with the manual clock.

Prints JSON lines, and the report of the undisturbed run on stderr. The log is not part of the
repository; where it is absent this is skipped.
"""

import argparse
import json
import pathlib
import random
import sys

sys.path.insert(0, str(pathlib.Path(__file__).absolute().parent.parent))
import campaign  # noqa: E402
import incident_desk_run  # noqa: E402
import swoosh_server  # noqa: E402

LOG = swoosh_server.ROOT.parent / "shared/data/bpic2013_incidents.xes.gz"
SERVER_KILLS = 10
KILLED = (("server_killed", 0), ("both_killed", 3))  # and how often the client is


def say(run, outcome):
    print(
        json.dumps(
            {
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
    folder = swoosh_server.temporary_folder()

    requests = incident_desk_run.convert(log, folder)
    whole = incident_desk_run.run_whole(requests)
    say("whole", whole)
    wrong = 0
    for run, client_kills in KILLED:
        killed = incident_desk_run.run_with_kills(
            requests, SERVER_KILLS, client_kills, arguments.seed
        )
        wrong += not is_same(run, killed, whole)

    lines = incident_desk_run.convert_in_event_time(log, folder)
    whole = incident_desk_run.run_in_event_time(lines)
    say("event_time", whole)
    print(whole.report, file=sys.stderr, flush=True)
    for run, client_kills in KILLED:
        killed = incident_desk_run.run_in_event_time(
            lines, SERVER_KILLS, client_kills, arguments.seed
        )
        wrong += not is_same(f"event_time_{run}", killed, whole)
    counts = {"runs": 2 + 2 * len(KILLED), "lost": 0, "wrong": wrong, "violations": wrong}
    campaign.report({"campaign": "incident_desk"} | counts)


def is_same(run, killed, whole):
    say(run, killed)
    if (killed.index, killed.state_hash) != (whole.index, whole.state_hash):
        print(f"{run}: not the same state as without kills", file=sys.stderr)
        return False
    if killed.report != whole.report:
        print(f"{run}: not the same report as without kills:\n{killed.report}", file=sys.stderr)
        return False
    return True


if __name__ == "__main__":
    main()
