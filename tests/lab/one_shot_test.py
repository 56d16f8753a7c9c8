"""The one_shot backend between two hosts, with two, three and four ranks. Runs in spark-01."""

import os
import subprocess
import time
import unittest

from lab_test import HOSTS, LINKS, MANAGEMENT, on
from rdma_test import BIN, DEVICE, SECONDS, USAGE, RdmaTest

COLLECTIVES = f"{BIN}/wiretax-collectives"
STORM = os.path.join(BIN, "..", "tests", "one_shot_storm")
OPERATIONS = "all_reduce,all_gather,reduce_scatter,broadcast,send_recv,all_to_all"
LINK = next(iter(LINKS))


def mpirun(ranks, *command):
    slots = (ranks + 1) // 2
    return ["mpirun", "--allow-run-as-root", "-np", str(ranks), "--host", ",".join(f"{host}:{slots}" for host in HOSTS),
            "--bind-to", "none", "-x", "WIRETAX_SLOW", "-x", "WIRETAX_MARK", "--mca", "pml", "ob1", "--mca", "btl", "tcp,self",
            "--mca", "btl_tcp_if_include", MANAGEMENT, "--mca", "oob_tcp_if_include", MANAGEMENT, *command]


class OneShot(RdmaTest):
    def run_ranks(self, ranks, *command):
        done = subprocess.run(mpirun(ranks, *command), stdin=subprocess.DEVNULL, text=True, capture_output=True,
                              timeout=2 * SECONDS)
        return done.returncode, done.stdout + done.stderr

    def collectives(self, ranks, *options):
        code, output = self.run_ranks(ranks, COLLECTIVES, "--backend", "one_shot", "--out", self.out, *options)
        self.assertEqual(code, 0, output)
        rows = self.rows()
        for row in rows:
            self.assertNotIn("error_message", row, output)
            self.assertGreater(row["real_time"], 0)
        return rows

    def storm(self, ranks, calls, *options):
        """Calls of every combination that the options list, in and out of place."""
        code, output = self.run_ranks(ranks, STORM, "--backend", "one_shot", "--calls", str(calls), *options)
        self.assertEqual(code, 0, output)
        self.assertRegex(output, "(?m)^[0-9]+ calls were right$")

    def test_every_collective_from_one_element_a_rank_to_4_mib(self):
        self.storm(2, 2, "--op", OPERATIONS, "--type", "float32,bfloat16", "--size", "1,10240,4194304")

    def test_three_ranks(self):
        self.storm(3, 2, "--op", OPERATIONS, "--size", "12288")

    def test_four_ranks(self):
        self.storm(4, 2, "--op", OPERATIONS, "--size", "12288")

    def test_every_collective_is_timed(self):
        rows = self.collectives(2, "--op", OPERATIONS, "--bytes", "2")
        self.assertEqual({row["name"].split("/")[0] for row in rows}, set(OPERATIONS.split(",")))
        self.assertEqual({row["name"].split("/")[1] for row in rows}, {"backend:one_shot"})
        context = self.document()["context"]
        self.assertEqual((context["wiretax_fabric"], context["wiretax_fabric_kind"]), ("one_shot", "floor"))

    def test_several_in_flight_and_in_a_ring(self):
        self.collectives(2, "--op", "all_reduce,broadcast,send_recv", "--timing", "pipelined", "--depth", "4", "--pattern",
                         "one_way,ring", "--bytes", "10Ki")

    def test_calls_back_to_back(self):
        self.storm(2, 1000, "--op", "all_reduce,broadcast,send_recv")

    def test_calls_back_to_back_while_packets_are_lost(self):
        netem = f"tc qdisc add dev {LINK} root netem loss 1%"
        before = self.lost()
        with self.changed(HOSTS[0], netem, f"tc qdisc del dev {LINK} root"):
            self.storm(2, 500, "--op", "all_reduce", "--device", DEVICE)
        self.assertGreater(self.lost(), before, "the loss was on the way of the messages")

    def lost(self):
        """Packets that one of the hosts saw out of order, or twice."""
        counters = " ".join(f"/sys/class/infiniband/{DEVICE}/ports/1/hw_counters/{name}"
                            for name in ("duplicate_request", "out_of_seq_request", "rcvd_seq_err"))
        return sum(int(number) for host in HOSTS for number in self.assert_runs(on(host, f"cat {counters}")).split())

    def test_a_peer_that_is_killed(self):
        started = subprocess.Popen(mpirun(2, STORM, "--backend", "one_shot", "--op", "all_reduce", "--calls", "1000000"), stdin=subprocess.DEVNULL, text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        try:
            deadline = time.monotonic() + SECONDS
            while on(HOSTS[1], "pgrep -x one_shot_storm").returncode != 0 and time.monotonic() < deadline:
                time.sleep(0.5)
            time.sleep(5)
            struck = time.monotonic()
            self.assert_runs(on(HOSTS[1], "pkill -KILL -x one_shot_storm"))
            output, _ = started.communicate(timeout=SECONDS)
        finally:
            started.kill()
        self.assertNotEqual(started.returncode, 0, output)
        self.assertLess(time.monotonic() - struck, SECONDS / 2)

    def test_options_of_another_backend(self):
        for options, part in ((["--backend", "one_shot", "--interface", "enp1s0f0np0"], "--interface is for --backend mpi"),
                              (["--backend", "mpi", "--device", "rocep1s0f0"], "--device and --memory are for --backend one_shot")):
            code, output = self.run_ranks(2, COLLECTIVES, *options)
            self.assertEqual(code, USAGE, output)
            self.assertIn(part, output)


if __name__ == "__main__":
    unittest.main()
