#!/usr/bin/python3
"""libFuzzer, with the address and undefined-behaviour sanitizers, on each target of tests/fuzz.

Most executions are of short inputs, which run many times faster and reach nearly as much of the code;
one in LONG_PART is of long ones. Prints a JSON line a target; fails where one has a finding. What reproduces it is kept in
.dev/fuzz/findings/, and the corpus that grows from run to run in .dev/fuzz/corpus/. To see a finding
again: NAME_fuzzer FILE, with the paths that are printed on stderr.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import random
import re
import subprocess
import sys
import time

import bazel_build

ROOT = pathlib.Path(__file__).absolute().parent.parent.parent
CORPUS = ROOT / "tests/fuzz/corpus"
KEPT = ROOT / ".dev/fuzz"
SYMBOLIZER = pathlib.Path("/usr/lib/llvm-14/bin/llvm-symbolizer")

RUNS = 10_000_000
RUNS_SHORT = 100_000
LONG_PART = 20
SHORT_INPUT_BYTES_MAX = 512
LONG_INPUT_BYTES_MAX = 8_192
INPUT_SECONDS_MAX = 10
MEMORY_MB_MAX = 2_048
LOG_TAIL_LINES = 60

EXECUTED = re.compile(r"^stat::number_of_executed_units: (\d+)$", re.MULTILINE)
COVERED = re.compile(r"^#\d+\s+\w+\s+cov: (\d+)", re.MULTILINE)


def targets():
    """Their names: each has a folder of the corpus."""
    return sorted(folder.name for folder in CORPUS.iterdir())


def seed_bytes(path):
    """A file of the corpus as the target gets it: one in .hex is hexadecimal, with comments."""
    if path.suffix != ".hex":
        return path.read_bytes()
    lines = path.read_text(encoding="ascii").split("\n")
    return bytes.fromhex("".join(line.partition("#")[0] for line in lines))


def fuzz(program, name, runs, seed, input_bytes_max):
    """One run of libFuzzer, which ends at its first finding: executions, findings, covered edges."""
    corpus = KEPT / "corpus" / name
    findings = KEPT / "findings" / name
    before = set(findings.iterdir())
    log = KEPT / f"{name}.log"
    with log.open("wb") as output:
        status = subprocess.run(
            [
                program,
                f"-runs={runs}",
                f"-seed={seed}",
                f"-max_len={input_bytes_max}",
                f"-timeout={INPUT_SECONDS_MAX}",
                "-entropic=0",  # its schedule takes two thirds of the time
                f"-rss_limit_mb={MEMORY_MB_MAX}",
                f"-artifact_prefix={findings}/",
                "-print_final_stats=1",
                corpus,
            ],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={
                # Long stacks of allocations take as long as the rest; a finding that is run again
                # has them. Use after return is looked for by the tests under --config=asan.
                "ASAN_OPTIONS": "detect_stack_use_after_return=0:malloc_context_size=2",
                "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
                "ASAN_SYMBOLIZER_PATH": str(SYMBOLIZER),
                "UBSAN_SYMBOLIZER_PATH": str(SYMBOLIZER),
            },
        ).returncode
    said = log.read_text(encoding="utf-8", errors="replace")
    found = sorted(set(findings.iterdir()) - before)
    if status != 0:
        tail = "\n".join(said.split("\n")[-LOG_TAIL_LINES:])
        again = " ".join(map(str, [program, *found]))
        print(f"{name} ended with {status}: {again}\n{tail}", file=sys.stderr, flush=True)
    executed = EXECUTED.findall(said)
    covered = COVERED.findall(said)
    return (
        int(executed[-1]) if executed else 0,
        max(len(found), int(status != 0)),
        int(covered[-1]) if covered else 0,
    )


def run(program, name, runs, seed):
    """Runs one target, with short inputs and then with long ones. Its JSON line, as a dict."""
    corpus = KEPT / "corpus" / name
    corpus.mkdir(parents=True, exist_ok=True)
    (KEPT / "findings" / name).mkdir(parents=True, exist_ok=True)
    for path in (CORPUS / name).iterdir():
        (corpus / path.name).write_bytes(seed_bytes(path))
    start = time.monotonic()
    long_runs = runs // LONG_PART
    parts = [
        fuzz(program, name, runs - long_runs, seed, SHORT_INPUT_BYTES_MAX),
        fuzz(program, name, long_runs, seed, LONG_INPUT_BYTES_MAX),
    ]
    return {
        "campaign": "fuzz",
        "target": name,
        "runs": sum(executed for executed, _, _ in parts),
        "lost": 0,
        "wrong": 0,
        "violations": sum(found for _, found, _ in parts),
        "covered_edges": max(covered for _, _, covered in parts),
        "seconds": round(time.monotonic() - start, 1),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--runs", type=int, metavar="N", help=f"of a target; default: {RUNS}")
    parser.add_argument("--short", action="store_true", help=f"{RUNS_SHORT} runs")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1, 2**32))
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="targets at a time")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="default: all")
    arguments = parser.parse_args()
    runs = arguments.runs or (RUNS_SHORT if arguments.short else RUNS)
    names = arguments.targets or targets()
    print(f"seed: --seed {arguments.seed}", file=sys.stderr, flush=True)

    programs = [f"{name}_fuzzer" for name in names]
    folder = bazel_build.build("tests/fuzz", programs, ["--config=fuzz"])
    failed = False
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        started = [
            pool.submit(run, folder / program, name, runs, arguments.seed)
            for program, name in zip(programs, names, strict=True)
        ]
        for each in concurrent.futures.as_completed(started):
            outcome = each.result()
            print(json.dumps(outcome), flush=True)
            failed = failed or outcome["violations"] > 0 or outcome["runs"] < runs
    if failed:
        sys.exit(1)


if __name__ == "__main__":
    main()
