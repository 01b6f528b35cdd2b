"""The image of build_image.sh: what is in it, and that it runs, is updated and ends well."""

import json
import os
import pathlib
import re
import shutil
import stat
import subprocess
import unittest

import container
import rolling_update_check
import swoosh_server
import test_main
from swoosh_api import COUNTER, create, register, send, submit

DEPLOY = swoosh_server.ROOT / "deploy"
DOCKERFILE = DEPLOY / "Dockerfile"
RESTORE_POD = DEPLOY / "kubernetes/restore_pod.yaml"
PACKAGES = "runtime_packages.txt"
IMAGE_BYTES_MAX = 40_000_000


class ImageTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.why_not = None
        try:
            cls.image = container.Image()
        except unittest.SkipTest as reason:
            cls.why_not = str(reason)

    def setUp(self):
        if self.why_not is not None:
            self.skipTest(self.why_not)

    def start(self, volume=None):
        server = container.ContainerServer(self.image, volume or self.image.new_volume())
        self.addCleanup(server.close)
        return server

    def blobs(self):
        return self.image.layout / "blobs/sha256"

    def config(self):
        """The image's configuration."""
        index = json.loads((self.image.layout / "index.json").read_text())
        (entry,) = index["manifests"]
        manifest = json.loads(self.blob(entry["digest"]))
        return json.loads(self.blob(manifest["config"]["digest"]))

    def blob(self, digest):
        return (self.blobs() / digest.removeprefix("sha256:")).read_text()

    def test_it_is_what_the_dockerfile_makes(self):
        config = self.config()["config"]
        stages = re.split(r"^FROM ", DOCKERFILE.read_text(), flags=re.MULTILINE)[1:]
        self.assertTrue(all(each.startswith("debian:12-slim") for each in stages))
        final = re.sub(r"\\\n", " ", stages[-1])
        lines = [line.split(" ", 1) for line in final.splitlines()[1:] if line[:1].isupper()]
        said = {}
        for name, rest in lines:
            said.setdefault(name, []).append(rest)
        for rest in said["RUN"]:
            self.assertIsInstance(json.loads(rest), list)  # and no shell that nobody asked for
        self.assertEqual(said["USER"], [config["User"]])
        self.assertEqual(said["STOPSIGNAL"], [config["StopSignal"]])
        self.assertEqual(json.loads(*said["ENTRYPOINT"]), config["Entrypoint"])
        self.assertEqual(json.loads(*said["VOLUME"]), list(config["Volumes"]))
        self.assertEqual(said["WORKDIR"], [config["WorkingDir"]])
        ports = {f"{port}/tcp" for each in said["EXPOSE"] for port in each.split()}
        self.assertEqual(ports, set(config["ExposedPorts"]))
        self.assertIn(f"SWOOSH_DATA_DIR={container.VOLUME}", config["Env"])
        self.assertIn(f"SWOOSH_DATA_DIR={container.VOLUME}", said["ENV"])
        self.assertNotIn("CMD", said)
        self.assertIn(PACKAGES, final)

    def test_it_has_the_user_and_the_volume_that_kubernetes_gives_it(self):
        text = rolling_update_check.MANIFEST.read_text()
        user = re.search(r"runAsUser: (\d+)\n *runAsGroup: (\d+)\n *fsGroup: (\d+)\n", text)
        config = self.config()["config"]
        self.assertEqual(config["User"], f"{user[1]}:{user[2]}")
        self.assertEqual(user[3], user[2])
        (path,) = re.findall(r"mountPath: ([^}]*)}", text)
        self.assertEqual([path], list(config["Volumes"]))

    def test_it_holds_no_shell_nothing_setuid_and_little_else(self):
        programs = sorted(each.name for each in (self.image.root / "usr/bin").iterdir())
        self.assertEqual(programs, ["swooshctl", "swooshd"])
        for folder, _, names in os.walk(self.image.root):
            for name in names:
                mode = (pathlib.Path(folder) / name).lstat().st_mode
                self.assertFalse(mode & (stat.S_ISUID | stat.S_ISGID), f"{folder}/{name}")
                is_loose = stat.S_ISREG(mode) and mode & (stat.S_IWGRP | stat.S_IWOTH)
                self.assertFalse(is_loose, f"{folder}/{name}")
        size = sum(each.stat().st_size for each in self.blobs().iterdir())
        print(f"image: {size / 1e6:.1f} MB")
        self.assertLess(size, IMAGE_BYTES_MAX)

    def test_it_records_the_packages_that_it_is_made_of_with_their_licences(self):
        listed = (DEPLOY / PACKAGES).read_text().split()
        self.assertEqual(listed, sorted(set(listed)))
        status = self.image.root / "var/lib/dpkg/status.d"
        self.assertEqual(sorted(each.name for each in status.iterdir()), listed)
        for name in listed:
            self.assertIn("\nVersion: ", (status / name).read_text())
            self.assertTrue((self.image.root / f"usr/share/doc/{name}/copyright").stat().st_size)

    def test_it_serves_as_nobody_in_particular_from_a_read_only_root_and_ends_with_0(self):
        server = self.start()
        status = pathlib.Path(f"/proc/{server.pid}/status").read_text()
        uid, gid = self.config()["config"]["User"].split(":")
        self.assertRegex(status, rf"\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\n")
        self.assertRegex(status, rf"\nGid:\t{gid}\t{gid}\t{gid}\t{gid}\n")
        self.assertRegex(status, r"\nCapEff:\t0+\n")
        self.assertRegex(status, r"\nNSpid:\t\d+\t1\n")
        submit(server.orchestrator, register(COUNTER), create("a"))
        submit(server.orchestrator, send("a"))

        got = server.ctl("get", "a", "-o", "json")
        self.assertEqual((got.returncode, json.loads(got.stdout)["context"]["count"]), (0, 1), got)
        written = server.ctl("backup", f"{container.VOLUME}/backup")
        self.assertEqual(written.returncode, 0, written.stderr)
        refused = server.ctl("backup", "/tmp/backup")
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn(b"Read-only file system", refused.stderr)

        self.assertEqual(server.terminate(), 0, server.log_tail())
        server.start()
        self.assertEqual(server.index, 2)

    def test_it_restores_a_backup_into_an_empty_volume_as_the_pod_does(self):
        server = self.start()
        submit(server.orchestrator, register(COUNTER), create("a"))
        backup = server.ctl("backup", "-")
        self.assertEqual(backup.returncode, 0, backup.stderr)
        server.close()
        (arguments,) = re.findall(r"args: \[(.*)\]", RESTORE_POD.read_text())
        volume = self.image.new_volume()
        restored = subprocess.run(
            self.image.command(volume, *(each.strip('" ') for each in arguments.split(","))),
            input=backup.stdout,
            capture_output=True,
            timeout=swoosh_server.VERIFY_SECONDS_MAX,
        )
        self.assertEqual(restored.returncode, 0, restored.stderr)
        self.assertEqual(self.start(volume).index, 1)

    def test_a_rolling_update_is_a_short_pause_without_loss(self):
        server = self.start()
        rolling_update_check.check(self, server)


@unittest.skipUnless(
    shutil.which("mmdebstrap") and shutil.which("umoci"), "there is no mmdebstrap, or no umoci"
)
class WithoutPackagesTest(unittest.TestCase):
    def test_without_a_mirror_the_builder_says_so_and_leaves_nothing(self):
        folder = swoosh_server.temporary_folder()
        environment = {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "SWOOSHD": "/bin/true",
            "SWOOSHCTL": "/bin/true",
            "SWOOSH_DEBIAN_MIRROR": "http://127.0.0.1:1/debian",
            "TMPDIR": str(folder),
        }
        done = subprocess.run(
            [container.BUILD, folder / "image"], capture_output=True, text=True, env=environment
        )
        self.assertEqual(done.returncode, container.EXIT_NO_PACKAGES, done.stderr)
        self.assertEqual(list(folder.iterdir()), [])


if __name__ == "__main__":
    test_main.run()
