#!/usr/bin/env python3
"""NCCL's all_reduce as wiretax times it beside nccl-tests, in alternating runs (ABBA) with the same library: bfloat16, out of
place, operations behind one another on one stream (what nccl-tests times), launched one by one and from graphs of 32. Of
both the mean time of an operation, the maximum over ranks.

Every run is printed, then the ratio for each size with its 95 % interval. On two hosts:
  bench/compare/nccl.py --hosts spark-01,spark-02 --control enP7s7 --nccl-tests ../nccl-tests/build
On one GPU, which shows that both work and nothing about speed:
  bench/compare/nccl.py --share-gpu --nccl-tests ../nccl-tests/build --pairs 8
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile

from pairs import compare

GRAPH = 32  # operations in one
# As if each process had a host of its own: then NCCL's network is left between two on one GPU.
APART = {"NCCL_SOCKET_IFNAME": "lo", "NCCL_NVLS_ENABLE": "0", "NCCL_MNNVL_ENABLE": "0", "NCCL_IB_DISABLE": "1", "NCCL_TESTS_DEVICE": "0"}
AS_A_HOST = ["bash", "-c", 'NCCL_HOSTID=peer-$OMPI_COMM_WORLD_RANK exec "$@"', "peer"]


def launch(*command):
    options = ["mpirun", "-np", "2", "--bind-to", "none", "--mca", "pml", "ob1", "--mca", "btl", "tcp,vader,self", "--mca", "btl_tcp_if_include",
               ARGS.control]
    options += ["--oversubscribe"] if ARGS.share_gpu else ["--host", ",".join(f"{host}:1" for host in ARGS.hosts.split(","))]
    options += ["--allow-run-as-root"] if os.geteuid() == 0 else []
    if ARGS.share_gpu:
        os.environ.update(APART)
    for name in os.environ:
        if name.startswith("NCCL_") or name == "LD_LIBRARY_PATH":
            options += ["-x", name]
    done = subprocess.run([*options, *command], stdin=subprocess.DEVNULL, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def ours(way):
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "out.json")
        launch(os.path.join(ARGS.bin, "wiretax-collectives"), "--backend", "nccl", "--op", "all_reduce", "--type", "bfloat16", "--place", "out",
               "--timing", "pipelined", "--launch", way, "--chain", str(GRAPH), "--bytes", ARGS.bytes, "--out", out,
               *(["--share-gpu"] if ARGS.share_gpu else []))
        with open(out, encoding="utf-8") as stream:
            rows = json.load(stream)["benchmarks"]
    return {f"{int(row['bytes'])} B": row["real_time"] for row in rows if "error_message" not in row}


def theirs(way):
    """Its table has the size in the first column, and out of place the time in the sixth."""
    first, last = ARGS.bytes.split(":")
    operations = ["-n", str(GRAPH), "-G", "50"] if way == "graph" else ["-n", "1000"]
    text = launch(*(AS_A_HOST if ARGS.share_gpu else []), os.path.join(ARGS.nccl_tests, "all_reduce_perf"), "-b", first, "-e", last, "-f", "2", "-g", "1",
                  "-d", "bfloat16", "-w", "50", "-a", "3", *operations)
    rows = [line.split() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return {f"{row[0]} B": float(row[5]) for row in rows if row[0].isdigit() and len(row) >= 9}


def main():
    for way in ARGS.launch.split(","):
        compare(ARGS.bin, ARGS.pairs, f"all_reduce, {way}", "us", lambda: ours(way), lambda: theirs(way))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hosts", help="this host and the other one, such as spark-01,spark-02")
    parser.add_argument("--control", default="lo", help="the interface for MPI's control traffic, not one of the links")
    parser.add_argument("--share-gpu", action="store_true", help="two processes on this machine's one GPU")
    parser.add_argument("--nccl-tests", required=True, help="a folder with all_reduce_perf, built with MPI=1")
    parser.add_argument("--bin", default="build/release/bin")
    parser.add_argument("--bytes", default="5120:81920", help="sizes, doubling")
    parser.add_argument("--launch", default="eager,graph")
    parser.add_argument("--pairs", type=int, default=16)
    ARGS = parser.parse_args()
    if not ARGS.share_gpu and not ARGS.hosts:
        parser.error("--hosts or --share-gpu")
    sys.exit(main())
