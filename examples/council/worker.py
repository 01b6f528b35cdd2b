#!/usr/bin/python3
"""The members of the council: each says yes, no or nothing, in every round.

    examples/council/worker.py

They are played, by rules about what a question costs. Where members are agents, `opinion` is where
they are asked.
"""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).absolute().parent.parent))
import worker_loop  # noqa: E402

FIRST_ROUND = 1
# What is too dear for whom. For `a` nothing is; `e` is on holiday and never votes.
COST_MAX = {"a": float("inf"), "b": 100, "c": 100, "d": 10}
SLOW = ("c",)  # says nothing in the first round


def opinion(member, round_number, cost):
    """'yes', 'no', or None for no vote."""
    if member not in COST_MAX or cost is None:
        return None
    if member in SLOW and round_number == FIRST_ROUND:
        return None
    return "yes" if cost <= COST_MAX[member] else "no"


def act(server, told):
    # The first round begins with the council, every other with what it emits.
    if told.name == worker_loop.CREATED:
        round_number = FIRST_ROUND
    elif told.name == "new_round":
        round_number = int(told.data)
    else:
        return []
    context = server.context(told)
    print(f"{told.index} {told.instance}: round {round_number}", flush=True)
    votes = []
    for member in context["members"]:
        choice = opinion(member, round_number, context.get("cost"))
        if choice is not None:
            votes.append(("vote", {"member": member, "choice": choice}))
    return votes


if __name__ == "__main__":
    worker_loop.run("council", "Votes for the members of councils.", act)
