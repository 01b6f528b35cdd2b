"""The drills of server/OPERATING.md, run as they are written there.

Each section "### N." of "The four disasters" is a drill: its `sh` blocks run one after the other in
a folder of its own, after the block that all of them share.
"""

import re
import unittest

import drill
import swoosh_server
import test_main

PAGE = swoosh_server.ROOT / "server" / "OPERATING.md"
REFUSALS = swoosh_server.ROOT / "storage" / "recovery_table.h"
CHAPTER = "## The four disasters\n"


def drills():
    """{title: [(kind, text of a block)]}, and under "" the blocks that come first in all."""
    _, found, chapter = PAGE.read_text().partition(CHAPTER)
    assert found, f"{PAGE} has no {CHAPTER}"
    parts = re.split(r"^### (.*)\n", chapter, flags=re.MULTILINE)
    blocks = map(drill.BLOCK.findall, parts[::2])
    return dict(zip(["", *parts[1::2]], blocks, strict=True))


class OperatingTest(unittest.TestCase):
    def play(self, number):
        sections = drills()
        title = next(title for title in sections if title.startswith(f"{number}. "))
        played = drill.Drill()
        self.addCleanup(played.close)
        played.play(sections[""] + sections[title])

    def test_the_page_has_four_drills_each_with_something_to_check(self):
        sections = drills()
        self.assertEqual([title[:2] for title in sections if title], ["1.", "2.", "3.", "4."])
        for title, blocks in sections.items():
            kinds = [kind for kind, _ in blocks]
            self.assertIn("sh", kinds, title)
            self.assertTrue(not title or "text" in kinds, title)

    def test_the_page_has_the_exit_code_of_each_refusal(self):
        refusals = re.findall(r"^  k(\w+) = (\d\d),", REFUSALS.read_text(), re.MULTILINE)
        self.assertGreater(len(refusals), 30)
        page = PAGE.read_text()
        for name, number in refusals:
            reason = re.sub(r"(?<!^)(?=[A-Z])", "_", name).upper()
            self.assertIn(f"| {number} | {reason} |\n", page)

    def test_1_a_damaged_snapshot(self):
        self.play(1)

    def test_2_a_partly_damaged_log(self):
        self.play(2)

    def test_3_power_loss_while_a_snapshot_is_written(self):
        self.play(3)

    def test_4_a_lost_disk_is_restored_from_a_backup(self):
        self.play(4)


if __name__ == "__main__":
    test_main.run()
