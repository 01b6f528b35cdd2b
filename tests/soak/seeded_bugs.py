#!/usr/bin/python3
"""Bugs put into the server on purpose, tests/seeded_bugs/*.patch: each must be caught.

Each patch is applied to a copy of the tree, the server is built there (what is compiled is kept in
.dev/seeded_bugs/ for the next run), and it runs under clients whose histories are checked, with the
faults that bring the bug to light. The server as it is runs under the same faults, and nothing may
be found in it. Prints a JSON line; fails where a bug is not caught, or a patch does not apply any
more.
"""

import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
from typing import NamedTuple

TESTS = pathlib.Path(__file__).absolute().parent.parent
ROOT = TESTS.parent
# Not this folder, where a campaign has the name of the module that it runs.
sys.path[0] = str(TESTS)

PATCHES = TESTS / "seeded_bugs"
COMPILED = ROOT / ".dev/seeded_bugs"
BUILD_SECONDS_MAX = 3600
RUN_SECONDS_MAX = 600
BAZEL_IDLE_SECONDS_MAX = 900  # where this script is ended before it ends Bazel
TRIES_MAX = 3  # what depends on the moment of a power cut is tried again, with another seed
NOT_COPIED = shutil.ignore_patterns(".git", "bazel-*", "node_modules", ".dev", "swoosh-data")
CRASH_POINTS = "//tests/durability:crash_points"


class Bug(NamedTuple):
    workload: str
    kinds: tuple  # of violations (history_checker.py); NOT_STARTED: recovery names what it finds


# What brings each to light, and what is found then.
BUGS = {
    "acknowledge_before_sync": Bug("power_cuts", ("LOST", "SEEN_AND_GONE", "NOT_STARTED")),
    "clock_back": Bug("manual_clock", ("CLOCK_BACK", "NOT_STARTED")),
    "no_directory_fsync": Bug("crash_points", ("LOST", "NOT_STARTED")),
    "no_fence": Bug("failing_writes", ("LOST", "LOG_FORK", "SEEN_AND_GONE", "NOT_STARTED")),
    # What was refused by a state that is gone fits the one made anew, if at all, only at an index
    # that others, asked later, then come before.
    "refusal_before_sync": Bug(
        "power_cuts", ("WRONG_REFUSAL", "STALE_REFUSAL", "STALE_READ", "REORDERED")
    ),
    "request_forgotten": Bug("kills", ("APPLIED_TWICE", "WRONG_REPEAT")),
    "skipped_record": Bug("kills", ("LOST", "LOG_GAP", "NOT_STARTED")),
    "snapshot_unverified": Bug("damaged_snapshots", ("WRONG_READ", "STATE_HASH", "NOT_STARTED")),
    "stale_read": Bug("no_faults", ("STALE_READ",)),
    "torn_tail_reused": Bug("failing_writes", ("LOST", "LOG_GAP", "NOT_STARTED")),
    "trimmed_too_far": Bug("trimming", ("TRIMMED_TOO_FAR",)),
    "visible_before_log": Bug("power_cuts", ("WRONG_READ", "SEEN_AND_GONE", "STATE_HASH")),
    "watch_event_lost": Bug("no_faults", ("WATCH_GAP",)),
}

BUGS_SHORT = ("no_fence", "skipped_record", "stale_read")

# ---------------------------------------------------------------- workloads

FAULTS = 40
DAMAGES = 12
OPERATIONS = 3000
SNAPSHOT_EVERY_RECORDS_TRIMMING = 600
RETAIN_RECORDS_TRIMMING = 300
LAG_RECORDS_TRIMMING = 100


def _run_workload(name, seed):
    """In a process of its own, since the server's path is taken from the environment."""
    import crash_workload
    import disk_trouble
    import power_cuts

    def quiet(*flags, **options):
        flags = flags or crash_workload.FLAGS
        with crash_workload.checked_server(seed, flags=flags, **options) as checked:
            crash_workload.strike(checked, 0, seed, OPERATIONS, None)
            return checked.finish()

    workloads = {
        "kills": lambda: crash_workload.run(FAULTS, seed),
        "power_cuts": lambda: power_cuts.run(FAULTS, seed),
        "failing_writes": lambda: disk_trouble.run_failing_writes(FAULTS, seed),
        "damaged_snapshots": lambda: disk_trouble.run_damaged_snapshots(DAMAGES, seed),
        "no_faults": quiet,
        "manual_clock": lambda: quiet(*crash_workload.FLAGS, "--clock=manual"),
        "trimming": lambda: quiet(
            f"--snapshot_every_records={SNAPSHOT_EVERY_RECORDS_TRIMMING}",
            f"--retain_records={RETAIN_RECORDS_TRIMMING}",
            lag_records_max=LAG_RECORDS_TRIMMING,
        ),
    }
    try:
        print(json.dumps(workloads[name]()))
    except power_cuts.NotPermittedError as error:
        print(json.dumps({"skipped": str(error)}))


# ---------------------------------------------------------------- the bugs


