"""A well-behaved client beside one that means harm, and what that cost.

What is measured: the most memory that the server had, the calls of the well-behaved client on a
connection of its own, and whether the server serves afterwards. The attack (hostile_attacks.py) is
another process.
"""

import os
import pathlib
import resource
import subprocess
import sys
import threading
import time

import grpc
import swoosh_server
from swoosh.v1 import orchestrator_pb2, orchestrator_pb2_grpc
from swoosh_api import COUNTER, create, register, send, submit

ATTACKS_SCRIPT = pathlib.Path(__file__).absolute().parent / "hostile_attacks.py"
INSTANCES = 1_000
CONTEXT_BYTES = 4_000
# What all limits on clients come to, with what the process has without them (SECURITY.md).
# Sanitizers take a multiple.
RSS_MIB_MAX = 1_024 * (8 if "ASAN_OPTIONS" in os.environ or "TSAN_OPTIONS" in os.environ else 1)
GOOD_PAUSE_SECONDS = 0.005
CALL_SECONDS_MAX = 30


def start_server():
    """A server with instances to list."""
    # Before the server, which has it too, as has the attack.
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    server = swoosh_server.Server()
    submit(server.orchestrator, register(COUNTER), create("good"))
    filler = {"filler": "f" * CONTEXT_BYTES}
    for first in range(0, INSTANCES, 100):
        ids = range(first, first + 100)
        submit(server.orchestrator, *(create(f"i{each}", context=filler) for each in ids))
    return server


def memory_bytes(server, field):
    """VmRSS: now; VmHWM: the most since it was forgotten."""
    with open(f"/proc/{server.pid}/status") as status:
        for line in status:
            if line.startswith(f"{field}:"):
                return int(line.split()[1]) * 1024
    raise swoosh_server.ServerError("it is gone")


def forget_most_memory(server):
    with open(f"/proc/{server.pid}/clear_refs", "w") as refs:
        refs.write("5")


class GoodClient:
    """Reads and writes all the time, on a connection of its own."""

    def __init__(self, server):
        self.seconds = []
        self.failed = []
        # With gRPC's own options: what the server did not begin is sent again.
        self._channel = grpc.insecure_channel(server.grpc_address)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        stub = orchestrator_pb2_grpc.OrchestratorStub(self._channel)
        calls = (
            lambda: stub.GetState(orchestrator_pb2.GetStateRequest(), timeout=CALL_SECONDS_MAX),
            lambda: submit(stub, send("good")),
        )
        number = 0
        while not self._stop.wait(GOOD_PAUSE_SECONDS):
            number += 1
            begin = time.monotonic()
            try:
                calls[number % len(calls)]()
                self.seconds.append(time.monotonic() - begin)
            except grpc.RpcError as error:
                self.failed.append(f"{error.code().name}: {error.details()}")

    def stop(self):
        self._stop.set()
        self._thread.join()
        self._channel.close()

    def milliseconds(self, share):
        ordered = sorted(self.seconds)
        return round(1000 * ordered[int(share * (len(ordered) - 1))], 1) if ordered else None


def serves(server):
    """Whether somebody who comes now is served."""
    with server.new_channel() as channel:
        stub = orchestrator_pb2_grpc.OrchestratorStub(channel)
        try:
            asked = orchestrator_pb2.GetStateRequest()
            stub.GetState(asked, timeout=CALL_SECONDS_MAX, wait_for_ready=True)
            return True
        except grpc.RpcError:
            return False


def _quiet(server, seconds):
    """The good client of so many seconds without an attack."""
    good = GoodClient(server)
    time.sleep(seconds)
    good.stop()
    return good


def _attack(server, attack, seconds):
    """How much of it was done, by a process that takes what processor time the others leave: an
    attacker has a machine of its own."""
    command = ["nice", "-n", "19", sys.executable, "-B", "-P", ATTACKS_SCRIPT, attack.__name__]
    command.append(server.grpc_address)
    done = subprocess.run(
        swoosh_server.bound_to_us([*command, seconds]),
        env=os.environ | {"PYTHONPATH": os.pathsep.join(map(str, sys.path))},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return int(done.stdout)


def run(server, attack, seconds, quiet_seconds=0):
    """What an attack (None: nobody's) of so many seconds came to; and what the good client sees
    in `quiet_seconds` before it and after it, on the same server."""
    quiet = _quiet(server, quiet_seconds)
    forget_most_memory(server)
    before = memory_bytes(server, "VmRSS")
    good = GoodClient(server)
    try:
        if attack is None:
            time.sleep(seconds)
            done = 0
        else:
            done = _attack(server, attack, seconds)
    finally:
        good.stop()
    most = memory_bytes(server, "VmHWM")
    does_serve = serves(server)
    quiet.seconds += _quiet(server, quiet_seconds).seconds
    return (
        {
            "attack": attack.__name__ if attack else "none",
            "done": done,
            "rss_mib_before": before >> 20,
            "rss_mib_most": most >> 20,
            "rss_mib_after": memory_bytes(server, "VmRSS") >> 20,
            "cut": _connections(server, "cut"),
            "refused": _connections(server, "refused"),
            "good_calls": len(good.seconds),
            "good_failed": len(good.failed),
            "quiet_p50_ms": quiet.milliseconds(0.5),
            "good_p50_ms": good.milliseconds(0.5),
            "quiet_p99_ms": quiet.milliseconds(0.99),
            "good_p99_ms": good.milliseconds(0.99),
            "good_most_ms": good.milliseconds(1),
            "serves": does_serve,
        }
        | ({"good_p99_ratio": _ratio(good, quiet)} if quiet.seconds and good.seconds else {})
        | ({"first_failure": good.failed[0]} if good.failed else {})
    )


def _ratio(good, quiet):
    return round(good.milliseconds(0.99) / quiet.milliseconds(0.99), 2)


def _connections(server, what):
    """How many connections were cut off or refused, by the limit that they met."""
    begin = f'swoosh_connections_{what}_total{{limit="'
    return {
        name[len(begin) :].rstrip('"}'): int(number)
        for name, number in server.metrics().items()
        if name.startswith(begin) and number
    }


def violations(result):
    """What of a result must not be, in words."""
    found = []
    if not result["serves"]:
        found.append("it does not serve")
    if result["good_failed"]:
        found.append(f"{result['good_failed']} calls failed: {result['first_failure']}")
    if result["rss_mib_most"] > RSS_MIB_MAX:
        found.append(f"it had {result['rss_mib_most']} MiB")
    return found
