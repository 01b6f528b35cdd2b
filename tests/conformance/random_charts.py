"""Random charts through our reducer, Appendix D of the standard in Python, and npm scion-core.

Ours has to do what appendix_d.py does, after every event: the same configuration, the same edges
taken, the same actions in the same order. Where scion-core does otherwise, that is explained when
scion_deviations.py, Appendix D with what scion-core is known to do otherwise, does just the same as
scion-core; and it has to for each chart, differing or not. npm xstate is a second opinion on those
that differ.

Charts that go round for ever in a macrostep are left out: the standard gives them no configuration.
"""

import collections
import contextlib
import dataclasses
import itertools
import json
import os
import pathlib
import subprocess
import tempfile

import appendix_d
import chart_generator
import scion_deviations

HERE = pathlib.Path(__file__).absolute().parent
RUN_SECONDS_MAX = 600
SHOWN_MAX = 10


@dataclasses.dataclass
class Outcome:
    charts: int = 0
    events: int = 0
    endless: int = 0  # charts left out
    edges: int = 0  # taken, by events
    events_effective: int = 0  # that took an edge
    wrong: int = 0  # charts with which ours is not as Appendix D
    scion_differs: int = 0  # charts with another configuration in scion-core
    explained: int = 0  # of these, those in which the deviations do just what scion-core does
    scion_unexplained: int = 0  # charts, differing or not, in which they do not
    # By deviation: the charts that differ, if only in actions, and are not explained without it.
    needed: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    # What XState does where scion-core differs: "standard", "scion", "neither", or "refused".
    xstate: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    # How often edges of each kind were taken.
    taken: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    shown: list = dataclasses.field(default_factory=list)

    def show(self, text):
        if len(self.shown) < SHOWN_MAX:
            self.shown.append(text)


@dataclasses.dataclass
class Case:
    chart: dict  # {"machine", "events"}
    standard: list  # the steps by the standard

    @property
    def name(self):
        return self.chart["machine"]["name"]


def npm_packages():
    """(node, node_modules), or None where the npm packages are not installed."""
    node = os.environ.get("SWOOSH_NODE")
    node_modules = os.environ.get("SWOOSH_NODE_MODULES")
    return (node, node_modules) if node and node_modules else None


def compare(
    seed,
    count,
    event_count,
    npm,
    run_charts=None,
    scion_name="scion",
    deviations=None,
    needed_max=None,
):
    """The outcome of the first `count` charts from number `seed` on that come to rest.

    Also the number of the chart after the last. Without `npm`, what npm_packages() gives,
    scion-core is not asked. `scion_name` is its name in run_other_interpreters.js; `deviations` are
    expected instead of all of scion_deviations'. `needed_max` ends the counting of what needs each.
    """
    deviations = scion_deviations.DEVIATIONS if deviations is None else deviations
    outcome = Outcome()
    cases, next_seed = _cases(seed, count, event_count, outcome)
    with contextlib.ExitStack() as stack:
        lines = _lines(stack, cases)
        ours_running = _Running(stack, [run_charts or HERE / "run_charts"], lines)
        if npm is not None:
            scion = _run_npm(stack, npm, scion_name, cases)
            _compare_with_scion(cases, scion, deviations, needed_max, outcome)
            differing = [
                (case, steps)
                for case, steps in zip(cases, scion, strict=True)
                if _configurations(steps) != _configurations(case.standard)
            ]
            opinions = _run_npm(stack, npm, "xstate", [case for case, _ in differing])
            for (case, steps), opinion in zip(differing, opinions, strict=True):
                outcome.xstate[_verdict(case.standard, steps, opinion)] += 1
        for case, ours in zip(cases, ours_running.answers(), strict=True):
            if ours.get("steps") != case.standard:
                outcome.wrong += 1
                outcome.show(f"{case.name}: ours\n" + _difference(case, ours, case.standard))
    return outcome, next_seed


def steps_of(interpreter, events):
    """What an interpreter of appendix_d.py does, in the form of run_charts."""
    steps = []
    for event in [None, *events]:
        try:
            if event is None:
                interpreter.start()
            else:
                interpreter.process(event)
        except appendix_d.EndlessError:
            return [*steps, {"error": "endless"}]
        steps.append(
            {
                "configuration": interpreter.active(),
                "edges": interpreter.taken,
                "emitted": interpreter.emitted,
            }
        )
    return steps


# -------------------------------------------------------------------- the standard


def _cases(seed, count, event_count, outcome):
    cases = []
    while len(cases) < count:
        chart = chart_generator.case(seed, event_count)
        seed += 1
        document = appendix_d.Document(chart["machine"])
        steps = steps_of(appendix_d.Interpreter(document), chart["events"])
        if "error" in steps[-1]:
            outcome.endless += 1
            continue
        cases.append(Case(chart, steps))
        _measure(document, steps, outcome)
    return cases, seed


