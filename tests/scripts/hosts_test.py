"""run --hosts from end to end, on two machines with a management and a measuring link."""

import json
import os
import signal
import subprocess
import tempfile
import unittest

import machines
from scripts import SHORT, ScriptTest, finished_points, processes_naming, ranks_of, script, wait_for_first_point, wait_until

FILES = ["collectives-mpi-mgmt0.json", "collectives-mpi-wire0.json", "decide.json", "doctor.json", "report.html", "run.log", "tcp.json"]


class Hosts(ScriptTest):
    @classmethod
    def setUpClass(cls):
        cls.a, cls.b, cls.ssh = cls.enterClassContext(machines.two_machines())

    def setUp(self):
        self.out = self.enterContext(tempfile.TemporaryDirectory()) + "/results"

    def command(self, *arguments, hosts="spark-b,spark-a"):
        return [script("run"), "--hosts", hosts, "--ssh", self.ssh, "--out", self.out, *arguments]

    def context_of(self, name):
        with open(f"{self.out}/{name}") as file:
            return json.load(file)["context"]

    def test_everything(self):
        """The other host is named first on purpose: rank 0 still belongs here, where the files are wanted."""
        done = self.a.run(*self.command(*SHORT), check=False)
        self.assert_ends(done, 0)
        self.assertEqual(sorted(os.listdir(self.out)), FILES)
        self.assertEqual(done.stdout.splitlines()[-1], f"{self.out}/report.html")
        for name in FILES:
            if name.startswith(("collectives", "tcp")):
                self.assertEqual(self.context_of(name)["wiretax_status"], "complete")
                self.assertGreater(finished_points(f"{self.out}/{name}"), 0)
        self.assertNotIn("not a network", done.stdout)

    def test_a_setting_of_nccl_reaches_every_rank(self):
        """Open MPI takes no variable along by itself, and ranks that differ in one are a fault."""
        done = self.a.run("env", "NCCL_PROTO=LL", *self.command("--only", "tcp", *SHORT), check=False)
        self.assert_ends(done, 0)
        with open(f"{self.out}/doctor.json") as file:
            hosts = json.load(file)["hosts"]
        self.assertEqual([host["environment"].get("NCCL_PROTO") for host in hosts], ["LL", "LL"])

    def test_a_fault_of_the_other_host_by_itself(self):
        """It is told and ends the run before mpirun is tried, unless somebody wants to go on."""
        wrapper = self.enterContext(tempfile.TemporaryDirectory()) + "/ssh"
        with open(wrapper, "w") as file:
            file.write(f"#!/bin/sh\ncase $* in *wiretax-doctor*--local*) echo FAULT port-down; exit 5 ;; esac\nexec {self.ssh} \"$@\"\n")
        os.chmod(wrapper, 0o755)
        command = [wrapper if word == self.ssh else word for word in self.command("--only", "tcp", *SHORT)]
        done = self.a.run(*command, check=False)
        self.assert_ends(done, 5, "wiretax-doctor found a fault")
        self.assertIn("FAULT port-down", done.stderr)
        self.assertEqual(os.listdir(self.out), ["run.log"])
        self.out += "-anyway"
        command = [wrapper if word == self.ssh else word for word in self.command("--only", "tcp", "--go-on", *SHORT)]
        self.assert_ends(self.a.run(*command, check=False), 0, "going on all the same")

    def test_every_way_that_nccl_can_take(self):
        """On what stands in for GPUs and NCCL, which has sockets only: the ways over RDMA are left out, and that is no failure."""
        gpu = {"LD_LIBRARY_PATH": os.environ["WIRETAX_FAKE_GPU"], "FAKE_GPU_NAME": "NVIDIA_H200"}
        self.b.stop_sshd()
        self.b.start_sshd("SetEnv " + " ".join(f"{name}={value}" for name, value in gpu.items()))
        self.addCleanup(lambda: (self.b.stop_sshd(), self.b.start_sshd()))
        machines.wait_for_sshd(self.a, self.b, self.a.folder)
        done = self.a.run("env", *(f"{name}={value}" for name, value in gpu.items()), *self.command("--only", "collectives", "--bytes", "1024"), check=False)
        self.assert_ends(done, 0)
        found = sorted(name for name in os.listdir(self.out) if "nccl" in name and name.endswith(".json"))
        self.assertEqual(found, ["collectives-nccl-gapped.json", "collectives-nccl-socket-control.json", "collectives-nccl-socket-fast.json",
                                 "collectives-nccl.json", "transport-nccl.json"])
        fast = self.context_of("collectives-nccl-socket-fast.json")
        self.assertEqual(fast["wiretax_fabric"], "nccl-socket-fast")
        self.assertIn("NCCL_SOCKET_IFNAME==wire0", fast["environment"])
        self.assertIn("NCCL_SOCKET_IFNAME==mgmt0", self.context_of("collectives-nccl-socket-control.json")["environment"])
        self.assertNotIn("NCCL_NET=Socket", self.context_of("collectives-nccl.json")["environment"])
        with open(f"{self.out}/decide.json") as file:
            fabrics = {row["fabric"] for row in json.load(file)["rows"]}
        self.assertTrue({"nccl", "nccl-socket-fast", "nccl-socket-control"} <= fabrics, fabrics)

    def test_control_stays_on_the_management_link(self):
        done = self.a.run(*self.command("--only", "collectives", "--interface", "wire0", *SHORT), check=False)
        self.assert_ends(done, 0)
        with open(f"{self.out}/run.log") as log:
            self.assertIn("--mca oob_tcp_if_include 10.99.0.0/24", log.read())
        self.assertIn("collectives-mpi-wire0.json", os.listdir(self.out))

    def test_links_between_named_networks(self):
        """Without RDMA it is TCP's links that are set side by side, and only those that somebody named."""
        self.assert_ends(self.a.run(*self.command("--only", "links", "--interface", "mgmt0,wire0", *SHORT), check=False), 0)
        with open(f"{self.out}/links.json") as file:
            results = json.load(file)
        self.assertEqual(results["context"]["wiretax_status"], "complete")
        links = {row["name"].split("/")[1] for row in results["benchmarks"]}
        self.assertEqual(links, {"links:mgmt0", "links:wire0", "links:mgmt0+wire0"})

    def test_measured_bytes_cross_the_wire(self):
        before = self.sent("wire0")
        self.assert_ends(self.a.run(*self.command("--interface", "10.99.1.0/24", *SHORT), check=False), 0)
        self.assertGreater(self.sent("wire0") - before, 1_000_000)

    def sent(self, link):
        return int(self.a.run("cat", f"/sys/class/net/{link}/statistics/tx_bytes").stdout)

    def start(self, *arguments):
        started = self.a.start(*self.command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               start_new_session=True)
        self.addCleanup(started.kill)
        wait_for_first_point(started, f"{self.out}/tcp.json")
        return started

    def end(self, started):
        stdout, stderr = started.communicate(timeout=120)
        wait_until(lambda: not processes_naming(self.out), "no process is left on either machine", 10)
        return subprocess.CompletedProcess(started.args, started.returncode, stdout, stderr)

    def test_ctrl_c(self):
        started = self.start()
        os.killpg(started.pid, signal.SIGINT)
        self.assert_ends(self.end(started), 130, "finished points in ")
        self.assertEqual(sorted(os.listdir(self.out)), ["doctor.json", "run.log", "tcp.json"])

    def test_rank_on_the_other_host_is_lost(self):
        started = self.start("--only", "tcp")
        os.kill(ranks_of(self.out)[1], signal.SIGKILL)
        self.assert_ends(self.end(started), 6, "error: wiretax-tcp: rank 1 on spark-b was ended by signal 9 (Killed)")

    def test_other_host_is_lost(self):
        """Its daemon dies, as with the power: nobody there is left to say why."""
        started = self.start("--only", "tcp")
        rank = ranks_of(self.out)[1]
        with open(f"/proc/{rank}/stat") as stat:
            daemon = int(stat.read().rsplit(")", 1)[1].split()[1])
        os.kill(daemon, signal.SIGKILL)
        self.assert_ends(self.end(started), 6, "spark-b")
        self.assertGreater(finished_points(f"{self.out}/tcp.json"), 0)


if __name__ == "__main__":
    machines.check_permitted()
    unittest.main()
