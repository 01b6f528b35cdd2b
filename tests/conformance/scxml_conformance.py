#!/usr/bin/env -S /usr/bin/python3 -B
"""SCION's and the W3C's charts against a real server: npm @scion-scxml/test-framework.

Each chart is imported by `swooshctl machine import`, registered, created, and sent the events of
its script; the configuration, of atomic states, is compared after each. Then it is

    passed     as the script says,
    refused    by the import, for a reason of cli/conversion/scxml_refusal.h, or
    wrong      anything else.

A chart of the W3C passes when it ends in its state `pass`: so its script says. The few charts
without a script are invoked by others, and pass when they end.

What is compared is what the server answers, before what the chart sends without a delay has come
back. That happens when its clock, a manual one, is set before the next event, to the time that it
shows or, by a script's `after`, ahead.
"""

import argparse
import datetime
import json
import os
import pathlib
import re
import sys

FOLDER = pathlib.Path(__file__).absolute().parent
sys.path.insert(0, str(FOLDER.parent))

import grpc  # noqa: E402
import swoosh_ctl  # noqa: E402
import swoosh_server  # noqa: E402
from google.protobuf import json_format  # noqa: E402
from swoosh.v1 import (  # noqa: E402
    admin_pb2,
    instance_pb2,
    machine_pb2,
    orchestrator_pb2,
    transition_pb2,
)
from swoosh_api import CALL_SECONDS_MAX, Refusal, create, delete, send, submit  # noqa: E402

EXPECTATIONS = FOLDER / "scxml_expectations.txt"
CHARTS = "@scion-scxml/test-framework/test"
BEGINNING = datetime.datetime(2030, 1, 1, tzinfo=datetime.timezone.utc)
INSTANCE = "chart"
REFUSED = re.compile(r"\[([A-Z_]+)\]\s*$")
# The server's answers to an event that changes nothing. SCXML discards it.
DISCARDED = ("EVENT_NOT_ENABLED", "GUARD_FALSE", "INSTANCE_NOT_RUNNING")

# In these, a transition from a region of a parallel state to itself leaves the region in SCION 2,
# and the parallel state as well by the standard: Appendix D's findLCCA takes compound states and
# <scxml> only. The scripts know both: what they call legacy is what the standard says.
BY_THE_STANDARD = ("more-parallel/test10", "more-parallel/test10b")

HEADER = """\
# What becomes of each chart of npm @scion-scxml/test-framework 2.0.16, as scxml_conformance_test
# checks it: passed, or refused by `swooshctl machine import` for a reason of
# cli/conversion/scxml_refusal.h. `scxml_conformance.py --write` makes it anew.
"""


class WrongError(Exception):
    """The chart does what its script does not say."""


class RefusedError(Exception):
    """The import refuses the chart; the message is the reason's name."""


def charts_folder(node_modules):
    """Where the charts are, or None."""
    for modules in filter(None, [node_modules, os.environ.get("SWOOSH_NODE_MODULES")]):
        if (pathlib.Path(modules) / CHARTS).is_dir():
            return pathlib.Path(modules) / CHARTS
    return None


def import_chart(path):
    """The machine. A RefusedError with the reason; a WrongError when it says no reason."""
    done = swoosh_ctl.run(None, "machine", "import", str(path), "--from", "scxml")
    if done.returncode == 0:
        return json_format.Parse(done.stdout, machine_pb2.Machine())
    reason = REFUSED.search(done.stderr)
    if reason is None or f"{path}:" not in done.stderr:
        raise WrongError(f"the import says {done.stderr.strip() or done.returncode!r}")
    raise RefusedError(reason[1])


def atomic_states(node):
    """The ids of the states in `node` that have no others in them."""
    if not node.states:
        yield node.id
    for child in node.states:
        yield from atomic_states(child)


class Run:
    """One chart on the server."""

    def __init__(self, server, clock, machine):
        self.stub = server.orchestrator
        self.clock = clock
        self.machine = machine
        self.atomic = set(atomic_states(machine.root))

    def play(self, script):
        """Raises WrongError where it does something else than the script."""
        transition = transition_pb2.Transition()
        transition.register_machine.machine.CopyFrom(self.machine)
        self._submit("registering", transition)
        instance = self._submit("creating", create(INSTANCE, self.machine.name))
        try:
            if script is None:
                if instance.status != instance_pb2.Instance.DONE:
                    raise WrongError("it has not ended")
            else:
                self._compare(instance, script["initialConfiguration"], "at the beginning")
                self._play_events(script["events"])
        finally:
            submit(self.stub, delete(INSTANCE))

    def _play_events(self, events):
        for number, step in enumerate(events):
            self.clock.advance(step.get("after", 0))
            name = step["event"]["name"]
            instance = None
            # Two scripts send an event without a name only to pass the time.
            if name:
                instance = self._submit(f"event {number}", send(INSTANCE, name), DISCARDED)
            if instance is None:
                asked = orchestrator_pb2.GetInstanceRequest(instance_id=INSTANCE)
                instance = self.stub.GetInstance(asked, timeout=CALL_SECONDS_MAX)
            self._compare(instance, step["nextConfiguration"], f"after event {number} ({name})")

    def _submit(self, what, transition, accepted=()):
        """The instance as the transition left it; None when it is refused as in `accepted`."""
        try:
            return submit(self.stub, transition).results[0].instance
        except grpc.RpcError as error:
            refusal = Refusal.of_error(error)
            if refusal.reason not in accepted:
                raise WrongError(f"{what}: {refusal.reason} {refusal.message}") from error
            return None

    def _compare(self, instance, wanted, when):
        found = sorted(self.atomic.intersection(instance.configuration))
        if found != sorted(wanted):
            raise WrongError(f"{when} it is in {found}, not in {sorted(wanted)}")


