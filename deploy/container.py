"""The image, built and unpacked, and containers of it: what a runtime does, by unshare and chroot.

A container is a process tree with mounts of its own: the image's root, read-only, its volume, and
/proc. The program is process 1, as the image's user, without privileges to gain. Network and clock
are the machine's. It takes root.
"""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import time
import unittest

import swoosh_ctl
import swoosh_server

BUILD = swoosh_server.ROOT / "deploy/build_image.sh"
BUILD_SECONDS_MAX = 150
EXIT_NO_PACKAGES = 3
EXIT_TIMEOUT = 124
VOLUME = "/var/lib/swoosh"
UNPACK_SECONDS_MAX = 60
FORK_SECONDS_MAX = 10

ENTER = """
mount --bind "$1" "$1"
mount --bind "$2" "$1$3"
mount -t proc proc "$1/proc"
mount -o remount,bind,ro "$1"
root=$1 user=$4
shift 4
exec setpriv --no-new-privs chroot --userspec="$user" "$root" "$@"
"""


class Image:
    """The unpacked image; `unittest.SkipTest` where it can't be built or run."""

    def __init__(self):
        for program in ("mmdebstrap", "umoci"):
            if shutil.which(program) is None:
                raise unittest.SkipTest(f"there is no {program}")
        if os.geteuid() != 0:
            raise unittest.SkipTest("mounting takes root")
        self.folder = swoosh_server.temporary_folder()
        self.layout = self.folder / "image"
        self.name = self._build()
        bundle = self.folder / "bundle"
        subprocess.run(
            ["umoci", "unpack", "--image", self.name, bundle],
            check=True,
            timeout=UNPACK_SECONDS_MAX,
            stdout=subprocess.DEVNULL,
        )
        self.root = bundle / "rootfs"
        self.process = json.loads((bundle / "config.json").read_text())["process"]
        self._try_to_mount()

    def _build(self):
        built = subprocess.run(
            # It ends the whole group of processes.
            ["timeout", "--kill-after=5", str(BUILD_SECONDS_MAX), BUILD, self.layout],
            capture_output=True,
            text=True,
            env={
                "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
                "SOURCE_DATE_EPOCH": "1",
                "SWOOSHD": str(pathlib.Path(swoosh_server.SWOOSHD).absolute()),
                "SWOOSHCTL": str(pathlib.Path(swoosh_ctl.SWOOSHCTL).absolute()),
                "TMPDIR": str(self.folder),
            },
        )
        if built.returncode == EXIT_NO_PACKAGES:
            raise unittest.SkipTest("Debian's packages can't be had")
        if built.returncode == EXIT_TIMEOUT:
            raise unittest.SkipTest(f"Debian's packages take more than {BUILD_SECONDS_MAX} s")
        assert built.returncode == 0, built.stderr
        return built.stdout.strip()

    def _try_to_mount(self):
        tried = subprocess.run(
            self.command(swoosh_server.temporary_folder(), "--version"),
            capture_output=True,
            text=True,
            timeout=FORK_SECONDS_MAX,
        )
        if tried.returncode != 0 and "mount" in tried.stderr + tried.stdout:
            raise unittest.SkipTest("mounts are not allowed here")
        assert tried.returncode == 0, tried.stderr

    def new_volume(self):
        """An empty folder that the image's user may write to."""
        volume = swoosh_server.temporary_folder()
        os.chown(volume, self.process["user"]["uid"], self.process["user"]["gid"])
        return volume

    def command(self, volume, *arguments, entrypoint=None):
        """The command line of a container that runs the image's entrypoint, or another program."""
        user = self.process["user"]
        program = self.process["args"] if entrypoint is None else [entrypoint]
        return swoosh_server.bound_to_us(
            [
                *("/usr/bin/env", "-i", *self.process["env"], "PATH=/usr/sbin:/usr/bin:/sbin:/bin"),
                *("unshare", "--mount", "--pid", "--fork", "--kill-child"),
                *("/bin/sh", "-euc", ENTER, "sh", self.root, volume, VOLUME),
                f"{user['uid']}:{user['gid']}",
                *program,
                *arguments,
            ]
        )


class _ContainerProcess(subprocess.Popen):
    """unshare, which waits for the program: signals are for that."""

    def send_signal(self, sig):
        if sig == signal.SIGKILL or (program := self.program()) is None:
            super().send_signal(sig)  # which kills the program too
        else:
            os.kill(program, sig)

    def program(self):
        """The program's id as this machine sees it, or None once it has ended."""
        deadline = time.monotonic() + FORK_SECONDS_MAX
        while self.poll() is None and time.monotonic() < deadline:
            try:
                path = pathlib.Path(f"/proc/{self.pid}/task/{self.pid}/children")
                if children := path.read_text().split():
                    return int(children[0])
            except OSError:
                pass
            time.sleep(0.01)
        return None


class ContainerServer(swoosh_server.Server):
    """A swooshd in containers of an image, one after the other on the same volume."""

    def __init__(self, image, volume):
        self._image = image
        super().__init__(data_dir=volume, low_ports=True)

    @property
    def pid(self):
        return self._process.program()

    def launch(self):
        addresses = ["--listen", self.grpc_address, "--http", self.http_address]
        self.launched = time.monotonic()
        with open(self.log_path, "ab") as log:
            self._process = _ContainerProcess(
                self._image.command(self.data_dir, *addresses, *self.flags),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
            )

    def ctl(self, *arguments):
        """Runs the image's swooshctl against the server, in a container on the same volume."""
        command = [*arguments, "--server", self.grpc_address]
        return subprocess.run(
            self._image.command(self.data_dir, *command, entrypoint="/usr/bin/swooshctl"),
            capture_output=True,
            timeout=swoosh_ctl.SECONDS_MAX,
        )
