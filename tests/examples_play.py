"""An example's machine and worker at a server with the manual clock, played step by step.

The clock stands still but for `advance`, and a step ends when the worker has dealt with all that it
made. So the same steps make the same records, whatever is killed on the way.
"""

import json
import subprocess
import time

import grpc
import swoosh_server
from google.protobuf import json_format
from swoosh.v1 import admin_pb2, instance_pb2, orchestrator_pb2
from swoosh_api import CALL_SECONDS_MAX, all_instances, all_records, create, register, request, send

SETTLE_SECONDS_MAX = 60
POLL_SECONDS = 0.01


class Play:
    """A server, the example's machine, and its worker, who watches it as a process of its own."""

    def __init__(self, example):
        self._folder = swoosh_server.ROOT / "examples" / example
        self.machine = json.loads((self._folder / "machine.json").read_text())
        self.server = swoosh_server.Server("--clock=manual")
        self.clock_seconds = 0
        self._bookmark = self.server.folder / "bookmark"
        self._log_path = self.server.folder / "worker.log"
        self._worker = None
        self._requests = 0
        self._disturbance = None
        self._submit(register(self.machine))
        self.start_worker()

    # ------------------------------------------------------------ what is killed

    def disturb_next_step(self, disturb):
        """`disturb(self)` comes in the middle of the next step: while the worker is at work."""
        self._disturbance = disturb

    def start_worker(self):
        command = ["/usr/bin/python3", "-B", self._folder / "worker.py"]
        command += ["--server", self.server.grpc_address, "--bookmark", self._bookmark]
        with open(self._log_path, "ab") as log:
            self._worker = subprocess.Popen(
                swoosh_server.bound_to_us(command), stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )

    def kill_worker(self):
        self._worker.kill()
        self._worker.wait()

    def kill_server(self):
        """kill -9 in the middle of things, and a start on the same store."""
        self.server.kill()
        self.server.start()

    def restart_worker(self):
        self.kill_worker()
        self.start_worker()

    def close(self):
        self.kill_worker()
        self.server.close()

    # ------------------------------------------------------------ steps

    def create(self, instance, **context):
        self._submit(create(instance, self.machine["name"], context=context))
        self._settle()

    def send(self, instance, event, **data):
        self._submit(send(instance, event, data))
        self._settle()

    def advance(self, seconds):
        """Moves the clock on; whatever is due happens at its own time."""
        self.clock_seconds += seconds
        to = admin_pb2.AdvanceClockRequest()
        to.to.FromSeconds(self.clock_seconds)
        self.server.admin.AdvanceClock(to, timeout=CALL_SECONDS_MAX)
        self._settle()

    def _settle(self):
        """Waits until the worker has dealt with every record that changed an instance."""
        disturb, self._disturbance = self._disturbance, None
        if disturb is not None:
            disturb(self)
        deadline = time.monotonic() + SETTLE_SECONDS_MAX
        while time.monotonic() < deadline:
            if self._worker.poll() is not None:
                raise AssertionError(f"the worker ended:\n{self._log_path.read_text()}")
            # In this order: what the worker sent before it moved its bookmark is then seen.
            handled = self._handled()
            if handled >= max((each.version for each in self._instances()), default=0):
                return
            time.sleep(POLL_SECONDS)
        raise AssertionError(f"the worker does not get there:\n{self._log_path.read_text()}")

    def _submit(self, transition):
        # The n-th request has the n-th id: one whose answer was lost in a kill is no second one.
        self._requests += 1
        message = request(transition, request_id=f"play/{self._requests}")
        while True:
            try:
                return self.server.orchestrator.Submit(
                    message, timeout=CALL_SECONDS_MAX, wait_for_ready=True
                )
            except grpc.RpcError as error:
                if error.code() != grpc.StatusCode.UNAVAILABLE:
                    raise

    def _instances(self):
        return list(all_instances(self.server.orchestrator))

    def _handled(self):
        return json.loads(self._bookmark.read_text())["index"] if self._bookmark.exists() else 0

    # ------------------------------------------------------------ what came of it

    def instance(self, instance_id):
        asked = orchestrator_pb2.GetInstanceRequest(
            instance_id=instance_id, view=orchestrator_pb2.VIEW_FULL
        )
        return self.server.orchestrator.GetInstance(asked, timeout=CALL_SECONDS_MAX)

    def states(self, instance_id):
        """The active states, innermost last, without the root."""
        return list(self.instance(instance_id).configuration)[1:]

    def context(self, instance_id):
        return json_format.MessageToDict(self.instance(instance_id).context)

    def output(self, instance_id):
        return json_format.MessageToDict(self.instance(instance_id).output)

    def is_done(self, instance_id):
        return self.instance(instance_id).status == instance_pb2.Instance.DONE

    def emitted(self, instance_id):
        """(name, seconds of the clock) of all that the instance told, in order."""
        return [
            (emitted.name, record.hlc.time.ToSeconds())
            for record in all_records(self.server.orchestrator)
            for change in record.changes
            if change.instance_id == instance_id
            for emitted in change.emitted
        ]

    def state(self):
        """(index, state hash in hexadecimal)."""
        state = self.server.orchestrator.GetState(
            orchestrator_pb2.GetStateRequest(), timeout=CALL_SECONDS_MAX
        )
        return state.index, state.state_hash.hex()


def diagram_of(readme):
    """The Mermaid diagram in a README."""
    _, _, rest = readme.read_text().partition("```mermaid\n")
    return rest.partition("```")[0]
