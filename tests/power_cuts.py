"""Power cuts, real ones: an ext4 of its own is shut down under the server, as a power failure does.

What the server had not synced is gone, as are directory entries, and the file system's journal is
replayed when it is mounted again. Needs root, for the mount, which nobody else sees.
"""

import contextlib
import ctypes
import fcntl
import os
import pathlib
import random
import struct
import subprocess
import time

import checked_run
import crash_workload
import swoosh_server

IMAGE_BYTES = 1 << 30  # sparse
CLONE_NEWNS = 0x00020000
MS_PRIVATE_OF_ALL = 0x4000 | 0x40000  # MS_REC | MS_PRIVATE
FS_IOC_SHUTDOWN = 0x8004587D
SHUTDOWN_NO_LOG_FLUSH = 2  # not even the journal gets to the disk
COMMAND_SECONDS_MAX = 60
UNMOUNT_SECONDS_MAX = 10
POLL_SECONDS = 0.005
# How long, at most, the server lives on without its disk, sometimes.
AFTER_SECONDS_MAX = 0.02
CHECKED_EVERY_CUTS = 100


class NotPermittedError(Exception):
    """Here file systems can't be mounted; says why."""


def enter_mount_namespace():
    """What this process and its children mount from now on, nobody else sees."""
    libc = ctypes.CDLL(None, use_errno=True)
    if os.geteuid() != 0:
        raise NotPermittedError("mounting needs root")
    if libc.unshare(CLONE_NEWNS) != 0 or libc.mount(
        b"none", b"/", None, ctypes.c_ulong(MS_PRIVATE_OF_ALL), None
    ):
        raise NotPermittedError(f"no mount namespace: {os.strerror(ctypes.get_errno())}")


class Disk:
    """An ext4 in an image file, mounted at `path`."""

    def __init__(self, folder):
        self.path = folder / "disk"
        self.path.mkdir()
        self._image = folder / "disk.ext4"
        with open(self._image, "wb") as file:
            file.truncate(IMAGE_BYTES)
        try:
            _run("mkfs.ext4", "-q", "-F", self._image)
            self.mount()
        except (OSError, subprocess.CalledProcessError) as error:
            raise NotPermittedError(f"no ext4 on a loop device: {error}") from None

    def mount(self):
        _run("mount", "-t", "ext4", "-o", "loop", self._image, self.path)

    def cut_power(self):
        folder = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.ioctl(folder, FS_IOC_SHUTDOWN, struct.pack("I", SHUTDOWN_NO_LOG_FLUSH))
        finally:
            os.close(folder)

    def unmount(self):
        """The last file may be closed a moment after its process is gone."""
        end = time.monotonic() + UNMOUNT_SECONDS_MAX
        while True:
            try:
                _run("umount", self.path)
                return
            except subprocess.CalledProcessError:
                if time.monotonic() > end:
                    raise
            time.sleep(POLL_SECONDS)

    def check(self):
        """The file system itself must be whole; it is not mounted."""
        _run("e2fsck", "-f", "-n", self._image)


def _run(*command):
    # Where the programs are that a user's path leaves out.
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))
    return subprocess.run(
        list(map(str, command)),
        check=True,
        capture_output=True,
        timeout=COMMAND_SECONDS_MAX,
        env=os.environ | {"PATH": path},
    )


def run(cuts, seed, operations=0, clients=checked_run.CLIENTS):
    """Cuts the power `cuts` times under load. Counts as of crash_workload.run.

    Raises NotPermittedError. Changes this process's mount namespace.
    """
    enter_mount_namespace()
    disk = Disk(swoosh_server.temporary_folder())
    with contextlib.ExitStack() as stack:
        stack.callback(disk.unmount)
        guard = stack.enter_context(crash_workload.external_guard())
        data_dir = pathlib.Path(disk.path) / "data"
        server = swoosh_server.Server(
            *crash_workload.FLAGS, guard.flag(), data_dir=data_dir, low_ports=True
        )
        stack.callback(server.close)
        checked = checked_run.CheckedRun(server, seed, clients, guard=guard)
        dice = random.Random(f"{seed}/after")

        def cut():
            disk.cut_power()
            if dice.random() < 0.5:
                time.sleep(dice.uniform(0, AFTER_SECONDS_MAX))

        def blow():
            checked.kill(before=cut)
            disk.unmount()
            disk.mount()
            if checked.kills.total() % CHECKED_EVERY_CUTS == 1:
                disk.unmount()
                disk.check()
                disk.mount()

        crash_workload.strike(checked, cuts, seed, operations, blow)
        return checked.finish()
