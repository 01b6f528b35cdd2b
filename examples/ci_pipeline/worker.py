#!/usr/bin/python3
"""The machine room behind the CI pipeline: runs stages, deploys, reminds.

    examples/ci_pipeline/worker.py

It is played: a commit says in its name what happens to it. `hangs-unit` never ends its unit tests,
`breaks-lint` and `breaks-unit` fail, `breaks-deploy` passes and can't be deployed.
"""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).absolute().parent.parent))
import worker_loop  # noqa: E402


def run_stage(server, told):
    # This is where a program would be started. It has 15 minutes.
    stage = told.data["stage"]
    commit = server.context(told)["commit"]
    if commit == f"hangs-{stage}":
        return []
    if commit == f"breaks-{stage}":
        return [(f"failed.{stage}", {})]
    return [(f"passed.{stage}", {})]


def deploy(server, told):
    if server.context(told)["commit"] == "breaks-deploy":
        return [("deploy.failed", {})]
    return [("deployed", {})]


def remind(server, told):
    author = server.context(told)["author"]
    print(f"  {told.instance} of {author} waits for approval since a day", flush=True)
    return []


ACTIONS = {"run_stage": run_stage, "deploy": deploy, "remind": remind}


def act(server, told):
    if told.name not in ACTIONS:
        return []
    print(f"{told.index} {told.instance}: {told.name} {told.data}", flush=True)
    return ACTIONS[told.name](server, told)


if __name__ == "__main__":
    worker_loop.run("pipeline", "Does what pipelines ask for.", act)
