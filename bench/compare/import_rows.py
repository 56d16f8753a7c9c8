#!/usr/bin/env python3
"""How long `wiretax-report import` takes for 100,000 rows of each tool, and how much memory: by hand, on an idle machine.
Prints; asserts nothing. Meant are about 2 s and 300 MiB. A row of nccl-tests is two points, in place and out of place."""

import argparse
import json
import os
import subprocess
import tempfile
import time

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
DEVICES = "".join(f"#  Rank  {rank} Group  0 Pid   {rank + 1} on  spark-{rank} device  0 [000f:01:00] NVIDIA GB10\n" for rank in (0, 1))


def sizes(rows):
    return (4 * (row + 1) for row in range(rows))


def nccl_text(rows):
    yield "# Collective test starting: all_reduce_perf\n# nThread 1 nGpus 1 graph: 0\n" + DEVICES
    yield "# size count type redop root time algbw busbw #wrong time algbw busbw #wrong\n"
    for size in sizes(rows):
        half = f"{20 + size / 1e4:.2f} {size / (20e3 + size / 10):.2f} {size / (20e3 + size / 10):.2f} 0"
        yield f"{size} {size // 4} float sum -1 {half} {half}\n"
    yield "# Avg bus bandwidth    : 1\n"


def nccl_json(rows):
    yield json.dumps({"version": 3, "args": ["all_reduce_perf"], "config": {
        "nthreads": 1, "ngpus": 1, "graph": 0, "devices": [{"rank": 0, "hostname": "a"}, {"rank": 1, "hostname": "b"}]}})[:-1]
    yield ', "results": ['
    for row, size in enumerate(sizes(rows)):
        half = {"time": 20 + size / 1e4, "alg_bw": size / (20e3 + size / 10), "bus_bw": size / (20e3 + size / 10), "nwrong": 0}
        yield ("," if row else "") + "\n" + json.dumps({
            "size": size, "count": size // 4, "type": "float", "redop": "sum", "root": "    -1", "out_of_place": half,
            "in_place": half, "actual_iterations": 20, "experiment_name": "all_reduce_perf"})
    yield '], "errors": []}\n'


def perftest_text(rows):
    yield "                    RDMA_Write BW Test\n Dual-port       : OFF\t\tDevice         : rocep1s0f0\n"
    yield " #bytes     #iterations    BW peak[MiB/sec]    BW average[MiB/sec]   MsgRate[Mpps]\n"
    for size in sizes(rows):
        yield f" {size:<7}    5000             0.00               {size * 1e5 / 2**20:.2f}   \t\t     0.100000\n"


def osu_text(rows):
    yield "# OSU MPI Allreduce Latency Test v7.4\n# Datatype: MPI_CHAR.\n# Size       Avg Latency(us)\n"
    for size in sizes(rows):
        yield f"{size:<10}{20 + size / 1e4:18.2f}\n"


def iperf3_json(rows):
    """Documents one after another, as a shell's loop appends them."""
    for row in range(rows):
        end = {"start": 0, "end": 10.0, "seconds": 10.0, "bytes": 10_000_000_000 + row, "bits_per_second": 8e9}
        yield json.dumps({"start": {"version": "iperf 3.12", "test_start": {"protocol": "TCP", "num_streams": 1, "blksize": 131072}},
                          "intervals": [], "end": {"sum_sent": end, "sum_received": end}}) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=f"{ROOT}/build/release/bin/wiretax-report")
    parser.add_argument("--rows", type=int, default=100_000)
    arguments = parser.parse_args()
    for source in (nccl_text, nccl_json, perftest_text, osu_text, iperf3_json):
        with tempfile.TemporaryDirectory() as folder:
            path, out = f"{folder}/{source.__name__}", f"{folder}/out.json"
            with open(path, "w", encoding="utf-8") as file:
                file.writelines(source(arguments.rows))
            start = time.perf_counter()
            child = subprocess.Popen([arguments.program, "import", "--ranks", "2", path, "-o", out], stdout=subprocess.PIPE, text=True)
            said = child.stdout.readline().strip()
            _, status, used = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
            print(f"{source.__name__:13} {time.perf_counter() - start:5.2f} s ({used.ru_utime + used.ru_stime:.2f} s of a core) {used.ru_maxrss / 1024:5.0f} MiB, {os.path.getsize(path) / 1e6:.0f} MB; "
                  f"ends with {child.returncode}: {said}")


if __name__ == "__main__":
    main()
