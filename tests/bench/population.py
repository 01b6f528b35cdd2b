"""A server with many instances of about 100 bytes of context, and `swooshctl bench` against it."""

import json
import os
import pathlib
import random
import re
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).absolute().parent.parent))
import swoosh_ctl  # noqa: E402
from swoosh.v1 import orchestrator_pb2  # noqa: E402
from swoosh_api import create, register, request, send, submit  # noqa: E402

CREATED_PER_PROPOSAL = 1_000
# In the encoding of core/canonical.md the context has 100 bytes.
NOTE_BYTES = 60
COUNT = {"assign": {"location": "context.count", "value": "context.count + 1"}}
MACHINE = {
    "name": "parcel",
    "context": {"count": 0},
    "root": {
        "id": "parcel",
        "initial": ["waiting"],
        "states": [
            {"id": here, "on": [{"event": "move", "target": [there], "actions": [COUNT]}]}
            for here, there in (("waiting", "moving"), ("moving", "waiting"))
        ],
    },
}
SYNC_BYTES = 512
START_SECONDS_MAX = 600
SEED = 1
IDLE_SECONDS = 0.5
IDLE_SHARE_MAX = 0.05  # of a processor


def create_parcels(server, count):
    """Creates parcels `0` to `count - 1`."""
    submit(server.orchestrator, register(MACHINE))

    def requests():
        for first in range(0, count, CREATED_PER_PROPOSAL):
            yield request(
                *(
                    create(
                        f"parcel-{number}",
                        "parcel",
                        context={"note": f"{number:0{NOTE_BYTES}}", "weight": number % 97},
                    )
                    for number in range(first, min(count, first + CREATED_PER_PROPOSAL))
                )
            )

    for answer in server.orchestrator.SubmitStream(requests()):
        if answer.HasField("status"):
            sys.exit(f"refused: {answer.status}")


def wait_until_idle(server):
    """Until it has done what is still to do behind the answers."""
    used = cpu_seconds(server)
    while True:
        time.sleep(IDLE_SECONDS)
        before, used = used, cpu_seconds(server)
        if used - before <= IDLE_SHARE_MAX * IDLE_SECONDS:
            return


def moves(count, requests_max):
    """Serialised proposals, each an event to one of `count` parcels, in an order that is always the
    same; to so many of them at most."""
    chosen = random.Random(SEED).sample(range(count), min(count, requests_max))
    return [request(send(f"parcel-{each}", "move")).SerializeToString() for each in chosen]


def bench(server, seconds, *flags):
    """What `swooshctl bench` reports, as a dict. Ends the script when anything was not accepted."""
    command = swoosh_ctl.command(
        server, "bench", "-o", "json", "--duration", f"{seconds}s", *map(str, flags)
    )
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"{command} failed; the server logged:\n{server.log_tail()}")
    report = json.loads(done.stdout)
    if report["refused"] or report["unanswered"]:
        sys.exit(f"not all was accepted: {report}")
    return report


def resident_bytes(server):
    """What the server holds in memory now."""
    status = pathlib.Path(f"/proc/{server.pid}/status").read_text()
    return 1024 * int(re.search(r"VmRSS:\s+(\d+) kB", status)[1])


def cpu_seconds(server):
    """What the server has used of the processors so far."""
    fields = pathlib.Path(f"/proc/{server.pid}/stat").read_text().rpartition(")")[2].split()
    user_ticks, system_ticks = fields[11:13]
    return (int(user_ticks) + int(system_ticks)) / os.sysconf("SC_CLK_TCK")


def state(server):
    """(index, state hash in hexadecimal), as it says itself."""
    answer = server.orchestrator.GetState(orchestrator_pb2.GetStateRequest())
    return answer.index, answer.state_hash.hex()


def start_again(server, expected):
    """Starts it, and ends the script unless it has the (index, state hash) that it should."""
    server.start()
    if (server.index, server.state_hash) != expected:
        sys.exit(f"came back with {server.index} {server.state_hash}, not {expected}")


def stores_in(folder):
    """From now on servers keep their stores there, which is the disk that is measured."""
    os.environ["TEST_TMPDIR"] = str(folder)
