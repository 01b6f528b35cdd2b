"""Measurements of ours beside something else: rounds, rows and what is written of them.

A script makes a Comparison, lets it run rounds of what is to be compared, adds rows and plots, and
ends it. A row is a JSON line on stdout; all rows and plots go to OUTPUT/rows/SCRIPT.json, and the
report in OUTPUT is made anew from all files that are there (report.py).

Whatever is compared is run in turns, A B B A A B …, so that a machine that gets slower or faster
meanwhile does so for both. A row's figures are medians over the rounds; its ratio is the median of
the rounds' own ratios, its spread their interquartile range relative to it. What the disk alone
takes for a write and a sync is measured before and after each round, because no figure of a durable
server says anything without it.
"""

import argparse
import dataclasses
import json
import os
import pathlib
import statistics
import sys
import time

import report

ROOT = pathlib.Path(__file__).absolute().parent.parent.parent
OUTPUT = ROOT / ".dev/bench"
ROUNDS = 7
ROUNDS_QUICK = 3
PROBE_SYNCS = 200
PROBE_SECONDS_MAX = 1
SIGNIFICANT_DIGITS = 4


def arguments(text, more=None):
    """The flags of every script: `quick`, `output`, and what follows from them, `rounds`.

    `more`: called with the parser, to add flags of the script's own.
    """
    parser = argparse.ArgumentParser(description=text.split("\n", 1)[0])
    parser.add_argument("--quick", action="store_true", help="a rough answer, soon")
    parser.add_argument(
        "--output", type=pathlib.Path, default=OUTPUT, metavar="DIR", help="default: .dev/bench"
    )
    if more is not None:
        more(parser)
    parsed = parser.parse_args()
    parsed.output = parsed.output.absolute()
    parsed.rounds = ROUNDS_QUICK if parsed.quick else ROUNDS
    return parsed


def rounded(number):
    """Four significant digits: more is noise."""
    if number is None or number == 0:
        return number
    short = float(f"{number:.{SIGNIFICANT_DIGITS}g}")
    return int(short) if short.is_integer() else short


def quartiles(values):
    """(first, median, third)."""
    if len(values) < 2:
        return (values[0],) * 3
    return tuple(statistics.quantiles(values, n=4, method="inclusive"))


def spread(values):
    """The interquartile range relative to the median; 0 where that is 0."""
    first, median, third = quartiles(values)
    return (third - first) / abs(median) if median else 0.0


def sync_us(folder, byte_count, count_max=None, seconds_max=PROBE_SECONDS_MAX):
    """How long each of some appends of so many bytes, each with an fdatasync, takes; in us.

    At most `count_max` of them, else PROBE_SYNCS.
    """
    count_max = PROBE_SYNCS if count_max is None else count_max
    path = folder / "raw_sync"
    taken = []
    ends = time.monotonic() + seconds_max
    try:
        with open(path, "ab", buffering=0) as file:
            while len(taken) < count_max and (not taken or time.monotonic() < ends):
                began = time.perf_counter()
                file.write(b"x" * byte_count)
                os.fdatasync(file.fileno())
                taken.append(1e6 * (time.perf_counter() - began))
    finally:
        path.unlink(missing_ok=True)
    return taken


@dataclasses.dataclass(frozen=True)
class Goal:
    """What a ratio should be: at least, or at most, so much."""

    bound: float
    at_least: bool

    def met(self, value):
        return value >= self.bound if self.at_least else value <= self.bound

    def __str__(self):
        return f"{'>=' if self.at_least else '<='} {self.bound:g}"


def at_least(bound):
    return Goal(bound, True)


def at_most(bound):
    return Goal(bound, False)


class Rounds:
    """What was measured: for each side a figure a round, and the disk alone."""

    def __init__(self, sync_bytes):
        self.sync_bytes = sync_bytes
        self.sync_us = []  # the median of the probes before and after each round
        self._figures = []  # a round: {side: {figure: number}}

    def add(self, figures, probes_us):
        self._figures.append(figures)
        self.sync_us.append(statistics.median(probes_us))

    def of(self, side, figure):
        """The figure's value in each round."""
        return [each[side][figure] for each in self._figures]

    def quartiles(self, side, figure):
        return quartiles(self.of(side, figure))


