"""Runs the tests of a script beside it, and says at the end how many passed and failed."""

import sys
import unittest


def run():
    program = unittest.main(exit=False, verbosity=2)
    result = program.result
    bad = len(result.failures) + len(result.errors) + len(result.unexpectedSuccesses)
    sys.stderr.flush()
    print(f"{result.testsRun - bad - len(result.skipped)} passed, {bad} failed", flush=True)
    sys.exit(1 if bad or not result.testsRun else 0)
