"""What the comparisons share: alternating pairs of runs (ABBA), each printed, then the ratio with its interval."""

import os
import subprocess


def compare(bin_folder, count, title, unit, ours, theirs):
    """`ours` and `theirs` each make one run and return its numbers by statistic, such as {"mean": 3.5}; both have the same."""
    pairs = []
    for index in range(count):
        first, second = (ours, theirs) if index % 2 == 0 else (theirs, ours)
        values = {first: first(), second: second()}
        pairs.append((values[ours], values[theirs]))
        for statistic, mine in values[ours].items():
            print(f"{title}, pair {index + 1}: {statistic} of wiretax {mine:.3f} {unit}, of the peer {values[theirs][statistic]:.3f} {unit}",
                  flush=True)
    for statistic in pairs[0][0]:
        text = "\n".join(f"{mine[statistic]} {other[statistic]}" for mine, other in pairs)
        ratio = subprocess.run([os.path.join(bin_folder, "compare_ratio")], input=text, text=True, check=True,
                               stdout=subprocess.PIPE).stdout
        print(f"{title}, {statistic}: wiretax / peer {ratio}", end="", flush=True)
