"""How a run ends that does not end by itself: Ctrl-C, SIGTERM, a rank that dies."""

import os
import signal
import subprocess
import tempfile
import unittest

from scripts import SHORT, ScriptTest, finished_points, processes_naming, ranks_of, script, wait_for_first_point


class Stop(ScriptTest):
    def setUp(self):
        self.out = self.enterContext(tempfile.TemporaryDirectory()) + "/results"

    def start(self, *arguments):
        """As from a terminal: a process group of its own, which a Ctrl-C reaches as a whole."""
        self.started = subprocess.Popen([script("run"), "--out", self.out, *arguments], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                        start_new_session=True)
        self.addCleanup(self.started.kill)
        wait_for_first_point(self.started, f"{self.out}/tcp.json")

    def end(self):
        stdout, stderr = self.started.communicate(timeout=120)
        done = subprocess.CompletedProcess(self.started.args, self.started.returncode, stdout, stderr)
        self.assertEqual(processes_naming(self.out), [])
        return done

    def assert_kept(self, done):
        self.assertGreater(finished_points(f"{self.out}/tcp.json"), 0)
        self.assertIn("finished points in ", done.stderr)
        self.assertEqual(sorted(os.listdir(self.out)), ["doctor.json", "run.log", "tcp.json"])

    def test_ctrl_c(self):
        self.start()
        os.killpg(self.started.pid, signal.SIGINT)
        done = self.end()
        self.assert_ends(done, 130)
        self.assert_kept(done)

    def test_terminate(self):
        self.start()
        self.started.terminate()
        done = self.end()
        self.assert_ends(done, 143)
        self.assert_kept(done)

    def test_impatience(self):
        self.start()
        os.killpg(self.started.pid, signal.SIGINT)
        os.killpg(self.started.pid, signal.SIGINT)
        self.assert_ends(self.end(), 130)

    def lose(self, rank):
        """The later programs still run, the lost one's points stay, and one line names the rank."""
        self.start("--interface", "lo", *SHORT)
        os.kill(ranks_of(self.out)[rank], signal.SIGKILL)
        done = self.end()
        self.assert_ends(done, 6, f"error: wiretax-tcp: rank {rank} on {os.uname().nodename} was ended by signal 9 (Killed)")
        self.assertNotIn("------", done.stderr)
        self.assertGreater(finished_points(f"{self.out}/collectives-mpi-lo.json"), 0)
        self.assertEqual(done.stdout.splitlines()[-1], f"{self.out}/report.html")
        with open(f"{self.out}/run.log") as log:
            self.assertIn(f"process rank {rank} with PID", log.read())

    def test_rank_0_is_lost(self):
        self.lose(0)

    def test_rank_1_is_lost(self):
        self.lose(1)


if __name__ == "__main__":
    unittest.main()
