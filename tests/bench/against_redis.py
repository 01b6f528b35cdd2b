#!/usr/bin/python3
"""Our stream beside Redis with appendfsync always: as many commands in flight, of as many bytes.

Ours: one SubmitStream, an event a message, 1,000 in flight, over 1,000 instances. Redis: one
connection, SET commands pipelined without waiting, 1,000 in flight, over 1,000 keys; a command has
as many bytes as our request. Redis does not rewrite its file meanwhile, and takes no snapshots.
An echo server that syncs as many bytes as our record has before it answers takes the same turns:
about as much as any durable server over this gRPC can.
"""

import itertools
import shutil
import socket
import subprocess
import sys
import time

import comparison
import echo_server
import our_server
import swoosh_server
import wire_load

IN_FLIGHT = 1_000
GOAL = comparison.at_least(1)
START_SECONDS_MAX = 60
NUMBER_DIGITS = 20  # with which redis_load begins each value


class RedisServer(wire_load.DurableServer):
    """A redis-server over an append-only file in `folder`."""

    def __init__(self, folder, request_bytes):
        self._folder = folder
        self._folder.mkdir()
        self._request_bytes = request_bytes
        self._port = int(swoosh_server.low_address().partition(":")[2])
        self._process = None
        self._acknowledged = 0  # messages, numbered from 0

    def start(self):
        settings = {
            "port": self._port,
            "bind": "127.0.0.1",
            "dir": self._folder,
            "appendonly": "yes",
            "appendfsync": "always",
            "auto-aof-rewrite-percentage": 0,
            "save": "",
            "daemonize": "no",
            "logfile": self._folder / "log",
        }
        flags = [each for key, value in settings.items() for each in (f"--{key}", value)]
        self._process = subprocess.Popen(
            swoosh_server.bound_to_us(["redis-server", *flags]), stdout=subprocess.DEVNULL
        )
        deadline = time.monotonic() + START_SECONDS_MAX
        while self._ask("PING") != b"+PONG\r\n":
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise wire_load.Broken("redis-server did not start")
            time.sleep(0.02)

    def kill(self):
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _ask(self, command):
        """The answer to one command; nothing when there is no connection."""
        try:
            with socket.create_connection(("127.0.0.1", self._port)) as connection:
                connection.sendall(f"{command}\r\nQUIT\r\n".encode())
                connection.shutdown(socket.SHUT_WR)
                with connection.makefile("rb") as answer:
                    return answer.read().removesuffix(b"+OK\r\n")
        except OSError:
            return b""

    def check(self):
        keys = range(min(wire_load.INSTANCES, self._acknowledged))
        answer = self._ask("\r\n".join(f"GET instance-{key:06d}" for key in keys) or "PING")
        # Each value stands behind a line with its length.
        values = [each for each in answer.split(b"\r\n") if each.isascii() and each[:1].isdigit()]
        for key, value in itertools.zip_longest(keys, values, fillvalue=b""):
            # The last message that set this key.
            wanted = self._acknowledged - 1 - (self._acknowledged - 1 - key) % wire_load.INSTANCES
            if not value or int(value[:NUMBER_DIGITS]) < wanted:
                raise wire_load.Broken(f"redis lost key {key}: {value[:40]!r}, not {wanted}")

    def measure(self, in_flight, quick):
        return self.run(lambda: self._load(in_flight, quick))

    def _load(self, in_flight, quick):
        warm_up, measured = wire_load.seconds(quick)
        figures = wire_load.run_load(
            [
                wire_load.program("redis_load"),
                f"--port={self._port}",
                f"--in_flight={in_flight}",
                f"--keys={wire_load.INSTANCES}",
                f"--request_bytes={self._request_bytes}",
                f"--first={self._acknowledged}",
                f"--warm_up={warm_up}s",
                f"--duration={measured}s",
            ]
        )
        self._acknowledged += figures["answered"]
        return figures


def main():
    compared = comparison.Comparison("against_redis", comparison.arguments(__doc__))
    if shutil.which("redis-server") is None:
        compared.skip("against_redis", "there is no redis-server")
        return compared.end()
    folder = wire_load.scratch_folder(compared.output)
    ours = our_server.OurServer(folder)
    echo = echo_server.EchoServer(ours, folder)
    redis = RedisServer(folder / "redis", ours.request_bytes)
    sides = {
        "ours": lambda: ours.measure(IN_FLIGHT, compared.quick, stream=True),
        "synced echo": lambda: echo.measure(
            echo_server.SYNCED, IN_FLIGHT, compared.quick, stream=True
        ),
        "redis": lambda: redis.measure(IN_FLIGHT, compared.quick),
    }
    rounds = compared.rounds(sides, ours.record_bytes)
    ours.end()
    redis.end()
    rates = {side: rounds.of(side, "rate") for side in sides}
    peer = "redis, appendfsync always"
    for name, side, goal in (("stream", "ours", GOAL), ("synced_echo_stream", "synced echo", None)):
        name = f"{name}_{IN_FLIGHT}_vs_redis_pipelined_set"
        compared.add(name, rounds, rates[side], rates["redis"], goal, "events/s, SETs/s", peer)
    title = f"{IN_FLIGHT:,} in flight: each round"
    compared.plot_rounds("rounds", title, "a second", rates)
    compared.end()


if __name__ == "__main__":
    try:
        main()
    except wire_load.Broken as error:
        sys.exit(f"no figure: {error}")
