"""A help desk's log through swooshctl and swooshd: undisturbed, and with either killed."""

import dataclasses
import json
import pathlib
import random
import subprocess
import time

import swoosh_ctl
import swoosh_server
from swoosh.v1 import orchestrator_pb2

DESK = swoosh_server.ROOT / "examples/incident_desk"
# A moment in which what was just written is under way, or not yet, or already done.
KILL_DELAY_SECONDS_MAX = 0.01
SUBMIT_SECONDS_MAX = 600


class RunError(AssertionError):
    """A program of the run failed."""


@dataclasses.dataclass
class Outcome:
    index: int
    state_hash: str
    summary: dict  # as swooshctl printed it
    report: str  # as report.py printed it
    seconds: float
    server_kills: int = 0
    client_kills: int = 0


def _script(name, *arguments):
    done = subprocess.run(
        ["/usr/bin/python3", "-B", DESK / name, *arguments], capture_output=True, text=True
    )
    if done.returncode != 0:
        raise RunError(f"{name}: {done.stderr}")
    return done.stdout


def convert(log, folder):
    """Converts an XES log; returns the file of requests."""
    requests = folder / "desk.jsonl"
    _script("convert.py", log, "--output", requests)
    return requests


class _Run:
    """A server with the desk's machine, and a client that is submitting to it."""

    def __init__(self, requests):
        self.requests = requests
        self.server = swoosh_server.Server()
        self.responses = self.server.folder / "answers.jsonl"
        self._checkpoint = self.server.folder / "checkpoint"
        self._client = None
        self._began = time.monotonic()
        put = swoosh_ctl.run(self.server, "machine", "put", DESK / "machine.json")
        if put.returncode != 0:
            raise RunError(f"machine put: {put.stderr}")

    def start_client(self, file):
        self._client = subprocess.Popen(
            swoosh_ctl.command(
                self.server,
                *("submit", "--file", file, "--checkpoint", self._checkpoint),
                *("--responses", self.responses, "-o", "json"),
            ),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def feed(self, lines):
        try:
            self._client.stdin.write(b"".join(lines))
            self._client.stdin.flush()
        except BrokenPipeError:
            pass  # It gave up; finish() says why.

    def kill_client(self):
        self._client.kill()
        self._client.communicate()

    def finish(self, server_kills=0, client_kills=0):
        out, error = self._client.communicate(timeout=SUBMIT_SECONDS_MAX)
        if self._client.returncode != 0:
            raise RunError(f"submit: exit code {self._client.returncode}: {error.decode()}")
        seconds = time.monotonic() - self._began
        state = self.server.orchestrator.GetState(orchestrator_pb2.GetStateRequest())
        return Outcome(
            state.index,
            state.state_hash.hex(),
            json.loads(out),
            self._report(),
            round(seconds, 1),
            server_kills,
            client_kills,
        )

    def _report(self):
        records = self.server.folder / "records.jsonl"
        with open(records, "wb") as out:
            subprocess.run(
                swoosh_ctl.command(self.server, "records", "-o", "json"), stdout=out, check=True
            )
        return _script(
            "report.py",
            *("--requests", self.requests, "--responses", self.responses, "--records", records),
        )

    def close(self):
        if self._client is not None and self._client.poll() is None:
            self.kill_client()
        self.server.close()


def run_whole(requests):
    """Submits the file, undisturbed."""
    run = _Run(requests)
    try:
        run.start_client(requests)
        return run.finish()
    finally:
        run.close()


def run_with_kills(requests, server_kills, client_kills, seed):
    """Submits the lines of the file, and kill -9 hits server and client at random ones.

    The server is started again and the client rides through it; a client that was killed is started
    again with its checkpoint, and gets the lines from the first on.
    """
    dice = random.Random(seed)
    lines = pathlib.Path(requests).read_bytes().splitlines(keepends=True)
    victims = ["server"] * server_kills + ["client"] * client_kills
    dice.shuffle(victims)
    points = sorted(dice.sample(range(1, len(lines)), len(victims)))
    run = _Run(requests)
    try:
        run.start_client("-")
        fed = 0
        for point, victim in zip(points, victims, strict=True):
            run.feed(lines[fed:point])
            fed = point
            time.sleep(dice.uniform(0, KILL_DELAY_SECONDS_MAX))
            if victim == "server":
                run.server.kill()
                run.server.start()
            else:
                run.kill_client()
                run.start_client("-")
                fed = 0
        run.feed(lines[fed:])
        return run.finish(server_kills, client_kills)
    finally:
        run.close()
