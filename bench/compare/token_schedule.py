#!/usr/bin/env python3
"""One decode step's messages under tensor parallelism: their price from measured curves against really
sending them, chained. Three models at batches 1, 8 and 32, MPI over loopback.

Curves and schedules are measured in turns, since a shared machine drifts; a schedule is held against the
curve of its own turn. Prints every turn, then the median over turns of |measured/priced - 1| for each
point, and the median over all points, which should be at most 10 %.
  bench/compare/token_schedule.py [--bin build/release/bin] [--turns 5] [--profile quick|full]
"""

import argparse
import json
import os
import statistics
import subprocess
import tempfile

MODELS = "Llama-3.1-8B,Qwen3.6-27B-FP8,gpt-oss-120b"
BATCHES = ["1", "8", "32"]


def mpirun(program, *options):
    subprocess.run(["mpirun", "--bind-to", "none", "-np", "2", os.path.join(ARGS.bin, program), "--interface", "lo",
                    "--profile", ARGS.profile, *options],
                   check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def turn(folder):
    """{point: (measured, priced)} in seconds."""
    curve, token = os.path.join(folder, "curve.json"), os.path.join(folder, "token.json")
    mpirun("wiretax-collectives", "--op", "all_reduce,all_gather", "--model", MODELS, "--batch", ",".join(BATCHES),
           "--benchmark_filter", ARGS.filter, "--out", curve)
    mpirun("compare_token_schedule", "--model", MODELS, "--batch", ",".join(BATCHES), "--curve", curve, "--out", token)
    return {row["name"]: (row["real_time"] * 1e-6, row["priced_us"] * 1e-6)
            for row in json.load(open(token))["benchmarks"]}


def main():
    if os.geteuid() == 0:
        os.environ.update(OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
    errors = {}
    for index in range(ARGS.turns):
        with tempfile.TemporaryDirectory() as folder:
            for name, (measured, priced) in sorted(turn(folder).items()):
                errors.setdefault(name, []).append(measured / priced - 1)
                print(f"turn {index + 1} {name}: measured {measured * 1e3:.3f} ms, priced {priced * 1e3:.3f} ms, "
                      f"{100 * (measured / priced - 1):+.1f} %", flush=True)
    medians = {name: statistics.median(abs(e) for e in each) for name, each in errors.items()}
    for name, median in sorted(medians.items()):
        print(f"{name}: median of |measured/priced - 1| {100 * median:.1f} % of {ARGS.turns} turns")
    print(f"all: median {100 * statistics.median(medians.values()):.1f} %")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default="build/release/bin")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--profile", default="quick", choices=["quick", "full"])
    parser.add_argument("--filter", default="all")
    ARGS = parser.parse_args()
    main()
