"""Echo servers that are measured: what gRPC alone, or gRPC and the disk, do with such messages."""

import re
import subprocess

import our_server
import swoosh_server
import wire_load

# By gRPC's server APIs; swooshd is built on the first.
CALLBACK = "callback"
QUEUE = "queue"
# By the first, but a request is answered when a thread has appended as many bytes as our record has
# to a file, and synced it once for all that wait: the least that a durable server does.
SYNCED = "synced"


class EchoServer:
    """An echo server that runs as long as it is measured.

    `ours`, an OurServer, has the requests and sizes. What is synced is a file in `folder`.
    """

    def __init__(self, ours, folder):
        self._ours = ours
        self._sync_file = folder / "synced_echo"

    def measure(self, kind, in_flight, quick, stream=False, **flags):
        """Figures of a run; `flags`: of wire_load."""
        command = [wire_load.program("echo_server"), f"--reply_bytes={self._ours.reply_bytes}"]
        if kind == SYNCED:
            command += [f"--sync_file={self._sync_file}", f"--sync_bytes={self._ours.record_bytes}"]
        else:
            command += [f"--api={kind}"]
        bound = swoosh_server.bound_to_us(command)
        process = subprocess.Popen(bound, stdout=subprocess.PIPE, text=True)
        try:
            serving = re.fullmatch(r"serving grpc=(\S+)\n", process.stdout.readline())
            if serving is None:
                raise wire_load.Broken("the echo server did not start")
            method = our_server.SUBMIT_STREAM if stream else our_server.SUBMIT
            return wire_load.run_wire_load(
                serving[1], method, self._ours.requests, in_flight, quick, stream, **flags
            )
        finally:
            process.kill()
            process.wait()
            process.stdout.close()
