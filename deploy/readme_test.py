"""The commands of README.md, run as they are written there, on ports of the test's own.

Each chapter is run in a folder that looks like the repository's root. What stands under "Not run
here:" is not run.
"""

import pathlib
import re
import shutil
import unittest

import drill
import swoosh_ctl
import swoosh_server
import test_main

DEPLOY = swoosh_server.ROOT / "deploy"
PAGE = DEPLOY / "README.md"
CHAPTERS = ("The image", "One machine", "Kubernetes")
PROGRAMS = {
    "The image": ("mmdebstrap", "umoci"),
    "One machine": ("prometheus", "promtool"),
    "Kubernetes": ("kubectl",),
}
NOT_RUN = "Not run here:\n\n"
EXIT_NO_PACKAGES = 3
PROMETHEUS_ADDRESS = "127.0.0.1:9090"
HTTP_ADDRESS = "127.0.0.1:7071"


def chapters():
    """{title: text} of the page's chapters."""
    parts = re.split(r"^## (.*)\n", PAGE.read_text(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def prepared():
    """A Drill in a copy of what the commands need."""
    played = drill.Drill()
    shutil.copytree(DEPLOY, played.home / "deploy")
    shutil.copytree(swoosh_server.ROOT / "examples", played.home / "examples")
    for folder, program in (("server", swoosh_server.SWOOSHD), ("cli", swoosh_ctl.SWOOSHCTL)):
        built = played.home / "bazel-bin" / folder
        built.mkdir(parents=True)
        (built / pathlib.Path(program).name).symlink_to(pathlib.Path(program).absolute())
    played.environment["PATH"] += ":/usr/sbin:/sbin"
    played.environment["HOME"] = str(played.home)
    configuration = played.home / "deploy/prometheus/prometheus.yaml"
    text = configuration.read_text()
    assert HTTP_ADDRESS in text
    configuration.write_text(text.replace(HTTP_ADDRESS, played.environment["SWOOSH_HTTP_ADDR"]))
    return played


class ReadmeTest(unittest.TestCase):
    def play(self, title):
        for program in PROGRAMS[title]:
            if shutil.which(program) is None:
                self.skipTest(f"there is no {program}")
        played = prepared()
        self.addCleanup(played.close)
        address = f"127.0.0.1:{drill.free_ports(1)[0]}"
        blocks = drill.BLOCK.findall(chapters()[title])
        self.assertIn("text", [kind for kind, _ in blocks])
        played.play([(kind, text.replace(PROMETHEUS_ADDRESS, address)) for kind, text in blocks])

    def test_what_is_not_run_is_marked_and_nothing_else_is(self):
        text = PAGE.read_text()
        not_run = text.count("\n```sh not-run\n")
        self.assertGreater(not_run, 0)
        self.assertEqual(text.count(f"{NOT_RUN}```sh not-run\n"), not_run)
        self.assertEqual(text.count(NOT_RUN.strip()), not_run)
        blocks = len(re.findall(r"^```\w", text, re.MULTILINE))
        self.assertEqual(blocks, len(drill.BLOCK.findall(text)) + not_run)

    def test_all_commands_stand_in_chapters_that_are_played(self):
        with_commands = [name for name, text in chapters().items() if drill.BLOCK.search(text)]
        self.assertEqual(with_commands, list(CHAPTERS))

    def test_the_image(self):
        try:
            self.play("The image")
        except AssertionError as error:
            if str(error).startswith((f"exit code {EXIT_NO_PACKAGES} of", "exit code none after")):
                self.skipTest("Debian's packages can't be had, or not in time")
            raise

    def test_one_machine(self):
        self.play("One machine")

    def test_kubernetes(self):
        self.play("Kubernetes")

    def test_the_numbers_are_those_of_the_manifest(self):
        manifest = (DEPLOY / "kubernetes/base/stateful_set.yaml").read_text()
        text = chapters()["Kubernetes"]
        (grace,) = re.findall(r"terminationGracePeriodSeconds: (\d+)", manifest)
        self.assertIn(f"| termination grace, {grace} s |", text)
        period, threshold = re.search(
            r"startupProbe:\n.*\n *periodSeconds: (\d+)\n.*\n *failureThreshold: (\d+)\n", manifest
        ).groups()
        self.assertIn(f"| {threshold} times {period} s,", text)

    def test_links_lead_to_what_is_there(self):
        for page in (PAGE, DEPLOY / "RUNBOOK.md"):
            for link in re.findall(r"\]\(([^)]+)\)", page.read_text()):
                path, _, anchor = link.partition("#")
                target = page.parent / path
                self.assertTrue(target.exists(), f"{page.name}: {link}")
                titles = re.findall(r"^#+ (.*)$", target.read_text(), re.MULTILINE)
                self.assertTrue(not anchor or anchor in [each.lower() for each in titles], link)


if __name__ == "__main__":
    test_main.run()
