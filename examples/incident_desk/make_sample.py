#!/usr/bin/python3
"""Writes sample.xes: a small log of an invented help desk, in the form of the real one.

Every name and number in it is made up here, from a fixed seed: the file is the same each time, byte
for byte. Most cases wander as a help desk's do; the last ones are written out, because each shows
something that the machine denies or that is rare.
"""

import argparse
import datetime
import random
from xml.sax.saxutils import quoteattr

SEED = 2013
WANDERING_CASES = 28
STEPS_MAX = 14
FIRST_CASE = 1001
START = datetime.datetime(2024, 3, 4, 8, 0, tzinfo=datetime.timezone(datetime.timedelta(hours=1)))

GROUPS = ["Front desk", "Network", "Field service", "Print & scan", "Payroll apps"]
RESOURCES = [
    ("Ada", "se"), ("Bersi", "se"), ("Chidi", "ng"), ("Dagný", "is"), ("Emre", "tr"),
    ("Fay O'Neill", "ie"), ("Gus \"Night\" Ito", "jp"), ("Zoë", "nl"),
]
PRODUCTS = ["VPN", "Mail", "Badge reader", "R&D cluster", "Printer <4th floor>"]
IMPACTS = [("Low", 4), ("Medium", 5), ("High", 1)]

QUEUED = ("Queued", "Awaiting Assignment")
ASSIGNED = ("Accepted", "Assigned")
PROGRESS = ("Accepted", "In Progress")
WAIT = ("Accepted", "Wait")
WAIT_USER = ("Accepted", "Wait - User")
WAIT_CUSTOMER = ("Accepted", "Wait - Customer")
WAIT_VENDOR = ("Accepted", "Wait - Vendor")
WAIT_IMPLEMENTATION = ("Accepted", "Wait - Implementation")
RESOLVED = ("Completed", "Resolved")
IN_CALL = ("Completed", "In Call")
CLOSED = ("Completed", "Closed")
CANCELLED = ("Completed", "Cancelled")
UNMATCHED = ("Unmatched", "Unmatched")
END = None

# What follows what, with weights.
NEXT = {
    None: [(PROGRESS, 6), (QUEUED, 2)],
    QUEUED: [(PROGRESS, 10), (QUEUED, 1), (ASSIGNED, 1)],
    ASSIGNED: [(PROGRESS, 9), (ASSIGNED, 1)],
    PROGRESS: [(QUEUED, 6), (PROGRESS, 6), (RESOLVED, 4), (WAIT_USER, 3), (ASSIGNED, 2),
               (IN_CALL, 1), (WAIT, 1), (WAIT_IMPLEMENTATION, 1), (WAIT_VENDOR, 1)],
    WAIT_USER: [(PROGRESS, 4), (RESOLVED, 4), (QUEUED, 2), (WAIT_USER, 1)],
    WAIT: [(PROGRESS, 5), (RESOLVED, 3), (WAIT_USER, 2)],
    WAIT_VENDOR: [(RESOLVED, 4), (PROGRESS, 3), (WAIT_CUSTOMER, 1)],
    WAIT_CUSTOMER: [(RESOLVED, 1), (PROGRESS, 1)],
    WAIT_IMPLEMENTATION: [(PROGRESS, 1), (RESOLVED, 1)],
    RESOLVED: [(CLOSED, 12), (PROGRESS, 1)],
    IN_CALL: [(END, 1)],
    CLOSED: [(END, 1)],
}

HOUR = 3600
DAY = 24 * HOUR

