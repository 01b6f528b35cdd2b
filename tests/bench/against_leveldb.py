#!/usr/bin/python3
"""Big proposals, beside what the log's library does in one process with nothing around it.

Ours: proposals of 100 events over one stream, 100 in flight. The peer: a plain LevelDB with the
options of our log, into which one thread writes the same bytes, the records of our own store, in
synced batches of 100. Both in events a second.
"""

import shutil
import sys
import tempfile

import comparison
import our_server
import wire_load

IN_FLIGHT = 100
GOAL = comparison.at_least(0.5)


def measure_leveldb(folder, source, quick):
    """One run of leveldb_load over an empty database."""
    warm_up, measured = wire_load.seconds(quick)
    with tempfile.TemporaryDirectory(dir=folder) as path:
        # It opens what it reads from, which changes files: a copy.
        shutil.copytree(source, f"{path}/source")
        return wire_load.run_load(
            [
                wire_load.program("leveldb_load"),
                f"--source={path}/source",
                f"--directory={path}/database",
                f"--batch={IN_FLIGHT}",
                f"--warm_up={warm_up}s",
                f"--duration={measured}s",
            ]
        )


def main():
    compared = comparison.Comparison("against_leveldb", comparison.arguments(__doc__))
    quick = compared.quick
    folder = wire_load.scratch_folder(compared.output)
    ours = our_server.OurServer(folder)
    # Some records for LevelDB to write.
    ours.measure(IN_FLIGHT, True, stream=True, many=True)
    source = shutil.copytree(ours.data_dir / "wal", folder / "source")
    sides = {
        "ours": lambda: ours.measure(IN_FLIGHT, quick, stream=True, many=True),
        "leveldb": lambda: measure_leveldb(folder, source, quick),
    }
    rounds = compared.rounds(sides, IN_FLIGHT * ours.record_of_many_bytes)
    ours.end()
    events = {
        side: [each * our_server.TRANSITIONS_PER_PROPOSAL for each in rounds.of(side, "rate")]
        for side in sides
    }
    compared.add(
        "proposals_of_100_vs_leveldb_batches",
        rounds,
        events["ours"],
        events["leveldb"],
        GOAL,
        "events/s",
        "LevelDB, synced batches",
    )
    title = "100 proposals of 100 events in flight: each round"
    compared.plot_rounds("rounds", title, "events/s", events)
    compared.end()


if __name__ == "__main__":
    try:
        main()
    except wire_load.Broken as error:
        sys.exit(f"no figure: {error}")
