"""deploy, between two machines that share no build."""

import os
import unittest

import machines
from scripts import BIN, ROOT, ScriptTest, script


class Deploy(ScriptTest):
    @classmethod
    def setUpClass(cls):
        cls.a, cls.b, cls.ssh = cls.enterClassContext(machines.two_machines())

    def setUp(self):
        """The other machine has neither programs nor scripts."""
        for folder in (BIN, f"{ROOT}/scripts"):
            self.b.run("mount", "-t", "tmpfs", "tmpfs", folder)
            self.addCleanup(self.b.uncover, folder)

    def deploy(self, *hosts):
        return self.a.run(script("deploy"), "--ssh", self.ssh, *hosts, check=False)

    def pretend(self, tool, answer):
        path = self.b.run("sh", "-c", f"command -v {tool}").stdout.strip()
        self.b.write_over(path, f"#!/bin/sh\necho '{answer}'\n")
        self.addCleanup(self.b.uncover, path)

    def test_the_other_host_can_run_afterwards(self):
        done = self.deploy("spark-b")
        self.assert_ends(done, 0)
        self.assertEqual(done.stdout, f"spark-b: {BIN} and scripts copied\n")
        for name in ("wiretax-tcp", "wiretax-collectives", "wiretax-report"):
            self.assertTrue(self.b.run("cmp", f"{BIN}/{name}", f"/proc/{os.getpid()}/root{BIN}/{name}"))
        self.assertIn("usage:", self.b.run(script("run"), "--help").stdout)

    def test_this_machine_needs_nothing(self):
        self.assert_ends(self.deploy("spark-a"), 0, "spark-a is this machine")

    def test_other_architecture(self):
        self.pretend("uname", "riscv64")
        self.assert_ends(self.deploy("spark-b"), 5, "host spark-b is riscv64 and this machine is")

    def test_old_glibc(self):
        self.pretend("getconf", "glibc 2.1")
        self.assert_ends(self.deploy("spark-b"), 5, "host spark-b has glibc 2.1 and the programs need")

    def test_unknown_host(self):
        self.assert_ends(self.deploy("no-such-host.invalid"), 5, "host no-such-host.invalid has no address")


if __name__ == "__main__":
    machines.check_permitted()
    unittest.main()
