"""gpu_check.sh on what stands in for a GPU, so that it is ready where there is one."""

import os
import subprocess
import tempfile
import unittest

from scripts import ROOT, ScriptTest, run

FAKE_GPU = os.environ.get("WIRETAX_FAKE_GPU", "")


# What nccl-tests 2.17 prints, with times that nobody measured.
ALL_REDUCE_PERF = """#!/usr/bin/env python3
import os, sys
arguments = dict(zip(sys.argv[1::2], sys.argv[2::2]))
size = int(arguments["-b"])
if os.environ["OMPI_COMM_WORLD_RANK"] == "0":
    print("#       size         count      type   redop    root     time   algbw   busbw #wrong     time   algbw   busbw #wrong")
    while size <= int(arguments["-e"]):
        print(f"{size:12d} {size // 2:12d} bfloat16     sum      -1    {size / 1000:.2f}    1.00    1.00      0    {size / 1000:.2f}    1.00    1.00      0")
        size *= int(arguments["-f"])
    print("# Out of bounds values : 0 OK")
"""


class GpuCheck(ScriptTest):
    def test_everything_passes_and_leaves_its_files(self):
        out = self.enterContext(tempfile.TemporaryDirectory())
        environment = {**os.environ, "LD_LIBRARY_PATH": FAKE_GPU, "FAKE_GPU_COUNT": "1", "FAKE_GPU_NAME": "NVIDIA H200"}
        done = run("gpu_check.sh", out, env=environment)
        self.assert_ends(done, 0)
        self.assertIn("0 checks failed", done.stdout)
        self.assertIn("skipped: nccl-tests", done.stdout)
        for name in ("chained.json", "chained.rank1.log", "proof.json", "token.json", "doctor.json"):
            self.assertTrue(os.path.exists(f"{out}/{name}"), name)

    def test_the_ratio_to_nccl_tests(self):
        """The comparison itself, with few pairs and a stand-in for the peer."""
        folder = self.enterContext(tempfile.TemporaryDirectory())
        with open(f"{folder}/all_reduce_perf", "w", encoding="utf-8") as file:
            file.write(ALL_REDUCE_PERF)
        os.chmod(f"{folder}/all_reduce_perf", 0o755)
        environment = {**os.environ, "LD_LIBRARY_PATH": FAKE_GPU, "FAKE_GPU_COUNT": "1"}
        done = subprocess.run([f"{ROOT}/bench/compare/nccl.py", "--share-gpu", "--nccl-tests", folder, "--bin", os.environ["WIRETAX_BIN"], "--bytes",
                               "5120:10240", "--pairs", "6", "--launch", "graph"],
                              env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        self.assert_ends(done, 0)
        self.assertIn("pair 6: 10240 B of wiretax", done.stdout)
        self.assertIn("of the peer 10.240 us", done.stdout)
        self.assertRegex(done.stdout, r"all_reduce, graph, 10240 B: wiretax / peer [0-9.]+ \[")

    def test_a_check_that_fails_is_told_and_counted(self):
        out = self.enterContext(tempfile.TemporaryDirectory())
        environment = {**os.environ, "LD_LIBRARY_PATH": FAKE_GPU, "FAKE_GPU_COUNT": "1", "FAKE_GPU_FAULT": "ncclCommInitRank=3"}
        done = run("gpu_check.sh", out, env=environment)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("FAILED: chained ended with 5, wanted 0", done.stdout)


if __name__ == "__main__":
    unittest.main()
