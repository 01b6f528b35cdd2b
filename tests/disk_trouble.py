"""Trouble with the disk under clients whose histories are checked: writes that fail, damaged files.

As crash_workload.run: counts, of which `violations` must be 0.
"""

import contextlib
import random
import resource
import time

import crash_workload
import grpc
from swoosh.v1 import admin_pb2

# The commit mark is written within its 8 KiB, which must stay allowed.
FILE_BYTES_MIN = 12_288
SPARE_BYTES_MAX = 400  # so that a write stops somewhere within a group of records
GROWING_SECONDS_MAX = 3
FAILING_SECONDS = 0.1
AFTERWARDS_SECONDS = 0.15
POLL_SECONDS = 0.005
SNAPSHOT_HEADER_BYTES = 256
SNAPSHOT_SECONDS_MAX = 10


def run_failing_writes(times, seed):
    """The log may not grow for a while, so that a write stops half-way and others fail; then it may
    again, and after a while the server is killed."""
    dice = random.Random(f"{seed}/failing writes")
    with crash_workload.checked_server(seed) as checked:

        def blow():
            _fail_writes(checked.server, dice)
            checked.kill()

        crash_workload.strike(checked, times, seed, 0, blow)
        return checked.finish()


def _fail_writes(server, dice):
    end = time.monotonic() + GROWING_SECONDS_MAX
    while time.monotonic() < end:
        logs = [each.stat().st_size for each in (server.data_dir / "wal").glob("*.log")]
        if logs and max(logs) > FILE_BYTES_MIN:
            limit = max(logs) + dice.randrange(SPARE_BYTES_MAX)
            _limit_files(server, limit)
            time.sleep(FAILING_SECONDS)
            _limit_files(server, resource.RLIM_INFINITY)
            time.sleep(AFTERWARDS_SECONDS)
            return
        time.sleep(POLL_SECONDS)


def _limit_files(server, size_bytes):
    try:
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (size_bytes, resource.RLIM_INFINITY))
    except ProcessLookupError:
        pass  # a server whose write failed ends by itself


def run_damaged_snapshots(times, seed):
    """After a kill a byte of the newest of two or more snapshots changes; the server starts from the
    one before it, and says so. Counts also `damaged`, how often, and `unsaid`, how often it did
    not say so."""
    dice = random.Random(f"{seed}/damaged snapshots")
    said = []
    with crash_workload.checked_server(seed) as checked:

        def blow():
            if not checked.await_serving() or not _take_snapshots(checked.server):
                return
            checked.kill()
            (before, _), (_, newest) = checked.server.snapshots()[-2:]
            _change_a_byte(newest, dice)
            told_before = checked.server.log_path.stat().st_size
            checked.launch()
            if checked.await_serving():
                with open(checked.server.log_path) as log:
                    log.seek(told_before)
                    said.append(_tells_of(log.read(), newest, before))
            checked.kill()

        crash_workload.strike(checked, times, seed, 0, blow)
        return checked.finish() | {"damaged": len(said), "unsaid": said.count(False)}


def _take_snapshots(server):
    """False where there are not two snapshots: the server has ended."""
    end = time.monotonic() + SNAPSHOT_SECONDS_MAX
    while time.monotonic() < end:
        with contextlib.suppress(grpc.RpcError):
            server.admin.TakeSnapshot(
                admin_pb2.TakeSnapshotRequest(), timeout=SNAPSHOT_SECONDS_MAX
            )
        if len(server.snapshots()) > 1:
            return True
        time.sleep(POLL_SECONDS)
    return False


def _tells_of(log, damaged, before):
    """Whether a start says that it left out one snapshot, and which it began with."""
    recovered = [line for line in log.splitlines() if " recovered " in line]
    return (
        len(recovered) == 1
        and "damaged: " in recovered[0]
        and damaged.name in recovered[0]
        and f"snapshot index={before} " in recovered[0]
    )


def _change_a_byte(path, dice):
    content = bytearray(path.read_bytes())
    place = dice.randrange(min(SNAPSHOT_HEADER_BYTES, len(content) // 2), len(content))
    content[place] ^= 1 << dice.randrange(8)
    path.write_bytes(content)
    return place
