"""Our expressions against CEL's: random guards give the same value, or both an error."""

import unittest

import cel_comparison
import test_main

EXPRESSIONS = 20_000
SEED = 1
# What keeps the comparison from agreeing about errors only, or about too little of the language.
VALUES_MIN = EXPRESSIONS * 6 // 10
REFUSED_MAX = EXPRESSIONS // 100
USES_MIN = 100
FEATURES = set(
    "! && || ?: == != < <= > >= in + - * / % . [] […] {…} number string size startsWith endsWith "
    "contains matches int double has In all exists exists_one filter map".split()
) | {"unary -", "map with a condition"}

NPM_PACKAGES = cel_comparison.npm_packages()


@unittest.skipUnless(NPM_PACKAGES, "the npm packages are not installed")
class CelDifferentialTest(unittest.TestCase):
    def test_an_expression_gives_what_cel_gives_or_both_fail(self):
        outcome = cel_comparison.compare(seed, EXPRESSIONS, *NPM_PACKAGES)
        print(f"{outcome.values} values, {outcome.errors} errors", flush=True)
        self.assertEqual(outcome.difference_count, 0, "\n" + "\n\n".join(outcome.differences))
        self.assertEqual(outcome.values + outcome.errors, EXPRESSIONS)
        self.assertGreaterEqual(outcome.values, VALUES_MIN)
        self.assertLessEqual(outcome.refused, REFUSED_MAX)
        self.assertEqual({name for name in FEATURES if outcome.used[name] < USES_MIN}, set())


class ComparisonTest(unittest.TestCase):
    def test_values_are_the_same_only_when_their_kinds_are(self):
        for value in (None, True, 1.0, "1", [1.0], {"a": [True]}):
            self.assertTrue(cel_comparison.same(value, value), value)
        others = ((True, 1.0), ([True], [1.0]), ({"a": 0.0}, {"a": False}), ("1", 1.0), ([], {}))
        for a, b in others:
            self.assertFalse(cel_comparison.same(a, b), (a, b))


if __name__ == "__main__":
    seed = test_main.seed_from_flag(default=SEED)
    test_main.run()
