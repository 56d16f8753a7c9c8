"""wiretax-rdma between two hosts with the kernel's own RDMA, on good days and bad ones. Runs in spark-01:
./scripts/lab -- python3 tests/lab/rdma_test.py"""

import contextlib
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
import unittest

from lab_test import HOSTS, LINKS, MANAGEMENT, LabTest, on

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
BIN = os.environ.get("WIRETAX_BIN", f"{ROOT}/build/release/bin")
RDMA = f"{BIN}/wiretax-rdma"
LINKS_PROGRAM = f"{BIN}/wiretax-links"
REPORT = f"{BIN}/wiretax-report"
FAULTY = os.path.join(BIN, "..", "tests", "faulty_rdma")
SECONDS = 300  # emulation on a busy machine; the program has deadlines of its own

USAGE, ENVIRONMENT, PEER, TIMEOUT, MISMATCH = 2, 5, 6, 7, 8
LINK, (DEVICE, SUBNET) = next(iter(LINKS.items()))


def mpirun(*command, hosts=HOSTS):
    return ["mpirun", "--allow-run-as-root", "-np", "2", "--host", ",".join(f"{host}:{2 // len(hosts)}" for host in hosts),
            "--bind-to", "none", "-x", "WIRETAX_SLOW", "-x", "WIRETAX_MARK", "--mca", "pml", "ob1", "--mca", "btl", "tcp,self",
            "--mca", "btl_tcp_if_include", MANAGEMENT, "--mca", "oob_tcp_if_include", MANAGEMENT, *command]


class RdmaTest(LabTest):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="wiretax_")
        self.addCleanup(shutil.rmtree, self.folder)
        self.out = f"{self.folder}/rdma.json"

    def measure(self, *options, program=RDMA):
        done = subprocess.run(mpirun(program, "--out", self.out, *options), stdin=subprocess.DEVNULL, text=True,
                              capture_output=True, timeout=SECONDS)
        # One after the other: mpirun passes stdout on in pieces that may end in the middle of a line.
        return done.returncode, done.stdout + done.stderr

    def assert_measures(self, *options, program=RDMA):
        code, output = self.measure(*options, program=program)
        self.assertEqual(code, 0, output)
        rows = self.rows()
        for row in rows:
            self.assertNotIn("error_message", row, output)
            self.assertGreater(row["real_time"], 0, row)
        return rows

    def assert_fails(self, expected, *parts, options):
        code, output = self.measure(*options)
        self.assertEqual(code, expected, output)
        lines = [line for line in output.splitlines() if line.startswith("error: ")]
        self.assertEqual(len(lines), 1, output)
        for part in parts:
            self.assertIn(part, lines[0])

    def document(self):
        with open(self.out, encoding="utf-8") as file:
            return json.load(file)

    def rows(self):
        return self.document()["benchmarks"]

    @contextlib.contextmanager
    def changed(self, host, change, back):
        self.assert_runs(on(host, change))
        try:
            yield
        finally:
            self.assert_runs(on(host, back))
            for each in HOSTS:
                self.wait_for(each, f"grep -q ACTIVE /sys/class/infiniband/{DEVICE}/ports/1/state")