# (impact, [(status, seconds since the one before, group, impact from here on)]), the last two
# optional: the group and the impact stay as they were.
WRITTEN_CASES = [
    # The queue can't resolve, nor close what nobody resolved.
    ("Low", [(QUEUED, 0), (QUEUED, HOUR), (RESOLVED, HOUR), (CLOSED, 7 * DAY)]),
    # Nobody has accepted it, but it waits, and waits otherwise; then all goes its way.
    ("Medium", [(WAIT_USER, 0), (WAIT_VENDOR, HOUR), (PROGRESS, HOUR), (RESOLVED, HOUR),
                (CLOSED, 7 * DAY)]),
    # Assigned, but not begun: neither a wait nor a solution.
    ("Low", [(PROGRESS, 0), (ASSIGNED, HOUR), (WAIT_USER, HOUR), (RESOLVED, HOUR),
             (PROGRESS, HOUR), (RESOLVED, HOUR)]),
    # Closed twice, resolved after that, and reopened too late, with all that follows from it.
    ("Medium", [(PROGRESS, 0), (RESOLVED, HOUR), (CLOSED, 7 * DAY), (CLOSED, HOUR),
                (RESOLVED, HOUR), (PROGRESS, 20 * DAY), (QUEUED, HOUR, "Network"),
                (ASSIGNED, HOUR), (CLOSED, DAY)]),
    # Reopened in time: from closed, then from resolved, then from a call that did not help.
    ("Medium", [(PROGRESS, 0), (RESOLVED, HOUR), (CLOSED, 7 * DAY), (QUEUED, 2 * DAY),
                (PROGRESS, HOUR), (RESOLVED, DAY), (ASSIGNED, DAY), (PROGRESS, HOUR),
                (IN_CALL, HOUR), (IN_CALL, HOUR), (PROGRESS, DAY), (RESOLVED, HOUR),
                (CLOSED, 7 * DAY)]),
    # Solved in the call, after it was handed over: no.
    ("Low", [(QUEUED, 0), (PROGRESS, HOUR, "Network"), (IN_CALL, HOUR), (RESOLVED, HOUR)]),
    # Of high impact: waiting without saying for what is denied. Major from then on.
    ("High", [(PROGRESS, 0), (WAIT, HOUR), (PROGRESS, HOUR, "Network", "Major"), (WAIT, HOUR),
              (WAIT_VENDOR, HOUR), (WAIT_CUSTOMER, HOUR), (RESOLVED, DAY), (CLOSED, 2 * DAY)]),
    # Ping-pong between two groups, to and fro.
    ("Medium", [(PROGRESS, 0, "Front desk")] + [
        (status, HOUR, group)
        for group in ("Network", "Field service", "Network", "Field service", "Network", "Network")
        for status in (QUEUED, PROGRESS)
    ] + [(QUEUED, HOUR, "Payroll apps"), (QUEUED, HOUR, "Network"), (PROGRESS, HOUR),
         (PROGRESS, HOUR, "Field service"), (RESOLVED, DAY), (CLOSED, DAY)]),
    # Cancelled is the end.
    ("Low", [(PROGRESS, 0), (CANCELLED, DAY), (PROGRESS, HOUR)]),
    # It belonged to no one's matter after all, and then did.
    ("Low", [(PROGRESS, 0), (RESOLVED, HOUR), (UNMATCHED, HOUR), (PROGRESS, HOUR),
             (RESOLVED, HOUR)]),
    # Solved before there was anything to write down.
    ("Low", [(IN_CALL, 0)]),
    # Of major impact from the start, assigned at once.
    ("Major", [(ASSIGNED, 0), (PROGRESS, HOUR), (WAIT_IMPLEMENTATION, HOUR), (RESOLVED, DAY)]),
]


class Dice:
    """Choices from a seed that are the same on every version of Python."""

    def __init__(self, seed):
        self._random = random.Random(seed)

    def below(self, count):
        return int(self._random.random() * count)

    def one_of(self, choices):
        return choices[self.below(len(choices))]

    def weighted(self, choices):
        at = self.below(sum(weight for _, weight in choices))
        for choice, weight in choices:
            if at < weight:
                return choice
            at -= weight
        raise AssertionError("the weights do not add up")


def wandering_case(dice):
    """As WRITTEN_CASES, by chance."""
    steps = []
    status = dice.weighted(NEXT[None])
    group = dice.one_of(GROUPS)
    while status is not END and len(steps) < STEPS_MAX:
        if status == QUEUED and dice.below(4) > 0:
            group = dice.one_of(GROUPS)
        pause = 7 * DAY if status == CLOSED else 60 + dice.below(6 * HOUR)
        steps.append((status, pause, group))
        status = dice.weighted(NEXT[status])
    return dice.weighted(IMPACTS), steps


def attribute(indent, kind, key, value):
    return f"{' ' * indent}<{kind} key={quoteattr(key)} value={quoteattr(value)}/>\n"


def write_case(out, dice, number, impact, steps):
    """Writes one trace. Cases start some hours after one another."""
    time = START + datetime.timedelta(seconds=5 * HOUR * number + dice.below(4 * HOUR))
    product = dice.one_of(PRODUCTS)
    group = dice.one_of(GROUPS)
    resource, country = dice.one_of(RESOURCES)
    out.write("  <trace>\n")
    out.write(attribute(4, "string", "concept:name", f"INC-{FIRST_CASE + number}"))
    for (status, substatus), pause, *changes in steps:
        time += datetime.timedelta(seconds=pause)
        before = group
        group = changes[0] if changes else group
        impact = changes[1] if len(changes) > 1 else impact
        if group != before or dice.below(3) == 0:
            resource, country = dice.one_of(RESOURCES)
        out.write("    <event>\n")
        out.write(attribute(6, "string", "org:group", group))
        out.write(attribute(6, "string", "org:resource", resource))
        out.write(attribute(6, "string", "organization country", country))
        out.write(attribute(6, "string", "concept:name", status))
        out.write(attribute(6, "string", "lifecycle:transition", substatus))
        out.write(attribute(6, "string", "impact", impact))
        out.write(attribute(6, "string", "product", product))
        out.write(attribute(6, "date", "time:timestamp", time.isoformat()))
        out.write("    </event>\n")
    out.write("  </trace>\n")


def write_sample(out):
    dice = Dice(SEED)
    cases = [wandering_case(dice) for _ in range(WANDERING_CASES)] + WRITTEN_CASES
    out.write('<?xml version="1.0" encoding="UTF-8"?>\n')
    out.write(f"<!-- An invented help desk, written by make_sample.py from seed {SEED}. -->\n")
    out.write('<log xes.version="1.0" xmlns="http://www.xes-standard.org/">\n')
    for number, (impact, steps) in enumerate(cases):
        write_case(out, dice, number, impact, steps)
    out.write("</log>\n")


def main():
    parser = argparse.ArgumentParser(description="Writes the sample log.")
    parser.add_argument("output", help="where to write it")
    with open(parser.parse_args().output, "w", encoding="utf-8", newline="\n") as out:
        write_sample(out)


if __name__ == "__main__":
    main()
