"""A help desk's log through a client and swooshd: undisturbed, and with either killed.

In the log's order through `swooshctl submit`, or in the log's own time through the example's
feed.py, which moves the server's clock.
"""

import collections
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
FEED_SECONDS_MAX = 1800
POLL_SECONDS = 0.002
# Kills come before this share of the lines is answered: a client that is done can't be killed.
KILLS_UNTIL = 0.95


class RunError(AssertionError):
    """A program of the run failed."""


@dataclasses.dataclass
class Outcome:
    index: int
    state_hash: str
    summary: dict  # as swooshctl prints it
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


def convert_in_event_time(log, folder):
    """As `convert`; returns the file for feed.py."""
    lines = folder / "desk_in_event_time.jsonl"
    _script("convert.py", log, "--event_time", "--output", lines)
    return lines


class _Run:
    """A server with the desk's machine, whose clock stands still, and a client of it."""

    SECONDS_MAX = SUBMIT_SECONDS_MAX

    def __init__(self, requests):
        self.requests = requests
        # Timers' deadlines are in the state hash: by the machine's clock no two runs had the same.
        self.server = swoosh_server.Server("--clock=manual")
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
        out, error = self._client.communicate(timeout=self.SECONDS_MAX)
        if self._client.returncode != 0:
            raise RunError(f"the client: exit code {self._client.returncode}: {error.decode()}")
        seconds = time.monotonic() - self._began
        state = self.server.orchestrator.GetState(orchestrator_pb2.GetStateRequest())
        return Outcome(
            state.index,
            state.state_hash.hex(),
            self.summary(out),
            self._report(),
            round(seconds, 1),
            server_kills,
            client_kills,
        )

    def summary(self, out):
        return json.loads(out)

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


class _FedRun(_Run):
    """The same with feed.py, which moves the clock, reads its file and is not fed itself."""

    SECONDS_MAX = FEED_SECONDS_MAX

    def __init__(self, lines):
        super().__init__(lines)
        self._counted = 0
        self._count = 0

    def start_client(self, file):
        command = ["/usr/bin/python3", "-B", DESK / "feed.py", file, "--answers", self.responses]
        self._client = subprocess.Popen(
            swoosh_server.bound_to_us([*command, "--server", self.server.grpc_address]),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def wait_for_answers(self, count):
        """Waits until so many lines are answered."""
        while self._answered() < count:
            if self._client.poll() is not None:
                raise RunError(f"it ended too early: {self._client.communicate()[1].decode()}")
            time.sleep(POLL_SECONDS)

    def _answered(self):
        if self.responses.exists():
            with open(self.responses, "rb") as answers:
                answers.seek(self._counted)
                # What a kill left half is written anew.
                whole = answers.read().rpartition(b"\n")
            self._counted += len(whole[0]) + len(whole[1])
            self._count += whole[0].count(b"\n") + len(whole[1])
        return self._count

    def summary(self, out):
        counts = collections.Counter()
        refused = collections.Counter()
        for line in self.responses.read_text().splitlines():
            answer = json.loads(line)
            if "advanceClock" in answer:
                counts["clock_moves"] += 1
            elif "status" in answer:
                refused[answer["status"]["code"]] += 1
            else:
                counts["duplicates" if answer.get("duplicate") else "accepted"] += 1
        counts["answered"] = counts["accepted"] + counts["duplicates"] + refused.total()
        keys = ("answered", "accepted", "duplicates", "clock_moves")
        return {key: counts[key] for key in keys} | {"refused": dict(refused)}


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


def run_in_event_time(lines, server_kills=0, client_kills=0, seed=0):
    """Feeds the file; kill -9 hits server and client when random numbers of lines are answered.

    What was killed is started again: the client goes on after the answers that it has.
    """
    dice = random.Random(seed)
    count = pathlib.Path(lines).read_bytes().count(b"\n")
    victims = ["server"] * server_kills + ["client"] * client_kills
    dice.shuffle(victims)
    points = sorted(dice.sample(range(1, int(count * KILLS_UNTIL)), len(victims)))
    run = _FedRun(lines)
    try:
        run.start_client(lines)
        for point, victim in zip(points, victims, strict=True):
            run.wait_for_answers(point)
            time.sleep(dice.uniform(0, KILL_DELAY_SECONDS_MAX))
            if victim == "server":
                run.server.kill()
                run.server.start()
            else:
                run.kill_client()
                run.start_client(lines)
        return run.finish(server_kills, client_kills)
    finally:
        run.close()
