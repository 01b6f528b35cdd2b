"""Checks state_hash.py against the vectors that the server's own code is checked against."""

import json
import pathlib
import random
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import state_hash  # noqa: E402

TESTDATA = pathlib.Path(__file__).parent.parent / "core" / "testdata"


def vector_lines(name):
    """(number, line) of the lines that are neither empty nor comments."""
    text = (TESTDATA / name).read_text(encoding="utf-8")
    for number, line in enumerate(text.split("\n"), 1):
        if line and not line.startswith("#"):
            yield number, line


def hex_bytes(word):
    return b"" if word == "-" else bytes.fromhex(word)


class CanonicalEncodingTest(unittest.TestCase):
    def test_vectors(self):
        count = 0
        for number, line in vector_lines("canonical.txt"):
            text, encoding = line.split("\t")
            with self.subTest(line=number):
                self.assertEqual(state_hash.value_bytes(json.loads(text)).hex(), encoding)
            count += 1
        self.assertGreater(count, 20)

    def test_refuses_what_has_no_encoding(self):
        too_deep = []
        for _ in range(state_hash.VALUE_DEPTH_MAX):
            too_deep = [too_deep]
        for value in (float("nan"), float("inf"), 2**53 + 1, 10**400, too_deep, b"bytes", "\ud800"):
            with self.subTest(value=repr(value)[:30]), self.assertRaises(ValueError):
                state_hash.value_bytes(value)


class TreeHashTest(unittest.TestCase):
    def test_vectors(self):
        entries = {}
        root_count = 0
        for number, line in vector_lines("state_tree.txt"):
            verb, *words = line.split()
            if verb == "put":
                entries[hex_bytes(words[0])] = hex_bytes(words[1])
            elif verb == "erase":
                del entries[hex_bytes(words[0])]
            else:
                self.assertEqual(verb, "root")
                with self.subTest(line=number):
                    self.assertEqual(state_hash.tree_hash(entries.items()).hex(), words[0])
                root_count += 1
        self.assertGreaterEqual(root_count, 10)

    def test_order_of_the_entries_does_not_matter(self):
        entries = [(f"key-{i}".encode(), f"value-{i}".encode()) for i in range(500)]
        root = state_hash.tree_hash(entries)
        random.Random(1).shuffle(entries)
        self.assertEqual(state_hash.tree_hash(entries), root)

    def test_every_byte_matters(self):
        entries = [(f"key-{i}".encode(), f"value-{i}".encode()) for i in range(50)]
        root = state_hash.tree_hash(entries)
        for i, (key, value) in enumerate(entries):
            for changed in ((key, value + b"!"), (key + b"!", value)):
                other = entries[:i] + [changed] + entries[i + 1 :]
                self.assertNotEqual(state_hash.tree_hash(other), root)
        self.assertNotEqual(state_hash.tree_hash(entries[1:]), root)

    def test_refuses_a_key_twice(self):
        with self.assertRaises(ValueError):
            state_hash.tree_hash([(b"key", b"1"), (b"key", b"2")])


def main():
    suite = unittest.defaultTestLoader.loadTestsFromModule(sys.modules[__name__])
    result = unittest.TextTestRunner().run(suite)
    # A test with several failing subtests is one failed test.
    failed = {
        getattr(test, "test_case", test).id() for test, _ in result.failures + result.errors
    }
    print(f"{result.testsRun - len(failed)} passed, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
