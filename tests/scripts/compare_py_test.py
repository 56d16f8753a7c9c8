"""Google Benchmark's own compare.py reads our result files, and sees in them what wiretax-report compare sees."""

import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

from scripts import BIN

COMPARE_PY = "/usr/share/benchmark/compare.py"  # of Debian's libbenchmark-tools
PYTHON = "/usr/bin/python3"  # has Debian's python3-scipy, which compare.py imports
SKIPPED = 77  # ctest's SKIP_RETURN_CODE


def require(condition, what):
    if not condition:
        print(f"skipped: {what}; ./scripts/setup test")
        sys.exit(SKIPPED)


def measured(path):
    """All-reduces of two ranks on this machine."""
    environment = dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
    subprocess.run(["mpirun", "--oversubscribe", "--bind-to", "none", "-np", "2", f"{BIN}/wiretax-collectives",
                    "--interface", "lo", "--op", "all_reduce", "--bytes", "64,1024,8Ki", "--out", path],
                   env=environment, check=True, capture_output=True, stdin=subprocess.DEVNULL)
    return path


def compared(old, new):
    """What compare.py prints of each point: its change of time, and both times in us."""
    done = subprocess.run([PYTHON, "-B", COMPARE_PY, "--no-color", "benchmarks", old, new], capture_output=True, text=True)
    rows = re.findall(r"^(\w+/\S+:\d+) +([+-]\d+\.\d+) +[+-]\d+\.\d+ +(\d+) +(\d+) ", done.stdout, re.MULTILINE)
    return done, {name: (float(change), int(before), int(after)) for name, change, before, after in rows}


class ComparePy(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.old = measured(f"{folder}/old.json")
        cls.new = measured(f"{folder}/new.json")

    def test_reads_what_the_programs_write(self):
        done, rows = compared(self.old, self.new)
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(self.old) as file:
            times = {row["name"]: row["real_time"] for row in json.load(file)["benchmarks"]}
        self.assertEqual(set(rows), set(times), done.stdout)
        self.assertEqual(len(rows), 3)
        for name, (_, before, _) in rows.items():
            self.assertAlmostEqual(before, times[name], delta=.5)

    def test_finds_the_same_changes(self):
        _, rows = compared(self.old, self.new)
        ours = subprocess.run([f"{BIN}/wiretax-report", "compare", "--json", self.old, self.new],
                              capture_output=True, text=True)
        points = {point["name"]: point["ratio"]["mid"] for point in json.loads(ours.stdout)["points"]}
        self.assertEqual(set(points), set(rows))
        for name, ratio in points.items():
            self.assertAlmostEqual(rows[name][0], ratio - 1, delta=1e-4)


if __name__ == "__main__":
    require(os.path.exists(COMPARE_PY), "there is no compare.py of Google Benchmark: package libbenchmark-tools")
    require(subprocess.run([PYTHON, "-c", "import scipy"], capture_output=True).returncode == 0,
            "compare.py wants scipy: package python3-scipy")
    unittest.main()
