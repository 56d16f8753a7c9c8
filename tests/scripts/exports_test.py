"""What wiretax-report exports, read by others: Prometheus's OpenMetrics parser, a YAML reader, Python's csv and json."""

import csv
import json
import os
import subprocess
import sys
import tempfile
import unittest

from scripts import BIN

SKIPPED = 77  # ctest's SKIP_RETURN_CODE

try:
    import yaml
    from prometheus_client.openmetrics.parser import text_string_to_metric_families
except ImportError as missing:
    if sys.executable != "/usr/bin/python3" and os.path.exists("/usr/bin/python3"):
        os.execv("/usr/bin/python3", ["/usr/bin/python3", "-B", *sys.argv])  # Debian's packages are that one's
    print(f"skipped: {missing}: packages python3-prometheus-client and python3-yaml; ./scripts/setup test")
    sys.exit(SKIPPED)

ROWS = [{"name": 'all_reduce/backend:nccl/note:a,"b" \\ c/timing:chained/bytes:%d' % size, "real_time": time,
         "time_unit": "us", "bytes": size, "ranks": 2, "mean_lo_us": time * .9, "mean_hi_us": time * 1.1,
         "GBps": size / time / 1e3, "label": "valid"} for size, time in ((8192, 28), (65536, 66), (1048576, 160))]
FAILED = {"name": "all_reduce/timing:chained/bytes:16", "error_occurred": True, "error_message": "invalid: wrong data"}
CONTEXT = {"wiretax_schema": 1, "wiretax_status": "complete", "wiretax_program": "wiretax-collectives",
           "wiretax_fabric": "nccl", "wiretax_fabric_kind": "engine"}


class Exports(unittest.TestCase):
    def setUp(self):
        self.folder = self.enterContext(tempfile.TemporaryDirectory())
        self.results = f"{self.folder}/r.json"
        with open(self.results, "w") as file:
            json.dump({"context": CONTEXT, "benchmarks": [*ROWS, ROWS[0], FAILED]}, file)

    def export(self, *arguments):
        done = subprocess.run([f"{BIN}/wiretax-report", "export", *arguments, self.results], capture_output=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.decode()

    def test_openmetrics(self):
        families = {family.name: family for family in text_string_to_metric_families(self.export("openmetrics"))}
        times = families["wiretax_operation_seconds"]
        self.assertEqual((times.type, times.unit), ("gauge", "seconds"))
        self.assertEqual(len(times.samples), 4)
        self.assertAlmostEqual(times.samples[0].value, 28e-6)
        self.assertEqual(times.samples[0].labels["note"], 'a,"b" \\ c')
        self.assertEqual(families["wiretax_operation_bytes_per_second"].unit, "bytes_per_second")
        self.assertEqual(families["wiretax_file"].type, "info")
        points = {sample.labels["verdict"]: sample.value for sample in families["wiretax_points"].samples}
        self.assertEqual(points, {"valid": 4, "invalid": 1})

    def test_csv(self):
        text = self.export("csv")
        rows = list(csv.DictReader(text.splitlines(keepends=True), strict=True))
        self.assertEqual(len(rows), 5)
        self.assertEqual(rows[0]["name"], ROWS[0]["name"])
        self.assertEqual(float(rows[0]["time_s"]), 28e-6)
        self.assertEqual((rows[4]["verdict"], rows[4]["reason"], rows[4]["time_s"]), ("invalid", "wrong data", ""))
        self.assertFalse(any(None in row for row in rows), "a line with more fields than the heading has")

    def test_astra_sim(self):
        """The checks of its NetworkParser.cpp."""
        network = yaml.safe_load(self.export("astra-sim"))
        self.assertEqual(set(network), {"topology", "npus_count", "bandwidth", "latency"})
        self.assertTrue(all(isinstance(values, list) and len(values) == 1 for values in network.values()))
        self.assertIn(network["topology"][0], ("Ring", "FullyConnected", "Switch"))
        self.assertGreater(network["npus_count"][0], 1)
        self.assertGreater(network["bandwidth"][0], 0)
        self.assertGreaterEqual(network["latency"][0], 0)

    def test_llmservingsim(self):
        """What its config_builder.py wants of the two: numbers, not booleans; other entries stay."""
        with open(f"{self.folder}/cluster.json", "w") as file:
            json.dump({"num_nodes": 1, "nodes": [{"num_instances": 0}], "link_bw": 16, "link_latency": 20000}, file)
        cluster = json.loads(self.export("llmservingsim", "--into", f"{self.folder}/cluster.json"))
        self.assertEqual(len(cluster["nodes"]), cluster["num_nodes"])
        for name in ("link_bw", "link_latency"):
            self.assertIsInstance(cluster[name], float)
        # S / (160 - 28 us) in GiB/s, and half of what 28 us are above that
        self.assertAlmostEqual(cluster["link_bw"], (1048576 - 8192) / 132e-6 / 2**30, places=3)


if __name__ == "__main__":
    unittest.main()
