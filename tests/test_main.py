"""Runs the tests of the script that calls it, and says at the end how many passed and failed."""

import argparse
import faulthandler
import random
import sys
import unittest

# A test that hangs says where, instead of being ended silently by whoever waits for it.
HANG_SECONDS_MAX = 280


def seed_from_flag(default=None):
    """The number given with --seed, else `default`, else a fresh one. Prints it."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--seed", type=int, default=default)
    arguments, rest = parser.parse_known_args()
    sys.argv[1:] = rest
    seed = random.SystemRandom().randrange(2**32) if arguments.seed is None else arguments.seed
    print(f"seed: --seed {seed}", file=sys.stderr, flush=True)
    return seed


def run(hang_seconds_max=HANG_SECONDS_MAX):
    faulthandler.dump_traceback_later(hang_seconds_max, exit=True)
    result = unittest.main(exit=False, verbosity=2).result
    faulthandler.cancel_dump_traceback_later()
    # A test with several failing subtests is one failed test.
    failed = {
        getattr(test, "test_case", test).id()
        for test in [each for each, _ in result.failures + result.errors]
        + result.unexpectedSuccesses
    }
    skipped = {test.id(): reason for test, reason in result.skipped}
    for test_id, reason in skipped.items():
        print(f"skipped: {test_id.removeprefix('__main__.')}: {reason}")
    sys.stderr.flush()
    # Where a class could not be set up, none of its tests was run.
    passed = max(0, result.testsRun - len(failed) - len(skipped))
    print(f"{passed} passed, {len(failed)} failed", flush=True)
    sys.exit(1 if failed or not result.testsRun else 0)
