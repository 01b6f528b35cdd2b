"""Load on a gRPC server by the program wire_load, and servers that are killed after each run."""

import abc
import atexit
import json
import pathlib
import random
import shutil
import string
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).absolute().parent.parent))
import swoosh_server  # noqa: E402

INSTANCES = 1_000
REQUESTS = 1_000  # that are sent in turn
PAYLOAD_BYTES = 100
SEED = 1
WARM_UP_SECONDS = 1.0
WARM_UP_SECONDS_QUICK = 0.5
RUN_SECONDS = 5.0
RUN_SECONDS_QUICK = 1.5
# As in etcd's own published figures: 1,000 clients over 100 connections.
CLIENTS_PER_CONNECTION = 10
LOAD_SECONDS_MAX = 120
LENGTH_BYTES = 4


class Broken(Exception):
    """A server lost what it had acknowledged, or a run failed: there is no figure."""


def scratch_folder(output):
    """A folder for data, on the disk of the output folder; it goes at exit."""
    output.mkdir(parents=True, exist_ok=True)
    path = pathlib.Path(tempfile.mkdtemp(dir=output, prefix="data-"))
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


def program(name):
    """A program of this folder, as Bazel built it."""
    return swoosh_server.built(f"tests/bench/{name}")


def payloads(count):
    """Texts of PAYLOAD_BYTES bytes; always the same ones."""
    letters = string.ascii_letters + string.digits
    chance = random.Random(SEED)
    return ["".join(chance.choices(letters, k=PAYLOAD_BYTES)) for _ in range(count)]


def instance_ids():
    """INSTANCES ids of one length, in an order that is always the same."""
    ids = [f"instance-{number:06d}" for number in range(INSTANCES)]
    random.Random(SEED).shuffle(ids)
    return ids


def write_requests(path, messages):
    """Writes serialised messages as wire_load reads them."""
    with open(path, "wb") as file:
        for message in messages:
            file.write(len(message).to_bytes(LENGTH_BYTES, "little") + message)
    return path


def connections(in_flight):
    return -(-in_flight // CLIENTS_PER_CONNECTION)


def seconds(quick):
    """(warm-up, measured) of one run."""
    if quick:
        return WARM_UP_SECONDS_QUICK, RUN_SECONDS_QUICK
    return WARM_UP_SECONDS, RUN_SECONDS


def run_load(command):
    """What a load program printed; Broken when it failed or was refused something."""
    done = subprocess.run(
        swoosh_server.bound_to_us(command),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        timeout=LOAD_SECONDS_MAX,
    )
    if done.returncode != 0:
        raise Broken(f"{command[0]}: {done.stderr.strip()}")
    figures = json.loads(done.stdout)
    if figures["errors"]:
        raise Broken(f"{figures['errors']} errors, the first: {figures['first_error']}")
    if not figures["count"]:
        raise Broken(f"{command}: nothing was answered in time")
    return figures


def run_wire_load(target, method, requests, in_flight, quick, stream=False, **flags):
    """One run of wire_load: rate, count, answered, number_max, p50_us and so on."""
    warm_up, measured = seconds(quick)
    flags = {
        "target": target,
        "method": method,
        "requests": requests,
        "in_flight": in_flight,
        "connections": 1 if stream else connections(in_flight),
        "stream": "true" if stream else "false",
        "warm_up": f"{warm_up}s",
        "duration": f"{measured}s",
    } | flags
    return run_load([program("wire_load"), *(f"--{key}={each}" for key, each in flags.items())])




class DurableServer(abc.ABC):
    """A server whose store outlives it. It is started for each run, and killed when that ends.

    What it acknowledged is looked for at the next start, and after the last run by end(); so no
    figure of it may be told before end().
    """

    @abc.abstractmethod
    def start(self):
        """Starts it over its store, made if need be, and waits until it serves."""

    @abc.abstractmethod
    def kill(self):
        """kill -9; nothing when it does not run."""

    @abc.abstractmethod
    def check(self):
        """Raises Broken when anything that was acknowledged is not there."""

    def run(self, load):
        """The figures of `load`, a function, against the server."""
        self.start()
        self.check()
        figures = load()
        self.kill()
        return figures

    def end(self):
        self.start()
        self.check()
        self.kill()
