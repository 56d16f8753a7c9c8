"""perftest between two hosts, and what wiretax-report import makes of what it prints and writes. Runs in spark-01:
./scripts/lab -- python3 tests/lab/import_test.py. Leaves perftest's output in WIRETAX_LAB_OUT."""

import json
import os
import shutil
import subprocess
import tempfile
import unittest

from lab_test import HOSTS, LINKS, LabTest, on

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
BIN = os.environ.get("WIRETAX_BIN", f"{ROOT}/build/release/bin")
REPORT = f"{BIN}/wiretax-report"
SECONDS = 300  # emulation on a busy machine
PORT = 18520
ITERATIONS = 200
DEVICE, SUBNET = next(iter(LINKS.values()))


class Import(LabTest):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="wiretax_")
        self.addCleanup(shutil.rmtree, self.folder)

    def perftest(self, program, size, *options):
        """What the client prints, and its JSON."""
        written = f"{self.folder}/{program}.json"
        def command(number):
            gid = self.gid_of(HOSTS[number], DEVICE, f"{SUBNET}.{number + 1}")
            return [program, "-d", DEVICE, "-x", str(gid), "-s", str(size), "-n", str(ITERATIONS), "-p", str(PORT), "-F", *options]
        client = [*command(0), "--out_json", f"--out_json_file={written}", HOSTS[1]]
        server = subprocess.Popen(["ssh", HOSTS[1], *command(1)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        try:
            self.wait_for(HOSTS[1], f"ss -ltn | grep -q ':{PORT} '")
            done = subprocess.run(client, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS)
            server.wait(timeout=SECONDS)
        finally:
            server.kill()
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        with open(f"{self.folder}/{program}.txt", "w", encoding="utf-8") as file:
            file.write(done.stdout)
        version = subprocess.run([program, "--version"], capture_output=True, text=True).stdout.split()[-1]
        for suffix in ("txt", "json"):
            shutil.copyfile(f"{self.folder}/{program}.{suffix}",
                            f"{os.environ['WIRETAX_LAB_OUT']}/perftest-{version}-{program}.{suffix}")
        return f"{self.folder}/{program}.txt", written

    def imported(self, path):
        out = f"{self.folder}/out.json"
        done = subprocess.run([REPORT, "import", path, "-o", out], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        with open(out, encoding="utf-8") as file:
            document = json.load(file)
        row, = document["benchmarks"]
        return row, document["context"]

    def test_bandwidth(self):
        text, written = self.perftest("ib_write_bw", 65536)
        rows = []
        for path in (text, written):
            row, context = self.imported(path)
            self.assertEqual(row["name"], f"rdma_write_bandwidth/link:{DEVICE}/from:0/to:1/bytes:65536")
            self.assertEqual(row["label"], "valid")
            self.assertEqual((row["mtu"], row["operations"]), (4096, ITERATIONS))
            self.assertRegex(context["imported_unit"], "2\\^20|MiB/s, inferred")
            rows.append(row)
        # Both are of the same run, rounded to hundredths of a MiB/s.
        self.assertAlmostEqual(rows[0]["GBps"], rows[1]["GBps"], delta=0.02e-3)

    def test_latency(self):
        for path in self.perftest("ib_write_lat", 2):
            row, _ = self.imported(path)
            self.assertEqual(row["name"], f"rdma_write_latency/link:{DEVICE}/from:0/to:1/bytes:2")
            self.assertGreaterEqual(row["real_time"], row["min_us"])
            self.assertNotIn("max_us", row)
            self.assertNotIn("p99_us", row, f"{ITERATIONS} samples do not support it")


if __name__ == "__main__":
    unittest.main()