class Tree:
    """A copy of the tree, in which one bug after the other is built."""

    def __init__(self, folder, bazel_flags):
        self.root = folder / "tree"
        self._output_base = folder / "bazel"
        self._bazel_flags = bazel_flags
        shutil.copytree(ROOT, self.root, ignore=NOT_COPIED, symlinks=True)

    def _bazel(self, command, *arguments):
        return subprocess.run(
            [
                os.environ.get("BAZEL", "/usr/bin/bazel"),
                f"--output_base={self._output_base}",
                f"--max_idle_secs={BAZEL_IDLE_SECONDS_MAX}",
                command,
                *arguments,
            ],
            cwd=self.root,
            capture_output=True,
            text=True,
            timeout=BUILD_SECONDS_MAX,
        )

    def apply(self, patch, *more):
        # Outside of any repository: a patch that does not fit, to the line, is an error.
        done = subprocess.run(
            ["git", "apply", "-p1", *more, patch],
            cwd=self.root,
            capture_output=True,
            text=True,
            env=os.environ | {"GIT_CEILING_DIRECTORIES": str(self.root.parent)},
        )
        if done.returncode != 0:
            raise SystemExit(f"{patch.name} does not apply any more:\n{done.stderr}")

    def build(self, target):
        """The program's path."""
        flags = ["--noshow_progress", f"--disk_cache={COMPILED}", *self._bazel_flags]
        done = self._bazel("build", *flags, target)
        if done.returncode != 0:
            raise SystemExit(f"{target} does not build:\n{done.stderr}")
        return self.root / "bazel-bin" / target.removeprefix("//").replace(":", "/")

    def close(self):
        self._bazel("shutdown")
        # Bazel takes the right to write from what it made.
        subprocess.run(["chmod", "-R", "u+w", self._output_base], check=False)


def _run(swooshd, workload, seed):
    """The counts of a workload, run with that server."""
    done = subprocess.run(
        [sys.executable, "-B", __file__, "--workload", workload, "--seed", str(seed)],
        env=os.environ | {"SWOOSHD": str(swooshd)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        timeout=RUN_SECONDS_MAX,
    )
    if done.returncode != 0:
        raise SystemExit(f"{workload} failed:\n{done.stderr}")
    return json.loads(done.stdout)


def _run_crash_points(program, seed):
    """The same of the crash points, whose file system forgets directory entries."""
    done = subprocess.run(
        [program, f"--seed={seed}", "--transitions=100"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        timeout=RUN_SECONDS_MAX,
    )
    counts = json.loads(done.stdout.splitlines()[-1])
    names = {"lost": "LOST", "wrong": "STATE_HASH", "violations": "NOT_STARTED"}
    kinds = {kind: counts[name] for name, kind in names.items() if counts[name]}
    return {"violations": sum(kinds.values()), "kinds": kinds}


def _find(tree, program, workload, seed):
    if workload == "crash_points":
        return _run_crash_points(tree.build(CRASH_POINTS), seed)
    return _run(program, workload, seed)


def _catch(tree, name, seed):
    """Whether the bug is caught; None where it can't be tried here."""
    bug = BUGS[name]
    patch = PATCHES / f"{name}.patch"
    tree.apply(patch)
    try:
        program = tree.build("//server:swooshd")
        for number in range(TRIES_MAX):
            counts = _find(tree, program, bug.workload, seed + number)
            if "skipped" in counts:
                print(f"skipped: {name}: {counts['skipped']}")
                return None
            caught = any(counts["kinds"].get(kind) for kind in bug.kinds)
            told = {"bug": name, "caught": caught, "by": counts["kinds"], "try": number + 1}
            print(json.dumps(told), file=sys.stderr, flush=True)
            if caught:
                return True
        return False
    finally:
        tree.apply(patch, "--reverse")


def _control(tree, names, seed):
    """How much is found in the server as it is, under the workloads of these bugs."""
    program = tree.build("//server:swooshd")
    found = 0
    for workload in sorted({BUGS[name].workload for name in names}):
        counts = _find(tree, program, workload, seed)
        told = {"control": workload, "violations": counts.get("violations"), **counts}
        print(json.dumps(told), file=sys.stderr, flush=True)
        found += counts.get("violations", 0)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--bug", action="append", choices=sorted(BUGS), help="only this one")
    parser.add_argument("--bazel_flag", action="append", default=[], help="for the builds")
    parser.add_argument("--short", action="store_true", help=f"{', '.join(BUGS_SHORT)} alone")
    parser.add_argument("--no_control", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--workload", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.workload:
        return _run_workload(arguments.workload, arguments.seed)
    print(f"seed: --seed {arguments.seed}", file=sys.stderr, flush=True)
    patches = {path.stem for path in PATCHES.glob("*.patch")}
    if patches != set(BUGS):
        sys.exit(f"patches and their workloads differ: {sorted(patches ^ set(BUGS))}")
    names = arguments.bug or (BUGS_SHORT if arguments.short else sorted(BUGS))
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="swoosh-bugs-") as folder:
        tree = Tree(pathlib.Path(folder), arguments.bazel_flag)
        try:
            in_control = 0 if arguments.no_control else _control(tree, names, arguments.seed)
            results = {name: _catch(tree, name, arguments.seed) for name in names}
        finally:
            tree.close()
    tried = [caught for caught in results.values() if caught is not None]
    counts = {
        "campaign": "seeded_bugs",
        "runs": len(tried),
        "caught": sum(tried),
        "lost": 0,
        "wrong": 0,
        "violations": tried.count(False) + in_control,
        "in_the_server_as_it_is": in_control,
        "not_caught": sorted(name for name, caught in results.items() if caught is False),
        "seconds": round(time.monotonic() - began, 1),
    }
    print(json.dumps(counts), flush=True)
    return 1 if counts["violations"] else 0


if __name__ == "__main__":
    sys.exit(main())
