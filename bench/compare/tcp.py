#!/usr/bin/env python3
"""TCP over loopback, wiretax-tcp against its peers, in alternating runs (ABBA): bandwidth of 1 and 4
streams against iperf3, round trip of 64 B against sockperf's ping-pong. With one stream all run on cores
0 and 1; four streams are left to the kernel, on both sides.

Every run is printed, then the ratio of ours to theirs with its 95 % interval: above 0.97 is good for a
bandwidth, below 1.03 for a time. Needs iperf3, sockperf and taskset:
  bench/compare/tcp.py [--bin build/release/bin] [--pairs 20] [--only bandwidth1,bandwidth4,latency]
"""

import argparse
import contextlib
import json
import os
import re
import subprocess
import tempfile
import time

from pairs import compare

WINDOW = 2.0  # seconds measured by the peers; wiretax --profile full measures at least 0.5, warmed up
PORT = 25201


def run(command):
    return subprocess.run(command, check=True, stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout


@contextlib.contextmanager
def server(cores, *command):
    process = subprocess.Popen(["taskset", "-c", cores, *command], stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(0.5)
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def wiretax(options, field):
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "tcp.json")
        run(["mpirun", "--bind-to", "none", "-np", "2", os.path.join(ARGS.bin, "wiretax-tcp"),
             "--interface", "lo", "--profile", "full", "--benchmark_filter", "from:0/", "--out", out, *options])
        row, = json.load(open(out))["benchmarks"]
        return row[field]


def bandwidth_ours(streams):
    return {"mean": wiretax(["--mode", "bandwidth", "--streams", str(streams), "--bytes", "128Ki"], "GBps") * 8}


def bandwidth_iperf3(streams):
    output = run(["taskset", "-c", "0" if streams == 1 else "0,1", "iperf3", "-c", "127.0.0.1", "-p", str(PORT), "-J", "-l", "128K",
                  "-P", str(streams), "-O", "1", "-t", str(WINDOW)])
    return {"mean": json.loads(output)["end"]["sum_received"]["bits_per_second"] / 1e9}


def latency_ours():
    return {"mean": wiretax(["--mode", "latency", "--bytes", "64"], "real_time") / 2}  # sockperf's is one way


def latency_sockperf():
    output = run(["taskset", "-c", "0", "sockperf", "ping-pong", "--tcp", "-i", "127.0.0.1", "-p", str(PORT),
                  "-m", "64", "-t", str(int(WINDOW))])
    found = re.search(r"Summary: Latency is *([0-9.]+) usec", output)
    if found is None:
        raise SystemExit("sockperf measured nothing:\n" + output)
    return {"mean": float(found.group(1))}


def main():
    if os.geteuid() == 0:
        os.environ.update(OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
    wanted = ARGS.only.split(",")
    for streams in (1, 4):
        if f"bandwidth{streams}" in wanted:
            with server("1" if streams == 1 else "0,1", "iperf3", "-s", "-p", str(PORT)):
                compare(ARGS.bin, ARGS.pairs, f"bandwidth of {streams} stream(s) against iperf3", "Gb/s",
                        lambda s=streams: bandwidth_ours(s), lambda s=streams: bandwidth_iperf3(s))
    if "latency" in wanted:
        with server("1", "sockperf", "server", "--tcp", "-i", "127.0.0.1", "-p", str(PORT)):
            compare(ARGS.bin, ARGS.pairs, "half a round trip of 64 B against sockperf", "us", latency_ours, latency_sockperf)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default="build/release/bin")
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--only", default="bandwidth1,bandwidth4,latency")
    ARGS = parser.parse_args()
    main()
