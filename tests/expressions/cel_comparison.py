"""Evaluates random expressions with our evaluator and with @bufbuild/cel, and compares them."""

import collections
import dataclasses
import json
import os
import pathlib
import subprocess
import tempfile

import expression_generator

HERE = pathlib.Path(__file__).absolute().parent
ROOT = HERE.parent.parent
EVALUATORS_SECONDS_MAX = 600
SHOWN_DIFFERENCES_MAX = 10


@dataclasses.dataclass
class Outcome:
    values: int = 0  # both gave the same value
    errors: int = 0  # both an error
    refused: int = 0  # of the errors, those that we found without a scope
    differences: list = dataclasses.field(default_factory=list)  # texts
    difference_count: int = 0
    # Of each part of the language, the expressions with it that gave a value.
    used: collections.Counter = dataclasses.field(default_factory=collections.Counter)


def npm_packages():
    """(node, node_modules), or None where the npm packages are not installed."""
    node = os.environ.get("SWOOSH_NODE")
    node_modules = os.environ.get("SWOOSH_NODE_MODULES")
    return (node, node_modules) if node and node_modules else None


def compare(seed, count, node, node_modules, evaluator=None):
    """The outcome of `count` expressions."""
    evaluator = evaluator or HERE / "evaluate_expressions"
    cases = list(expression_generator.cases(seed, count))
    ours, cel = _evaluate_both(
        cases,
        [evaluator],
        [node, HERE / "cel_evaluate.js"],
        {"NODE_PATH": node_modules},
    )
    outcome = Outcome()
    for case, our_answer, cel_answer in zip(cases, ours, cel, strict=True):
        _count(case, our_answer, cel_answer, outcome)
    return outcome


def _evaluate_both(cases, our_command, cel_command, cel_environment):
    with tempfile.TemporaryFile("w+") as our_input, tempfile.TemporaryFile("w+") as cel_input:
        for case in cases:
            print(expression_generator.request(case, case.text), file=our_input)
            print(expression_generator.request(case, case.cel), file=cel_input)
        our_input.seek(0)
        cel_input.seek(0)
        cel = subprocess.Popen(
            cel_command, stdin=cel_input, stdout=subprocess.PIPE, env=cel_environment
        )
        try:
            our_output = subprocess.run(
                our_command,
                stdin=our_input,
                stdout=subprocess.PIPE,
                timeout=EVALUATORS_SECONDS_MAX,
                check=True,
            ).stdout
            cel_output, _ = cel.communicate(timeout=EVALUATORS_SECONDS_MAX)
        finally:
            cel.kill()
        if cel.wait() != 0:
            raise subprocess.CalledProcessError(cel.returncode, cel_command)
    return _answers(our_output), _answers(cel_output)


def _answers(output):
    # All numbers are doubles, however they are written.
    lines = output.decode().removesuffix("\n").split("\n")
    return [json.loads(line, parse_int=float) for line in lines]


def _count(case, our_answer, cel_answer, outcome):
    if "value" in our_answer and "value" in cel_answer and same(our_answer, cel_answer):
        outcome.values += 1
        outcome.used.update(case.features)
    # What the reference can't parse is a mistake of the generator, not an error to agree about.
    elif "value" not in our_answer and "error" in cel_answer:
        outcome.errors += 1
        outcome.refused += "refused" in our_answer
    else:
        outcome.difference_count += 1
        if len(outcome.differences) < SHOWN_DIFFERENCES_MAX:
            outcome.differences.append(
                f"{case.text}\n  as CEL: {case.cel}\n  scope: {json.dumps(case.scope)}\n"
                f"  ours: {json.dumps(our_answer)}\n  CEL's: {json.dumps(cel_answer)}"
            )


def same(a, b):
    """As ==, but true is not 1."""
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b
