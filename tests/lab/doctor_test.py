"""wiretax-doctor between two hosts, each with one thing wrong. Runs in spark-01."""

import json
import os
import subprocess
import tempfile
import unittest

from lab_test import HOSTS, LINKS, on
from rdma_test import BIN, DEVICE, ENVIRONMENT, LINK, SECONDS, RdmaTest, mpirun

DOCTOR = f"{BIN}/wiretax-doctor"
OTHER = next(link for link in LINKS if link != LINK)


class Doctor(RdmaTest):
    def found(self, *command):
        """Identifiers by severity, as rank 0 writes them; and that the exit code follows from them."""
        done = subprocess.run(command or mpirun(DOCTOR, "--out", self.out), stdin=subprocess.DEVNULL, text=True, capture_output=True,
                              timeout=SECONDS)
        document = json.loads(done.stdout) if command else self.document()
        found = {}
        for finding in document["findings"]:
            found.setdefault(finding["severity"], {}).setdefault(finding["id"], finding)
        self.assertEqual(done.returncode, ENVIRONMENT if "fault" in found else 0, done.stdout + done.stderr)
        return found

    def faults(self, *command):
        return sorted(self.found(*command).get("fault", {}))

    def test_healthy_hosts_have_no_faults(self):
        self.assertEqual(self.faults(), [])
        self.assertEqual([host["who"] for host in self.document()["hosts"]], ["rank 0 (spark-01)", "rank 1 (spark-02)"])

    def test_mtus_that_differ(self):
        with self.changed(HOSTS[1], f"ip link set {LINK} mtu 1500", f"ip link set {LINK} mtu 9000"):
            found = self.found()
        self.assertEqual(list(found["fault"]), ["mtu-mismatch"])
        self.assertEqual(found["fault"]["mtu-mismatch"]["fix"], f"on spark-02: sudo ip link set {LINK} mtu 9000")
        self.assertIn("mtu-1500", found["warning"])

    def test_a_link_that_is_down(self):
        with self.changed(HOSTS[1], f"ip link set {LINK} down", f"ip link set {LINK} up"):
            found = self.found()["fault"]
        self.assertIn("port-down", found)
        self.assertEqual(found["port-down"]["who"], "rank 1 (spark-02)")
        self.assertIn(f"sudo ip link set {LINK} up", found["port-down"]["fix"])

    def test_both_links_in_one_subnet(self):
        _, subnet = LINKS[LINK]
        with self.changed(HOSTS[1], f"ip address add {subnet}.102/24 dev {OTHER}", f"ip address del {subnet}.102/24 dev {OTHER}"):
            self.assertIn("halves-in-one-subnet", self.faults())

    def test_a_link_without_ipv4(self):
        address = f"{LINKS[LINK][1]}.1/24"
        with self.changed(HOSTS[0], f"ip address del {address} dev {LINK}", f"ip address add {address} dev {LINK}"):
            found = self.found()["fault"]
        self.assertEqual(list(found), ["half-without-ipv4"])
        self.assertIn(DEVICE, found["half-without-ipv4"]["evidence"])

    def test_a_link_on_which_nothing_answers(self):
        _, subnet = LINKS[LINK]
        with self.changed(HOSTS[1], f"ip route add blackhole {subnet}.1/32", f"ip route del blackhole {subnet}.1/32"):
            found = self.found()["fault"]
        self.assertEqual(list(found), ["firewall"])
        self.assertIn(f"{LINK} of rank 0 (spark-01) does not reach {subnet}.2", found["firewall"]["evidence"])

    def test_little_memory_that_may_be_locked(self):
        nobody = ["prlimit", "--memlock=65536:65536", "setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
        found = self.found(*nobody, DOCTOR, "--local", "--json")["fault"]
        self.assertIn("memlock-limit", found)
        self.assertIn("may lock 64 KiB", found["memlock-limit"]["evidence"])

    def test_different_builds(self):
        other = f"{self.folder}/wiretax-doctor"
        with open(DOCTOR, "rb") as file:
            content = bytearray(file.read())
        note = content.index(b"GNU\0", content.index(b"\x14\0\0\0\x03\0\0\0GNU\0")) + 4  # the build id follows its owner's name
        content[note] ^= 0xFF
        with open(other, "wb") as file:
            file.write(content)
        os.chmod(other, 0o755)
        self.assertEqual(self.faults(*self.two(other)), ["builds-differ"])

    def test_a_variable_of_one_rank(self):
        found = self.found(*self.two("env", "NCCL_IB_HCA=roce", DOCTOR))["fault"]
        self.assertEqual(list(found), ["env-not-forwarded"])
        self.assertIn("NCCL_IB_HCA: none at rank 0 (spark-01); roce at rank 1", found["env-not-forwarded"]["evidence"])

    def two(self, *second):
        """Rank 0 runs the doctor, rank 1 on this host something else: programs of the other host are not ours to change."""
        line = mpirun(DOCTOR, "--json", hosts=HOSTS[:1])
        line[line.index("-np") + 1] = "1"
        return [*line, ":", "-np", "1", *second, "--json"]


del RdmaTest  # its own tests are run by rdma_test


if __name__ == "__main__":
    unittest.main()