class Clock:
    """The server's manual clock."""

    def __init__(self, server):
        self.admin = server.admin
        self.now = BEGINNING
        self.advance(0)

    def advance(self, millis):
        """Lets all that is due until then happen."""
        self.now += datetime.timedelta(milliseconds=millis)
        request = admin_pb2.AdvanceClockRequest()
        request.to.FromDatetime(self.now)
        self.admin.AdvanceClock(request, timeout=CALL_SECONDS_MAX)


def read_script(chart, name):
    """What is to be sent and expected, or None."""
    path = chart.with_suffix(".json")
    if not path.exists():
        return None
    script = json.loads(path.read_text(encoding="utf-8"))
    return script["legacySemantics"] if name in BY_THE_STANDARD else script


def run_chart(server, clock, number, name, chart):
    """(outcome, why): "passed", "refused REASON" or "wrong"."""
    try:
        machine = import_chart(chart)
        machine.name = f"chart-{number}"
        Run(server, clock, machine).play(read_script(chart, name))
        return "passed", ""
    except RefusedError as error:
        return f"refused {error}", ""
    except (WrongError, grpc.RpcError) as error:
        return "wrong", str(error)


def run_charts(folder, only=""):
    """{chart: (outcome, why)} of those whose name holds `only`, in the order of their names."""
    server = swoosh_server.Server("--clock=manual")
    try:
        clock = Clock(server)
        charts = {
            str(path.relative_to(folder).with_suffix("")): path for path in folder.glob("*/*.scxml")
        }
        return {
            name: run_chart(server, clock, number, name, charts[name])
            for number, name in enumerate(sorted(charts))
            if only in name
        }
    finally:
        server.close()


def counts(outcomes):
    """{"passed": N, "refused": N, "wrong": N}."""
    words = [outcome.split()[0] for outcome, _ in outcomes.values()]
    return {word: words.count(word) for word in ("passed", "refused", "wrong")}


def read_expectations(path=EXPECTATIONS):
    """{chart: outcome}."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return dict(line.split(" ", 1) for line in lines if line and not line.startswith("#"))


def differences(outcomes, expected):
    """A line for each chart whose outcome is not the expected one, and each that is missing."""
    for name, (outcome, why) in outcomes.items():
        if outcome != expected.get(name):
            yield f"{name}: {outcome}, not {expected.get(name, 'known')}{why and ': ' + why}"
    for name in sorted(expected.keys() - outcomes.keys()):
        yield f"{name}: not among the charts"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--node_modules", help="where npm put the charts")
    parser.add_argument("--only", default="", metavar="TEXT", help="charts whose name holds it")
    parser.add_argument("--write", action="store_true", help="make the table of outcomes anew")
    arguments = parser.parse_args()
    folder = charts_folder(arguments.node_modules)
    if folder is None:
        sys.exit(f"no {CHARTS}: name its folder with --node_modules or SWOOSH_NODE_MODULES")
    outcomes = run_charts(folder, arguments.only)
    if arguments.write:
        lines = [f"{name} {outcome}\n" for name, (outcome, _) in outcomes.items()]
        EXPECTATIONS.write_text(HEADER + "".join(lines), encoding="utf-8")
    for name, (outcome, why) in outcomes.items():
        if outcome == "wrong":
            print(f"{name}: wrong: {why}", file=sys.stderr)
    expected = read_expectations() if EXPECTATIONS.exists() else {}
    expected = {name: outcome for name, outcome in expected.items() if arguments.only in name}
    different = list(differences(outcomes, expected))
    for line in different:
        print(f"not as expected: {line}", file=sys.stderr)
    total = counts(outcomes)
    print(json.dumps(total, separators=(",", ":")), flush=True)
    sys.exit(1 if different or total["wrong"] else 0)


if __name__ == "__main__":
    main()
