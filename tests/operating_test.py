"""The drills of server/OPERATING.md, run as they are written there.

Each section "### N." of "The four disasters" is a drill: its `sh` blocks run one after the other in
a folder of its own, after the block that all of them share, and must not fail. A `text` block says
what the block before it prints: each of its lines must be found there, with dots for anything.
"""

import contextlib
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import unittest

import swoosh_ctl
import swoosh_server
import test_main

PAGE = swoosh_server.ROOT / "server" / "OPERATING.md"
REFUSALS = swoosh_server.ROOT / "storage" / "recovery_table.h"
CHAPTER = "## The four disasters\n"
BLOCK = re.compile(r"^```(sh|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCK_SECONDS_MAX = 120


def drills():
    """{title: [(kind, text of a block)]}, and under "" the blocks that come first in all."""
    _, found, chapter = PAGE.read_text().partition(CHAPTER)
    assert found, f"{PAGE} has no {CHAPTER}"
    parts = re.split(r"^### (.*)\n", chapter, flags=re.MULTILINE)
    titles = ["", *parts[1::2]]
    return {title: BLOCK.findall(text) for title, text in zip(titles, parts[::2], strict=True)}


def pattern_of(line):
    return ".*".join(re.escape(part) for part in line.strip().split("…"))


def free_ports(count):
    """Below those that the kernel gives to clients, so that they stay free while a server is down."""
    found = []
    while len(found) < count:
        port = random.SystemRandom().randrange(15_000, 32_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            found += [port] if port not in found else []
    return found


class Drill:
    """A folder in which blocks of commands run, with a server that outlives them."""

    def __init__(self):
        self.folder = swoosh_server.temporary_folder()
        programs = self.folder / "bin"
        programs.mkdir()
        (programs / "swooshd").symlink_to(pathlib.Path(swoosh_server.SWOOSHD).absolute())
        (programs / "swooshctl").symlink_to(pathlib.Path(swoosh_ctl.SWOOSHCTL).absolute())
        self.home = self.folder / "drill"
        self.home.mkdir()
        grpc_port, http_port = free_ports(2)
        grpc_address = f"127.0.0.1:{grpc_port}"
        self.environment = {
            "PATH": f"{programs}:/usr/bin:/bin",
            "SWOOSH_LISTEN_ADDR": grpc_address,
            "SWOOSH_SERVER": grpc_address,
            "SWOOSH_HTTP_ADDR": f"127.0.0.1:{http_port}",
        }
        self.groups = []

    def run(self, commands):
        """What they print; an AssertionError when one of them fails."""
        # A server that a block starts keeps its output: a file, so that nobody waits for its end.
        output = self.folder / "output"
        with open(output, "wb") as written:
            process = subprocess.Popen(
                ["/bin/bash", "-euo", "pipefail", "-c", commands],
                cwd=self.home,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=written,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            self.groups.append(process.pid)
            try:
                code = process.wait(BLOCK_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                code = f"none after {BLOCK_SECONDS_MAX} s"
                process.kill()
                process.wait()
        text = output.read_text(errors="replace")
        log = self.home / "swooshd.log"
        logged = log.read_text(errors="replace")[-3000:] if log.exists() else ""
        assert code == 0, f"exit code {code} of\n{commands}\nwhich printed\n{text}\n{logged}"
        return text

    def close(self):
        for group in self.groups:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)


class OperatingTest(unittest.TestCase):
    def play(self, number):
        sections = drills()
        title = next(title for title in sections if title.startswith(f"{number}. "))
        drill = Drill()
        self.addCleanup(drill.close)
        output = ""
        for kind, text in sections[""] + sections[title]:
            if kind == "sh":
                output = drill.run(text)
                continue
            for line in text.splitlines():
                self.assertRegex(output, pattern_of(line), f"{title}: {line!r} is not printed")

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
