"""gpu_check.sh on what stands in for a GPU, so that it is ready where there is one."""

import os
import tempfile
import unittest

from scripts import ScriptTest, run

FAKE_GPU = os.environ.get("WIRETAX_FAKE_GPU", "")


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

    def test_a_check_that_fails_is_told_and_counted(self):
        out = self.enterContext(tempfile.TemporaryDirectory())
        environment = {**os.environ, "LD_LIBRARY_PATH": FAKE_GPU, "FAKE_GPU_COUNT": "1", "FAKE_GPU_FAULT": "ncclCommInitRank=3"}
        done = run("gpu_check.sh", out, env=environment)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("FAILED: chained ended with 5, wanted 0", done.stdout)


if __name__ == "__main__":
    unittest.main()
