"""What the comparisons share: alternating pairs of runs (ABBA), each printed, then the ratio with its interval."""

import os
import subprocess


def compare(bin_folder, count, title, unit, ours, theirs):
    """`ours` and `theirs` each make one run and return its number."""
    pairs = []
    for index in range(count):
        first, second = (ours, theirs) if index % 2 == 0 else (theirs, ours)
        values = {first: first(), second: second()}
        pairs.append((values[ours], values[theirs]))
        print(f"{title} pair {index + 1}: wiretax {values[ours]:.3f} {unit}, peer {values[theirs]:.3f} {unit}", flush=True)
    text = "\n".join(f"{a} {b}" for a, b in pairs)
    ratio = subprocess.run([os.path.join(bin_folder, "compare_ratio")], input=text, text=True, check=True,
                           stdout=subprocess.PIPE).stdout
    print(f"{title}: wiretax / peer {ratio}", flush=True)
