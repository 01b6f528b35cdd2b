#!/usr/bin/python3
"""What a million instances cost: memory, a snapshot of them, and loading them again.

Prints JSON lines: bytes an instance, time to snapshot, what a submitter notices of it beside what
the disk alone takes for a sync in the same run, and time to load. Fails only where the state that
is loaded is not the one that was there.
"""

import argparse
import json
import os
import pathlib
import re
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).absolute().parent.parent))
import swoosh_server  # noqa: E402
from swoosh.v1 import admin_pb2, orchestrator_pb2  # noqa: E402
from swoosh_api import create, register, request, send, submit  # noqa: E402

INSTANCES = 1_000_000
INSTANCES_QUICK = 20_000
CREATED_PER_PROPOSAL = 1_000
BASELINE_SECONDS = 10
BASELINE_SECONDS_QUICK = 2
SYNC_COUNT = 500
SYNC_BYTES = 512
SNAPSHOT_SECONDS_MAX = 600
LOAD_SECONDS_MAX = 600
MACHINE = json.loads((swoosh_server.ROOT / "examples/machines/order.json").read_text())


def report(figure, **values):
    print(json.dumps({"figure": figure} | values), flush=True)


def quantiles_ms(seconds):
    """How long the calls took, in milliseconds."""
    ordered = sorted(seconds)
    at = {"p50": 0.5, "p99": 0.99, "max": 1}
    return {
        f"{name}_ms": round(1e3 * ordered[min(len(ordered) - 1, int(part * len(ordered)))], 3)
        for name, part in at.items()
    } | {"count": len(ordered)}


def resident_bytes(server):
    status = pathlib.Path(f"/proc/{server.pid}/status").read_text()
    return 1024 * int(re.search(r"VmRSS:\s+(\d+) kB", status)[1])


def raw_syncs(folder):
    """How long a write and fdatasync of the disk alone take, in seconds each."""
    taken = []
    with open(folder / "raw", "ab", buffering=0) as file:
        for _ in range(SYNC_COUNT):
            began = time.monotonic()
            file.write(b"x" * SYNC_BYTES)
            os.fdatasync(file.fileno())
            taken.append(time.monotonic() - began)
    return taken


def create_all(stub, count):
    """Creates orders `0` to `count - 1`, with a filled context."""

    def requests():
        for first in range(0, count, CREATED_PER_PROPOSAL):
            yield request(
                *[
                    create(
                        f"order-{number}",
                        "order",
                        context={"sku": f"sku-{number % 977}", "total": number % 10_007},
                    )
                    for number in range(first, min(count, first + CREATED_PER_PROPOSAL))
                ]
            )

    began = time.monotonic()
    for answer in stub.SubmitStream(requests()):
        if answer.HasField("status"):
            sys.exit(f"refused: {answer.status}")
    return time.monotonic() - began


class Submitter(threading.Thread):
    """Reserves stock for one order after another; keeps when each call began and ended."""

    def __init__(self, stub):
        super().__init__(daemon=True)
        self.calls = []  # (begin, end)
        self._stub = stub
        self._stopping = False

    def run(self):
        number = 0
        while not self._stopping:
            asked = request(send(f"order-{number}", "stock.reserved", {"id": "r"}))
            began = time.monotonic()
            self._stub.Submit(asked)
            self.calls.append((began, time.monotonic()))
            number += 1

    def stop(self):
        self._stopping = True
        self.join()

    def within(self, begin, end):
        """How long the calls took that overlap this time."""
        return [stop - start for start, stop in self.calls if stop > begin and start < end]


def measure_snapshot(server, baseline_seconds):
    """A snapshot while a submitter submits, after a time without one to compare with."""
    # Whatever snapshot the load has made due is done before the baseline.
    server.admin.TakeSnapshot(admin_pb2.TakeSnapshotRequest(), timeout=SNAPSHOT_SECONDS_MAX)
    submitter = Submitter(server.orchestrator)
    submitter.start()
    began = time.monotonic()
    time.sleep(baseline_seconds)
    snapshot_began = time.monotonic()
    sum_name = "swoosh_snapshot_duration_seconds_sum"
    sum_before = server.metrics()[sum_name]
    server.admin.TakeSnapshot(admin_pb2.TakeSnapshotRequest(), timeout=SNAPSHOT_SECONDS_MAX)
    ended = time.monotonic()
    submitter.stop()
    metrics = server.metrics()
    report(
        "snapshot",
        seconds=round(metrics[sum_name] - sum_before, 3),
        bytes=int(metrics["swoosh_snapshot_size_bytes"]),
    )
    report("submit_without_snapshot", **quantiles_ms(submitter.within(began, snapshot_began)))
    report("submit_during_snapshot", **quantiles_ms(submitter.within(snapshot_began, ended)))


def measure_load(server, count, empty_bytes):
    state = server.orchestrator.GetState(orchestrator_pb2.GetStateRequest())
    if server.terminate() != 0:
        sys.exit(f"swooshd did not shut down cleanly:\n{server.log_tail()}")
    server.start()
    if (server.index, server.state_hash) != (state.index, state.state_hash.hex()):
        sys.exit(f"loaded {server.index} {server.state_hash}, not {state}")
    report(
        "load",
        seconds=round(server.start_seconds, 3),
        recovery=server.admin.GetStatus(admin_pb2.GetStatusRequest()).recovery,
    )
    report(
        "memory_after_load",
        bytes_per_instance=round((resident_bytes(server) - empty_bytes) / count),
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--instances", type=int, metavar="N", help="default: a million")
    parser.add_argument("--quick", action="store_true", help="a first impression in seconds")
    arguments = parser.parse_args()
    count = arguments.instances or (INSTANCES_QUICK if arguments.quick else INSTANCES)

    server = swoosh_server.Server(start_seconds_max=LOAD_SECONDS_MAX)
    empty_bytes = resident_bytes(server)
    submit(server.orchestrator, register(MACHINE))
    create_seconds = create_all(server.orchestrator, count)
    report("create", instances=count, seconds=round(create_seconds, 3))
    report(
        "memory",
        empty_bytes=empty_bytes,
        bytes_per_instance=round((resident_bytes(server) - empty_bytes) / count),
    )
    report("fdatasync", bytes=SYNC_BYTES, **quantiles_ms(raw_syncs(server.folder)))
    measure_snapshot(server, BASELINE_SECONDS_QUICK if arguments.quick else BASELINE_SECONDS)
    measure_load(server, count, empty_bytes)


if __name__ == "__main__":
    main()