def _measure(document, steps, outcome):
    kinds = {
        edge.id: list(_kinds(edge)) for state in document.in_order for edge in state.transitions
    }
    outcome.charts += 1
    outcome.events += len(steps) - 1
    for step in steps[1:]:
        outcome.edges += len(step["edges"])
        outcome.events_effective += bool(step["edges"])
        for edge in step["edges"]:
            outcome.taken.update(kinds[edge])


def _kinds(edge):
    yield "eventless" if edge.eventless else "on an event"
    if any(descriptor.startswith("done.") for descriptor in edge.descriptors):
        yield "on done.state"
    if any(descriptor.startswith("i.") for descriptor in edge.descriptors):
        yield "on an internal event"
    if edge.guard:
        yield "guarded"
    if edge.internal and edge.source.is_compound:
        yield "internal"
    if len(edge.target) != 1:
        yield "multi-target" if edge.target else "targetless"
    for target in edge.target:
        if target.is_history:
            yield "to deep history" if target.is_deep else "to shallow history"
    if edge.source.is_parallel:
        yield "of a parallel state"
    if any(state.is_parallel for state in edge.source.ancestors):
        yield "inside a parallel state"


# -------------------------------------------------------------------- scion-core


def _compare_with_scion(cases, scion, deviations, needed_max, outcome):
    for case, steps in zip(cases, scion, strict=True):
        expected = _deviating(case, deviations)
        differs = _configurations(steps) != _configurations(case.standard)
        outcome.scion_differs += differs
        if steps != expected:
            outcome.scion_unexplained += 1
            text = _difference(case, {"steps": steps}, expected)
            outcome.show(f"{case.name}: scion-core\n{text}")
            continue
        outcome.explained += differs
        if steps == _without_edges(case.standard):
            continue
        for name in deviations:
            if needed_max is None or outcome.needed[name] < needed_max:
                outcome.needed[name] += _deviating(case, set(deviations) - {name}) != steps


def _deviating(case, deviations):
    document = appendix_d.Document(case.chart["machine"])
    interpreter = scion_deviations.Interpreter(document, deviations)
    return _without_edges(steps_of(interpreter, case.chart["events"]))


def _without_edges(steps):
    return [{key: step[key] for key in step if key != "edges"} for step in steps]


def _configurations(steps):
    return [step.get("configuration") for step in steps]


def _verdict(standard, scion, opinion):
    """With whom XState is up to the first event after which the two differ."""
    if "refused" in opinion:
        return "refused"
    standard, scion = _configurations(standard), _configurations(scion)
    heard = _configurations(opinion["steps"])
    first = next(i for i, each in enumerate(standard) if i >= len(scion) or scion[i] != each)
    if heard[: first + 1] == standard[: first + 1]:
        return "standard"
    return "scion" if heard[: first + 1] == scion[: first + 1] else "neither"


def _difference(case, answer, expected):
    if "refused" in answer:
        return f"  refused: {answer['refused']}"
    pairs = list(itertools.zip_longest(answer["steps"], expected))
    first = next(i for i, (step, wanted) in enumerate(pairs) if step != wanted)
    step, wanted = pairs[first]
    event = case.chart["events"][first - 1] if first else "the beginning"
    before = expected[first - 1]["configuration"] if first else []
    return (
        f"  after event {first}, {event}, in {' '.join(before)}:\n"
        f"  it did {json.dumps(step)}\n  and not {json.dumps(wanted)}"
    )


# -------------------------------------------------------------------- programs


def _run_npm(stack, npm, name, cases):
    node, node_modules = npm
    command = [node, HERE / "run_other_interpreters.js", name]
    running = _Running(stack, command, _lines(stack, cases), {"NODE_PATH": node_modules})
    answers = running.answers()
    return answers if name == "xstate" else [answer["steps"] for answer in answers]


def _lines(stack, cases):
    lines = stack.enter_context(tempfile.TemporaryFile("w+"))
    for case in cases:
        print(json.dumps(case.chart), file=lines)
    lines.seek(0)
    return lines


class _Running:
    """A program that answers each line of JSON with a line of JSON."""

    def __init__(self, stack, command, lines, environment=None):
        self.command = command
        self.output = stack.enter_context(tempfile.TemporaryFile())
        self.process = subprocess.Popen(command, stdin=lines, stdout=self.output, env=environment)
        stack.callback(self.process.wait)
        stack.callback(self.process.kill)

    def answers(self):
        if self.process.wait(RUN_SECONDS_MAX) != 0:
            raise subprocess.CalledProcessError(self.process.returncode, self.command)
        self.output.seek(0)
        return [json.loads(line) for line in self.output]
