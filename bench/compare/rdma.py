#!/usr/bin/env python3
"""RDMA between two hosts, wiretax-rdma against perftest, in alternating runs (ABBA) on the same device: write
bandwidth at 64 KiB (ib_write_bw), write latency at 2 B (ib_write_lat) and send latency at 10,240 B (ib_send_lat).
Both use one queue pair, 128 messages on their way, a completion for every 16, nothing inline and the same path MTU.
Bandwidth is the mean from first post to last completion; of a latency, which is half a round trip, both the mean and the
median are compared: of emulated machines the mean is what the machine that emulates them makes of it.

Every run is printed, then the ratio of ours to theirs with its 95 % interval: above 0.97 is good for a
bandwidth, below 1.03 for a time. Needs perftest on both hosts and ssh to the other one. In the lab:
  ./scripts/lab -- python3 bench/compare/rdma.py --hosts spark-01,spark-02 --control enP7s7
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile

from pairs import compare

PORT = 18519
DEPTH, MODERATION, MTU = 128, 16, 4096


def run(command, **more):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def wiretax(*options):
    """The only row, and what the file says of the devices."""
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "rdma.json")
        run(["mpirun", "--allow-run-as-root", "-np", "2", "--host", ",".join(f"{host}:1" for host in HOSTS), "--bind-to", "none",
             "--mca", "pml", "ob1", "--mca", "btl", "tcp,self", "--mca", "btl_tcp_if_include", ARGS.control,
             "--mca", "oob_tcp_if_include", ARGS.control, os.path.join(ARGS.bin, "wiretax-rdma"), "--device", ARGS.device,
             "--mtu", str(MTU), "--profile", ARGS.profile, "--inline", "0", "--depth", str(DEPTH), "--moderation", str(MODERATION), "--out", out, *options])
        document = json.load(open(out, encoding="utf-8"))
    row, = document["benchmarks"]
    if "error_message" in row:
        raise SystemExit(f"wiretax-rdma: {row['error_message']}")
    return row, document["context"]["rdma_devices"]


def perftest(program, gids, size, iterations, columns, *options):
    """The numbers in these columns of the only line of results, which begins with the size."""
    def command(host):
        return [program, "-d", ARGS.device, "-x", str(gids[host]), "-m", str(MTU), "-s", str(size), "-n", str(iterations),
                "-p", str(PORT), "-F", *options]
    there = HOSTS[1]
    server = subprocess.Popen(["ssh", there, *command(there)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        run(["ssh", there, f"until ss -ltn | grep -q ':{PORT} '; do sleep .1; done"], timeout=60)
        output = run([*command(HOSTS[0]), there], timeout=300)
        server.wait(timeout=60)
    finally:
        server.kill()
    line, = [words for words in map(str.split, output.splitlines()) if words[:1] == [str(size)]]
    return [float(line[column]) for column in columns]


def write_bandwidth(gids):
    def ours():
        row, _ = wiretax("--op", "write", "--mode", "bandwidth", "--bytes", "65536")
        return {"mean": row["GBps"] * 1000}
    def theirs():
        mebibytes, = perftest("ib_write_bw", gids, 65536, ARGS.messages, [3], "-q", "1", "-t", str(DEPTH), "-Q", str(MODERATION))
        return {"mean": mebibytes * 2**20 / 1e6}
    return "write bandwidth at 64 KiB against ib_write_bw", "MB/s", ours, theirs


def latency(operation, size, iterations):
    def of(gids):
        def ours():
            row, _ = wiretax("--op", operation, "--mode", "latency", "--bytes", str(size))
            return {"mean": row["real_time"], "median": row["p50_us"]}
        def theirs():
            typical, mean = perftest(f"ib_{operation}_lat", gids, size, iterations, [4, 5], "-I", "0")
            return {"mean": mean, "median": typical}
        return f"{operation} latency at {size} B against ib_{operation}_lat", "us", ours, theirs
    return of


def main():
    _, devices = wiretax("--op", "write", "--mode", "latency", "--bytes", "2")
    gids = {device["host"]: device["gid"]["index"] for device in devices}
    if sorted(gids) != sorted(HOSTS):
        raise SystemExit(f"wiretax-rdma ran on {', '.join(sorted(gids))}: name --hosts as they name themselves")
    comparisons = {"write_bw": write_bandwidth, "write_lat": latency("write", 2, 5 * ARGS.messages),
                   "send_lat": latency("send", 10240, 2 * ARGS.messages)}
    for name in ARGS.only.split(","):
        compare(ARGS.bin, ARGS.pairs, *comparisons[name](gids))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hosts", required=True, help="this host and the other one, such as spark-01,spark-02")
    parser.add_argument("--control", required=True, help="the interface for MPI, not one of the links")
    parser.add_argument("--device", default="rocep1s0f0")
    parser.add_argument("--bin", default="build/release/bin")
    parser.add_argument("--pairs", type=int, default=16)
    parser.add_argument("--messages", type=int, default=500, help="of each run of ib_write_bw; more for the latencies")
    parser.add_argument("--profile", default="full", help="of wiretax-rdma")
    parser.add_argument("--only", default="write_bw,write_lat,send_lat")
    ARGS = parser.parse_args()
    HOSTS = ARGS.hosts.split(",")
    sys.exit(main())
