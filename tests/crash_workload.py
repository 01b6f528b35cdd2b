"""kill -9 after kill -9 under clients whose histories are checked (checked_run.py)."""

import contextlib
import pathlib
import random
import sys
import time

import checked_run
import guard_process
import swoosh_server

SNAPSHOT_EVERY_RECORDS = 60
FLAGS = (
    f"--snapshot_every_records={SNAPSHOT_EVERY_RECORDS}",
    f"--retain_records={checked_run.RETAIN_RECORDS}",
)
# How long a process lives: some from its start, as a part of what a start has taken; some from when
# it serves.
YOUNG_PART = 0.4
YOUNG_STARTS_MAX = 1.2
SERVING_SECONDS_MAX = 0.2
POLL_SECONDS = 0.01
GUARD_KILLED_EVERY_STRIKES = 15
TOLD_EVERY_STRIKES = 500
# Where snapshots take longer than a process lives, the log and its recovery would only grow.
SINCE_SNAPSHOT_RECORDS_MAX = 1500


def run(kills, seed, operations=0, clients=checked_run.CLIENTS):
    """Kills a server `kills` times under load, and goes on until `operations` are checked.

    Returns the counts of CheckedRun.finish; `violations` must be 0.
    """
    with checked_server(seed, clients) as checked:
        strike(checked, kills, seed, operations, checked.kill)
        return checked.finish()


@contextlib.contextmanager
def checked_server(seed, clients=checked_run.CLIENTS, flags=FLAGS, **options):
    """A CheckedRun of a new server."""
    with external_guard() as guard:
        server = swoosh_server.Server(*flags, guard.flag(), low_ports=True)
        try:
            yield checked_run.CheckedRun(server, seed, clients, guard=guard, **options)
        finally:
            server.close()


@contextlib.contextmanager
def external_guard():
    """A process that answers the guard of the clients' machine."""
    guard = guard_process.Provider(pathlib.Path(__file__).absolute().parent / "ledger_guard.py")
    try:
        yield guard
    finally:
        guard.kill()


def strike(checked, strikes, seed, operations, blow):
    """Calls `blow`, which ends the server, `strikes` times, and launches it again; then goes on
    until `operations` are checked. Ends early where something was found."""
    dice = random.Random(seed)
    for number in range(strikes):
        # They are spread over the operations.
        while checked.holds() and checked.operations < operations * number // strikes:
            checked.await_serving()
            time.sleep(POLL_SECONDS)
        if not checked.holds():
            return
        if number > 0 and number % TOLD_EVERY_STRIKES == 0:
            told = f"{number} of {strikes}, {checked.operations} operations"
            print(told, file=sys.stderr, flush=True)
        if number > 0 and dice.random() < YOUNG_PART:
            time.sleep(dice.uniform(0, YOUNG_STARTS_MAX * checked.server.start_seconds))
        else:
            checked.await_serving()
            while checked.holds() and checked.since_snapshot() > SINCE_SNAPSHOT_RECORDS_MAX:
                time.sleep(POLL_SECONDS)
            time.sleep(dice.uniform(0, SERVING_SECONDS_MAX))
        if number % GUARD_KILLED_EVERY_STRIKES == GUARD_KILLED_EVERY_STRIKES - 1:
            checked.kill_guard()
        if checked.server.is_launched:
            blow()
        if checked.holds():
            checked.launch()
    checked.await_serving()
    while checked.holds() and checked.operations < operations:
        time.sleep(POLL_SECONDS)