class GoodDays(RdmaTest):
    def test_every_operation_on_both_links(self):
        rows = self.assert_measures("--op", "write,send,read", "--bytes", "4Ki")
        names = {row["name"] for row in rows}
        self.assertEqual(names, {f"rdma_{operation}_{mode}/link:{device}/from:0/to:1/bytes:4096"
                                 for operation in ("write", "send", "read") for mode in ("bandwidth", "latency")
                                 for device, _ in LINKS.values()})
        context = self.document()["context"]
        self.assertEqual(context["transport"], "soft-RoCE (rxe), no hardware")
        self.assertIn("emulation", context["wiretax_mark"])
        self.assertEqual({device["gid"]["type"] for device in context["rdma_devices"]}, {"RoCE v2"})
        self.assertNotIn("remote_key", json.dumps(self.document()))
        for row in rows:
            self.assertEqual(row["mtu"], 4096, row)
            self.assertNotIn("bound_Gbps", row, "software has no bound")
            if "latency" in row["name"]:
                self.assertGreaterEqual(row["max_us"], row["p50_us"])
                self.assertGreater(row["stdev_us"], 0)

    def test_connected_by_librdmacm(self):
        rows = self.assert_measures("--connect", "cm", "--device", f"{DEVICE}:1", "--bytes", "10Ki", "--qps", "2")
        self.assertTrue(all("/connect:cm/" in row["name"] for row in rows), rows)

    def test_both_ways_on_several_queue_pairs(self):
        rows = self.assert_measures("--op", "write,send,read", "--bidirectional", "--qps", "3", "--depth", "16", "--bytes",
                                    "5000", "--device", DEVICE)
        self.assertEqual(len(rows), 6)

    def test_a_read_in_both_directions_carries_data_both_ways(self):
        def sent():
            return [int(on(host, f"cat /sys/class/net/{LINK}/statistics/tx_bytes").stdout) for host in HOSTS]
        for options, both in (([], False), (["--bidirectional"], True)):
            before = sent()
            row, = self.assert_measures("--op", "read", "--mode", "bandwidth", "--bytes", "64Ki", "--device", DEVICE, *options)
            outward, back = (after - old for after, old in zip(sent(), before, strict=True))
            self.assertGreater(back, 65536 * 10)
            self.assertEqual(outward > back / 2, both, (outward, back))
            self.assertAlmostEqual(row["GBps"], (2 if both else 1) * 65536 / row["real_time"] / 1000, places=6)

    def test_one_rank_alone_is_skipped(self):
        done = subprocess.run([RDMA, "--out", self.out], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("skipped: wiretax-rdma needs at least two ranks", done.stderr)


class LinksTogether(RdmaTest):
    # Ethernet 14, IPv4 20, UDP 8, BTH 12, ICRC 4 in every packet; RETH 16 in the first of a message.
    PACKET, FIRST = 58, 16

    def test_two_links_alone_and_together(self):
        size, mtu = 65536, 4096
        names = sorted(device for device, _ in LINKS.values())
        for _ in range(4):  # a sum over a busy emulator may say nothing, and then is not told
            code, output = self.measure("--transport", "rdma", "--bytes", str(size), "--depth", "4", program=LINKS_PROGRAM)
            self.assertEqual(code, 0, output)
            rows = {row["name"].split("/")[1].removeprefix("links:"): row for row in self.rows()}
            self.assertEqual(sorted(rows), sorted([*names, "+".join(names)]), output)
            both = rows["+".join(names)]
            if "error_message" in both:
                self.assertIn("at work together", both["error_message"])
            elif not both["retransmits"]:
                break
        for name in names:
            self.assertEqual(rows[name]["overlap"], 1)
        self.assertGreaterEqual(both.get("overlap", 0), .95, both)
        self.assertAlmostEqual(both["GBps"], sum(both[f"GBps_{name}"] for name in names), places=9)
        rates = [both[f"GBps_{name}"] for name in names]
        self.assertAlmostEqual(both["imbalance"], max(rates) / min(rates) - 1, places=6)
        self.assertEqual(both["retransmits"], 0, "what was sent again would be counted twice")
        for row in rows.values():
            for name in names:
                if f"payload_bytes_{name}" not in row or row["retransmits"]:
                    continue
                payload = row[f"payload_bytes_{name}"]
                expected = payload + payload / mtu * self.PACKET + payload / size * self.FIRST
                self.assertLess(abs(row[f"netdev_bytes_{name}"] / expected - 1), .03, row)
        summary = self.assert_runs(on(HOSTS[0], f"{REPORT} summary {self.out}"))
        self.assertIn("alone GB/s", summary)


    def test_tcp_over_both_links(self):
        code, output = self.measure("--transport", "tcp", "--bytes", "16Ki", "--streams", "2", program=LINKS_PROGRAM)
        self.assertEqual(code, 0, output)
        rows = {row["name"].split("/")[1].removeprefix("links:"): row for row in self.rows()}
        names = [link for link, (_, _) in sorted(LINKS.items(), key=lambda entry: entry[1])]
        self.assertEqual(sorted(rows), sorted([*names, "+".join(names)]), output)
        context = self.document()["context"]
        self.assertEqual((context["transport"], context["wiretax_fabric"]), ("TCP over IPv4", "tcp"))
        for links, row in rows.items():
            self.assertNotIn("bound_Gbps", row, "software has no bound")
            for name in names if "error_message" not in row else []:
                if name not in links:
                    continue
                # Ethernet 14, IPv4 20, TCP with timestamps 32; segmentation offload counts fewer. What was sent again is
                # there twice, in segments of up to an MTU.
                payload, again = row[f"payload_bytes_{name}"], row["retransmits"] * 9014
                self.assertGreater(row[f"netdev_bytes_{name}"], payload)
                self.assertLess(row[f"netdev_bytes_{name}"], payload * 1.03 + again, row)
        summary = self.assert_runs(on(HOSTS[0], f"{REPORT} summary {self.out}"))
        self.assertRegex(summary, f"TCP +16 KiB +{names[0]} ")


class WrongUse(RdmaTest):
    def test_devices_that_are_not_there(self):
        self.assert_fails(USAGE, "--device mlx5_7", f"there is: roceP2p1s0f0 (ACTIVE), {DEVICE} (ACTIVE)",
                          options=["--device", "mlx5_7"])
        self.assert_fails(USAGE, f"--device {DEVICE}:2", options=["--device", f"{DEVICE}:2"])
        self.assert_fails(USAGE, f"--device names {DEVICE} twice", options=["--device", f"{DEVICE},{DEVICE}:1"])

    def test_more_than_the_device_can(self):
        """Before anything is measured, also where only the last size is too large."""
        for size, options, parts in [("4Ki", ["--depth", "65536"], ["a depth of 65536 on 1 queue pair wanted, its limit (max_qp_wr ",
                                                                    "use a smaller --depth"]),
                                     ("4Ki", ["--inline", "60000"], ["60000 bytes inline wanted, its limit ", "--inline"]),
                                     ("4Ki,3Gi", ["--force"], ["messages of 3221225472 bytes wanted, its limit (max_msg_sz) is ",
                                                               "use smaller --bytes"])]:
            self.assert_fails(USAGE, "(spark-0", DEVICE, *parts,
                              options=["--device", DEVICE, "--mode", "bandwidth", "--bytes", size, *options])
            measured = [] if not os.path.exists(self.out) else [row for row in self.rows() if "error_message" not in row]
            self.assertEqual(measured, [])

    def test_the_limits_that_are_told_hold(self):
        for option, extra in (("--depth", ["--bytes", "64"]), ("--inline", ["--bytes", "2,64", "--depth", "16"])):
            options = ["--device", DEVICE, "--mode", "bandwidth", *extra, option]
            code, output = self.measure(*options, "65536")
            self.assertEqual(code, USAGE, output)
            limit = re.search(r"its limit .*? is (\d+): use a smaller", output)
            self.assertTrue(limit, output)
            self.assert_measures(*options, limit.group(1))


class BadDays(RdmaTest):
    def test_a_device_that_is_down(self):
        with self.changed(HOSTS[1], f"ip link set {LINK} down", f"ip link set {LINK} up"):
            self.assert_fails(ENVIRONMENT, "rank 1 (spark-02)", f"--device {DEVICE}: its port is DOWN", f"sudo ip link set {LINK} up",
                              options=["--device", DEVICE])
            code, output = self.measure("--mode", "latency", "--bytes", "64")  # the other link still works
            self.assertEqual(code, 0, output)
            self.assertEqual({row["name"].split("/")[1] for row in self.rows()}, {"link:roceP2p1s0f0"})
            self.assertIn(f"not used: {DEVICE} (DOWN) of spark-02\n", output)
            self.assertIn(f"not used: {DEVICE} of spark-01: no port of another host is in its subnet or at its place, or that "
                          "one is not ACTIVE\n", output)
            summary = self.assert_runs(on(HOSTS[0], f"{REPORT} summary {self.out}"))
            self.assertIn(f"not used: {DEVICE} (DOWN) of spark-02", summary)

    def test_ends_with_different_mtus(self):
        with self.changed(HOSTS[1], f"ip link set {LINK} mtu 1500", f"ip link set {LINK} mtu 9000"):
            row, = self.assert_measures("--mode", "latency", "--bytes", "4Ki", "--device", DEVICE)
            self.assertEqual(row["mtu"], 1024)
            self.assertIn(f"path MTU 4096 at {DEVICE} of spark-01 and 1024 at {DEVICE} of spark-02, the smaller is used: "
                          f"sudo ip link set {LINK} mtu 9000 on spark-02, where it is 1500", row["label"])
            self.assert_fails(USAGE, f"{DEVICE} of rank 1 (spark-02) has an active MTU of 1024, below the wanted 4096: "
                              f"sudo ip link set {LINK} mtu 9000 there",
                              options=["--device", DEVICE, "--mtu", "4096", "--mode", "latency", "--bytes", "4Ki"])

    def test_a_gid_table_without_ipv4(self):
        address = f"{SUBNET}.1/24"
        with self.changed(HOSTS[0], f"ip address del {address} dev {LINK}", f"ip address add {address} dev {LINK}"):
            rows = self.assert_measures("--mode", "latency", "--bytes", "64")
            labels = {row["name"].split("/")[1]: row["label"] for row in rows}
            self.assertIn(f"{DEVICE} of spark-01: ", labels[f"link:{DEVICE}"])
            self.assertIn(f"sudo ip address add ADDRESS/24 dev {LINK}", labels[f"link:{DEVICE}"])

    def test_loss(self):
        netem = f"tc qdisc add dev {LINK} root netem loss 1%"
        with self.changed(HOSTS[0], netem, f"tc qdisc del dev {LINK} root"):
            row, = self.assert_measures("--mode", "bandwidth", "--bytes", "256Ki", "--device", DEVICE)
            self.assertRegex(row["label"], r"suspect: .*completer_retry_err \+\d+ on " + DEVICE)
            self.assertGreater(row["retransmits"], 0)

    def test_a_link_cut_in_the_middle_of_a_write(self):
        # As if both cables were cut: nothing comes back, and no carrier is lost.
        cut = "; ".join(f"tc qdisc add dev {link} root netem loss 100%" for link in LINKS)
        self.break_off(cut, PEER, "IBV_WC_RETRY_EXC_ERR (12", "no longer acknowledges", back=cut.replace(" add ", " del "))

    def test_a_peer_that_is_killed(self):
        self.break_off("pkill -KILL -x wiretax-rdma", PEER, "rank 1 on spark-02 was ended by signal 9")

    def break_off(self, command, expected, *parts, back="true"):
        """What a user of scripts/run sees when `command` strikes spark-02 after the first point."""
        out = f"{self.folder}/results"
        run = subprocess.Popen([f"{ROOT}/scripts/run", "--hosts", ",".join(HOSTS), "--only", "rdma", "--bytes", "64Ki,128Ki",
                                "--out", out], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.out = f"{out}/rdma.json"
        try:
            deadline = time.monotonic() + SECONDS
            while not self.finished() and time.monotonic() < deadline:
                time.sleep(0.5)
            struck = time.monotonic()
            with self.changed(HOSTS[1], command, back):
                output, _ = run.communicate(timeout=SECONDS)
        finally:
            run.kill()
        self.assertEqual(run.returncode, expected, output)
        for part in parts:
            self.assertIn(part, output)
        self.assertGreaterEqual(len(self.finished()), 1)
        broken = [row for row in self.rows() if "error_message" in row]
        self.assertEqual([row["real_time"] for row in broken], [0] * len(broken), "no number for what was broken off")
        self.assertLess(time.monotonic() - struck, SECONDS / 2, "both ranks end inside their deadlines")
        self.assertEqual(on(HOSTS[1], "pgrep -x wiretax-rdma").returncode, 1, "nobody is left over there")

    def finished(self):
        try:
            return [row for row in self.rows() if "error_message" not in row]
        except (OSError, ValueError):
            return []

    def faulty(self, fault, *options, **environment):
        return subprocess.run(mpirun(FAULTY, "--device", DEVICE, "--fault", fault, *options), stdin=subprocess.DEVNULL, text=True,
                              capture_output=True, timeout=SECONDS, env={**os.environ, **environment})

    def test_a_wrong_key(self):
        done = self.faulty("wrong_key")
        self.assertEqual(done.returncode, PEER, done.stderr)
        self.assertIn("IBV_WC_REM_ACCESS_ERR (10", done.stderr)
        self.assertIn("refused access to its memory", done.stderr)

    def test_a_stranger_at_the_door_of_librdmacm(self):
        done = self.faulty("stranger", "--benchmark_filter", "bytes:2$")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("the stranger: RDMA_CM_EVENT_REJECTED came in place of RDMA_CM_EVENT_CONNECT_RESPONSE", done.stdout)

    def test_wrong_data(self):
        done = self.faulty("wrong_data", "--out", self.out)
        self.assertEqual(done.returncode, MISMATCH, done.stderr)
        self.assertIn("an RDMA send of 64 bytes on queue pair 0 delivered wrong data at byte 2", done.stderr)
        good, bad = sorted(self.rows(), key=lambda row: row.get("error_message", ""))
        self.assertGreater(good["real_time"], 0)
        self.assertIn("wrong data at byte 2", bad["error_message"])
        self.assertEqual(bad["real_time"], 0)

    def test_a_peer_that_fails_while_its_word_is_waited_for(self):
        """The one that failed says why; the one that waits finds out, and does not hide it behind a deadline."""
        done = self.faulty("no_word")
        self.assertEqual(done.returncode, PEER, done.stderr)
        self.assertIn("rank 1 (spark-02): fell out before its word", done.stderr)

    def test_a_peer_that_stands_still_while_its_device_goes_on(self):
        """That its device answers is no sign of life."""
        done = self.faulty("standstill", WIRETAX_SLOW="2")  # else it takes more than a minute
        self.assertEqual(done.returncode, TIMEOUT, done.stdout + done.stderr)
        self.assertRegex(done.stderr, rf"rank 0 \(spark-01\): {DEVICE}: no completion and no message for 20 s")

    def test_too_little_memory_may_be_locked(self):
        for device in (["--device", DEVICE], []):
            line = " ".join(mpirun(RDMA, *device, "--mode", "bandwidth", "--bytes", "64Ki", hosts=HOSTS[:1])
                            ).replace("--allow-run-as-root", "")
            done = on(HOSTS[0], f"cd / && ulimit -l 64 && HOME=/tmp setpriv --reuid=65534 --regid=65534 --clear-groups {line}")
            self.assertEqual(done.returncode, ENVIRONMENT, done.stdout + done.stderr)
            self.assertIn("Cannot allocate memory", done.stderr)
            self.assertIn("this process may lock 64 KiB: ulimit -l unlimited", done.stderr)

    def test_memory_that_is_not_there(self):
        for program in (RDMA, LINKS_PROGRAM):
            code, output = self.measure("--memory", "huge", "--device", DEVICE, "--bytes", "64Ki", program=program)
            self.assertEqual(code, ENVIRONMENT, output)
            self.assertIn("huge pages of 2 MiB (sudo sysctl vm.nr_hugepages=", output)
        self.assert_fails(ENVIRONMENT, "--memory device: there is no CUDA here", options=["--memory", "device"])


if __name__ == "__main__":
    unittest.main()