def row(bench, rounds, ours, peer, goal, unit, peer_name):
    """A row, from a value a round of each. Without a `peer` the goal is for `ours` itself; a `goal`
    of None is for figures that are only to be known."""
    ratios = ours if peer is None else [a / b for a, b in zip(ours, peer, strict=True)]
    ratio = statistics.median(ratios)
    return {
        "bench": bench,
        "ours": rounded(statistics.median(ours)),
        "peer": None if peer is None else rounded(statistics.median(peer)),
        "ratio": None if peer is None else rounded(ratio),
        "spread": rounded(spread(ratios)),
        "goal": None if goal is None else str(goal),
        "met": None if goal is None else goal.met(ratio),
        "unit": unit,
        "peer_name": peer_name,
        "raw": {
            "sync_bytes": rounds.sync_bytes,
            "sync_p50_us": rounded(statistics.median(rounds.sync_us)),
            "sync_p50_us_rounds": [rounded(each) for each in rounds.sync_us],
            "ours_rounds": [rounded(each) for each in ours],
            "peer_rounds": None if peer is None else [rounded(each) for each in peer],
        },
    }


class Comparison:
    """The rows and plots of one script, NAME.py."""

    def __init__(self, name, flags):
        self.name = name
        self.quick = flags.quick
        self.round_count = flags.rounds
        self.output = flags.output
        self._rows = []
        self._plots = []
        self._skipped = []
        self.output.mkdir(parents=True, exist_ok=True)
        # What an earlier run wrote must not stand for one that fails now.
        self._path.unlink(missing_ok=True)

    @property
    def _path(self):
        return self.output / "rows" / f"{self.name}.json"

    def rounds(self, sides, sync_bytes):
        """Runs each of `sides`, {name: function}, in every round.

        A function returns {figure: number}. `sync_bytes`: what the probe of the disk writes; as
        much as a sync of ours does.
        """
        measured = Rounds(sync_bytes)
        names = list(sides)
        before = sync_us(self.output, sync_bytes)
        for number in range(self.round_count):
            figures = {}
            for name in names if number % 2 == 0 else reversed(names):
                figures[name] = sides[name]()
            after = sync_us(self.output, sync_bytes)
            measured.add(figures, before + after)
            before = after
        return measured

    def add(self, bench, rounds, ours, peer, goal, unit, peer_name=""):
        """Prints and keeps a row: see row(). Never fails by what it is."""
        made = row(bench, rounds, ours, peer, goal, unit, peer_name)
        self._rows.append(made)
        print(json.dumps(made), flush=True)

    def skip(self, what, reason):
        """Says that rows can't be measured here."""
        print(f"skipped: {what}: {reason}", flush=True)
        self._skipped.append(f"{what}: {reason}")

    def plot(self, name, title, x_label, y_label, series, log_x=False, log_y=False):
        """Keeps a plot. `series`: {label: [(x, low, y, high), …]}."""
        self._plots.append(
            {
                "name": f"{self.name}_{name}",
                "title": title,
                "x_label": x_label,
                "y_label": y_label,
                "log_x": log_x,
                "log_y": log_y,
                "series": {
                    label: [[rounded(number) for number in point] for point in points]
                    for label, points in series.items()
                },
            }
        )

    def plot_rounds(self, name, title, y_label, values):
        """Keeps a plot of each round's values, {label: [value, …]}."""
        series = {
            label: [(number, *[value] * 3) for number, value in enumerate(each, 1)]
            for label, each in values.items()
        }
        self.plot(name, title, "round", y_label, series)

    def end(self):
        """Writes what was measured, and the report of all that is there."""
        self._path.parent.mkdir(exist_ok=True)
        written = {
            "script": self.name,
            "when": time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime()),
            "quick": self.quick,
            "rounds": self.round_count,
            "rows": self._rows,
            "plots": self._plots,
            "skipped": self._skipped,
        }
        temporary = self._path.with_suffix(".new")
        temporary.write_text(json.dumps(written, indent=1) + "\n")
        temporary.replace(self._path)
        print(f"report: {report.write(self.output)}", file=sys.stderr)
