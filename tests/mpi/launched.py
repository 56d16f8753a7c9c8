"""What the tests of programs under mpirun share."""

import glob
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

BIN = os.environ["WIRETAX_BIN"]
TCP = os.path.join(BIN, "wiretax-tcp")
RDMA = os.path.join(BIN, "wiretax-rdma")
LINKS = os.path.join(BIN, "wiretax-links")
COLLECTIVES = os.path.join(BIN, "wiretax-collectives")
DOCTOR = os.path.join(BIN, "wiretax-doctor")
TOKEN = os.path.join(BIN, "wiretax-token")
REPORT = os.path.join(BIN, "wiretax-report")
FAULTY = os.environ.get("WIRETAX_FAULTY", "")
FAKE_GPU = os.environ.get("WIRETAX_FAKE_GPU", "")

OK, USAGE, SUSPECT, ENVIRONMENT, PEER, TIMEOUT, MISMATCH = 0, 2, 3, 5, 6, 7, 8


def mpirun(ranks, *command):
    if os.geteuid() == 0:
        os.environ.update(OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
    return ["mpirun", "--oversubscribe", "--bind-to", "none", "-np", str(ranks), *command]


def read(path):
    with open(path) as stream:
        return stream.read()


def children(pid):
    """Ranks started by this mpirun, in order of their ranks."""
    found = []
    for path in glob.glob("/proc/[0-9]*/stat"):
        try:
            fields = read(path).rsplit(")", 1)[1].split()
            environment = read(os.path.dirname(path) + "/environ").split("\0")
        except OSError:
            continue
        if int(fields[1]) == pid:
            rank = [e for e in environment if e.startswith("OMPI_COMM_WORLD_RANK=")]
            if rank:
                found.append((int(rank[0].split("=")[1]), int(path.split("/")[2])))
    return [child for _, child in sorted(found)]


class Launched(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="wiretax_")
        self.addCleanup(shutil.rmtree, self.folder)
        self.out = os.path.join(self.folder, "out.json")

    def run_program(self, ranks, *command, timeout=240):
        """Exit code and everything printed. mpirun's own code is the first failing rank's."""
        process = self.start(ranks, *command)
        output = self.output_of(process, timeout)
        return process.returncode, output

    def start(self, ranks, *command):
        process = subprocess.Popen(mpirun(ranks, *command), stdin=subprocess.DEVNULL, text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(lambda: (process.poll() is None and process.kill(), process.wait()))
        return process

    def output_of(self, process, timeout):
        """All of it, stderr last: mpirun passes stdout on in pieces that may end in the middle of a line."""
        try:
            return "".join(process.communicate(timeout=timeout))
        except subprocess.TimeoutExpired:
            process.kill()
            self.fail(f"still running after {timeout} s:\n" + "".join(process.communicate()))

    def wait_for_points(self, count, seconds=60):
        """Until the file holds so many finished points."""
        for _ in range(seconds * 20):
            if os.path.exists(self.out) and len(self.rows()) >= count:
                return
            time.sleep(0.05)
        self.fail(f"no {count} points after {seconds} s")

    def document(self):
        with open(self.out) as stream:
            return json.load(stream)

    def rows(self):
        return self.document()["benchmarks"]

    def status(self):
        return self.document()["context"]["wiretax_status"]

    def errors(self, output):
        return [line for line in output.splitlines() if line.startswith("error:")]

    def assert_one_error(self, output, *parts):
        lines = self.errors(output)
        self.assertEqual(len(lines), 1, output)
        for part in parts:
            self.assertIn(part, lines[0])

    def measured(self):
        return [row for row in self.rows() if not row.get("error_occurred")]


def run():
    """As unittest.main, but tests that all skipped end with 77, which ctest shows."""
    program = unittest.main(exit=False)
    result = program.result
    if result.skipped and result.testsRun == len(result.skipped):
        for _, reason in result.skipped:
            print("skipped:", reason)
        sys.exit(77)
    sys.exit(not result.wasSuccessful())
