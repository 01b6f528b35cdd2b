"""Runs swooshctl against a server of swoosh_server.py."""

import os
import subprocess

import swoosh_server

SWOOSHCTL = os.environ.get("SWOOSHCTL") or swoosh_server.built("cli/swooshctl")
SECONDS_MAX = 60


def command(server, *arguments):
    """The command line, with the server's address unless `server` is None."""
    address = [] if server is None else ["--server", server.grpc_address]
    return swoosh_server.bound_to_us([SWOOSHCTL, *arguments, *address])


def run(server, *arguments, stdin=""):
    """Runs it to its end; what it says is in .stdout and .stderr."""
    return subprocess.run(
        command(server, *arguments),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        env={"PATH": os.environ.get("PATH", "/usr/bin:/bin")},
    )
