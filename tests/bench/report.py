"""The report of all that was measured: a table in Markdown, and plots beside it."""

import json
import os
import pathlib
import platform
import re

import svg_plot

HEADING = ("what", "peer", "unit", "ours", "peer's", "ratio", "spread", "goal", "met", "raw sync")


def machine():
    """What it was measured on, in a line."""
    model = re.search(r"^model name\s*: (.*)$", pathlib.Path("/proc/cpuinfo").read_text(), re.M)
    return (
        f"{os.cpu_count()} processors, {model[1].strip() if model else platform.machine()}, "
        f"{platform.system()} {platform.release()}"
    )


def number(value):
    return "" if value is None else f"{value:,}"


def cells(row):
    """A row as the table has it."""
    met = {True: "yes", False: "no", None: ""}[row["met"]]
    sync_us = row["raw"]["sync_p50_us"]
    return (
        row["bench"],
        row["peer_name"],
        row["unit"],
        number(row["ours"]),
        number(row["peer"]),
        number(row["ratio"]),
        f"{100 * row['spread']:.0f} %",
        row["goal"] or "",
        met,
        f"{sync_us:,} us for {row['raw']['sync_bytes']:,} bytes",
    )


def table(rows):
    yield "| " + " | ".join(HEADING) + " |"
    yield "|" + "---|" * len(HEADING)
    for row in rows:
        yield "| " + " | ".join(cells(row)) + " |"


def ratio_rows(rows):
    """What svg_plot.ratios() draws of them."""
    return [
        (
            f"{row['bench']} ({row['goal']})" if row["goal"] else row["bench"],
            row["ratio"],
            row["spread"],
            float(row["goal"].split()[1]) if row["goal"] else None,
            row["met"],
        )
        for row in rows
        if row["ratio"] is not None
    ]


def section(measured, folder):
    """The lines about one script; writes its plots."""
    script = measured["script"]
    rounds = f"{measured['rounds']} rounds{', quick' if measured['quick'] else ''}"
    yield f"## {script}\n"
    yield f"{measured['when']}, {rounds}.\n"
    if measured["rows"]:
        yield from table(measured["rows"])
        yield ""
    for each in measured["skipped"]:
        yield f"Skipped: {each}.\n"
    pictures = {plot["name"]: svg_plot.lines(plot) for plot in measured["plots"]}
    bars = ratio_rows(measured["rows"])
    if bars:
        pictures = {f"{script}_ratios": svg_plot.ratios(f"{script}: ratios", bars)} | pictures
    for name, picture in pictures.items():
        (folder / f"{name}.svg").write_text(picture)
        yield f"![{name}]({name}.svg)\n"


def write(folder):
    """Makes the report in `folder` from its rows/*.json. Returns where it is."""
    for old in folder.glob("*.svg"):
        old.unlink()
    lines = [
        "# Measurements\n",
        f"On {machine()}.\n",
        "A ratio is the median of the rounds' own, its spread their interquartile range relative to"
        " it; the raw sync is the p50 of an append and fdatasync in the same run and folder.\n",
    ]
    for path in sorted((folder / "rows").glob("*.json")):
        lines.extend(section(json.loads(path.read_text()), folder))
    place = folder / "report.md"
    place.write_text("\n".join(lines))
    return place
