"""A server with many instances of about 100 bytes of context, and `swooshctl bench` against it."""

import json
import os
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).absolute().parent.parent))
import swoosh_ctl  # noqa: E402
from swoosh.v1 import orchestrator_pb2  # noqa: E402
from swoosh_api import create, register, request, submit  # noqa: E402

CREATED_PER_PROPOSAL = 1_000
# In the encoding of core/canonical.md the context has 100 bytes.
NOTE_BYTES = 60
MACHINE = {
    "name": "parcel",
    "context": {"count": 0},
    "root": {
        "id": "parcel",
        "initial": ["waiting"],
        "states": [
            {"id": "waiting", "on": [{"event": "move", "target": ["moving"]}]},
            {"id": "moving", "on": [{"event": "stop", "target": ["waiting"]}]},
        ],
    },
}
SYNC_BYTES = 512
START_SECONDS_MAX = 600


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
