#!/usr/bin/env python3
"""The one_shot backend between two hosts, in alternating runs (ABBA) on the same link: all_reduce of 10,240 B, bfloat16,
chained, against Open MPI's over TCP on that link, and against the bidirectional write latency that wiretax-rdma measures
at that size, which is the least that such an exchange can take.

Every run is printed, then the ratio of one_shot to the other with its 95 % interval. In the lab:
  ./scripts/lab -- python3 bench/compare/one_shot.py --hosts spark-01,spark-02 --control enP7s7
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile

from pairs import compare

BYTES = "10240"


def measure(program, *options):
    """The mean and median of the only row, in microseconds."""
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "out.json")
        command = ["mpirun", "--allow-run-as-root", "-np", "2", "--host", ",".join(f"{host}:1" for host in ARGS.hosts.split(",")),
                   "--bind-to", "none", "-x", "WIRETAX_SLOW", "--mca", "pml", "ob1", "--mca", "btl", "tcp,self"]
        # The MPI backend takes its own link, and says so to mpirun's TCP, too.
        if "mpi" not in options:
            command += ["--mca", "btl_tcp_if_include", ARGS.control]
        command += ["--mca", "oob_tcp_if_include", ARGS.control, os.path.join(ARGS.bin, program), "--bytes", BYTES,
                    "--profile", ARGS.profile, "--out", out, *options]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        row, = json.load(open(out, encoding="utf-8"))["benchmarks"]
    if "error_message" in row:
        raise SystemExit(f"{program}: {row['error_message']}")
    return {"mean": row["real_time"], "median": row.get("p50_us", row["real_time"])}


def one_shot():
    return measure("wiretax-collectives", "--op", "all_reduce", "--backend", "one_shot", "--device", ARGS.device)


def mpi():
    return measure("wiretax-collectives", "--op", "all_reduce", "--backend", "mpi", "--interface", ARGS.interface)


def exchange():
    return measure("wiretax-rdma", "--op", "write", "--mode", "latency", "--bidirectional", "--device", ARGS.device)


def main():
    others = {"mpi": (f"all_reduce of {BYTES} B by one_shot against MPI's over {ARGS.interface}", mpi),
              "rdma": (f"all_reduce of {BYTES} B by one_shot against an exchange of writes", exchange)}
    for name in ARGS.only.split(","):
        title, other = others[name]
        compare(ARGS.bin, ARGS.pairs, title, "us", one_shot, other)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hosts", required=True, help="this host and the other one, such as spark-01,spark-02")
    parser.add_argument("--control", required=True, help="the interface for MPI's control traffic, not one of the links")
    parser.add_argument("--device", default="rocep1s0f0")
    parser.add_argument("--interface", default="enp1s0f0np0", help="the same link for MPI's TCP")
    parser.add_argument("--bin", default="build/release/bin")
    parser.add_argument("--pairs", type=int, default=16)
    parser.add_argument("--profile", default="quick")
    parser.add_argument("--only", default="mpi,rdma")
    ARGS = parser.parse_args()
    sys.exit(main())
