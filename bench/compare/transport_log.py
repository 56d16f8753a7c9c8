#!/usr/bin/env python3
"""How long `wiretax-report transport` takes for a large log: by hand, on an idle machine. Prints; asserts nothing.

The log is of 1024 ranks on 128 hosts, all mixed, with the tables and the lines about topology that real logs are full of.
"""

import argparse
import os
import subprocess
import tempfile
import time

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
RANKS = 1024
CHANNELS = 16


def lines_of(rank):
    host, peer = f"node{rank // 8:03}", (rank + 1) % RANKS
    who = f"{host}:{4000 + rank}:{5000 + rank} [{rank % 8}] NCCL INFO "
    comm = f"comm 0x55{rank:06x} rank {rank} "
    start = f"ncclCommInitRank {comm}nranks {RANKS} cudaDev {rank % 8} nvmlDev {rank % 8} busId 1a000 commId 0x7c1 - Init "
    yield who + "NET/IB : Using [0]mlx5_0:1/RoCE [1]mlx5_1:1/RoCE [RO]; OOB eth0:10.0.0.1<0>"
    yield who + "Using network IB"
    yield who + start + "START"
    yield who + f"{comm}nRanks {RANKS} nNodes {RANKS // 8} localRanks 8 localRank {rank % 8} MNNVL 0"
    yield who + "Trees " + " ".join(f"[{c}] {peer}/-1/-1->{rank}->-1" for c in range(CHANNELS))
    for channel in range(CHANNELS):
        yield who + f"Channel {channel:02}/0 : {rank}[{rank % 8}] -> {peer}[{peer % 8}] [send] via NET/IB/{channel % 2}/GDRDMA"
        yield who + f"Channel {channel:02}/0 : {peer}[{peer % 8}] -> {rank}[{rank % 8}] [receive] via NET/IB/{channel % 2}/GDRDMA"
    yield who + "Connected all rings, use ring PXN 0 GDR 1"
    yield who + start + "COMPLETE"


def write_log(path, size):
    job = "".join(line + "\n" for rank in range(RANKS) for line in lines_of(rank))
    filler = "".join(f"node{i % RANKS // 8:03}:{4000 + i % RANKS}:{5000 + i % RANKS} [0] NCCL INFO AllReduce: {i * 8} Bytes -> Algo RING proto LL "
                     "channel{Lo..Hi}={0..15}\n"
                     f"    {i:8}   1024   float   sum   -1   28.40   0.04   0.04   0\n" for i in range(4096))
    with open(path, "w") as file:
        file.write(job)
        while file.tell() < size:
            file.write(filler)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=f"{ROOT}/build/release/bin/wiretax-report")
    parser.add_argument("--megabytes", type=int, default=100)
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/nccl.log"
        write_log(path, arguments.megabytes * 1_000_000)
        times = []
        for _ in range(arguments.runs):
            start = time.perf_counter()
            done = subprocess.run([arguments.program, "transport", path], capture_output=True, text=True)
            times.append(time.perf_counter() - start)
        megabytes = os.path.getsize(path) / 1e6
    print(f"{megabytes:.0f} MB, {RANKS} ranks: {min(times):.2f} s at best, {sorted(times)[len(times) // 2]:.2f} s in the "
          f"middle of {len(times)} runs; {megabytes / min(times):.0f} MB/s; ends with {done.returncode}: "
          f"{done.stdout.splitlines()[0] if done.stdout else done.stderr}")


if __name__ == "__main__":
    main()
