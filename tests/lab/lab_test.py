"""What the lab promises to those who test in it. Runs in spark-01: ./scripts/lab -- python3 tests/lab/lab_test.py"""

import contextlib
import os
import subprocess
import time
import unittest

HOSTS = ("spark-01", "spark-02")
MANAGEMENT = "enP7s7"
LINKS = {"enp1s0f0np0": ("rocep1s0f0", "192.168.177"), "enP2p1s0f0np0": ("roceP2p1s0f0", "192.168.178")}
SECONDS = 60  # emulation on a busy machine


def run(*command):
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS)


def on(host, command):
    """A line of shell on a host, as a user would type it."""
    return run("sh", "-c", command) if host == HOSTS[0] else run("ssh", host, command)


def gid_index(text, address):
    """The index of the RoCE v2 GID of an IPv4 address, in lines of index, type and GID."""
    end = "ffff:" + ":".join("%02x%02x" % pair for pair in zip(*[map(int, address.split("."))] * 2))
    found = [line.split("|")[0] for line in text.splitlines() if line.split("|")[1:2] == ["RoCE v2"] and line.endswith(end)]
    return int(found[0]) if found else None


class LabTest(unittest.TestCase):
    def assert_runs(self, done):
        self.assertEqual(done.returncode, 0, f"{done.args}\n--- stdout\n{done.stdout}\n--- stderr\n{done.stderr}")
        return done.stdout.strip()

    def wait_for(self, host, command):
        deadline = time.monotonic() + SECONDS
        while (done := on(host, command)).returncode != 0 and time.monotonic() < deadline:
            time.sleep(0.5)
        return self.assert_runs(done)

    def gid_of(self, host, device, address):
        folder = f"/sys/class/infiniband/{device}/ports/1"
        lines = self.assert_runs(on(host, f"cd {folder}/gids && for i in *; do read -r gid <$i && "
                                          f"read -r type <../gid_attrs/types/$i && echo \"$i|$type|$gid\"; done 2>/dev/null; true"))
        index = gid_index(lines, address)
        self.assertIsNotNone(index, f"{host} {device} {address}:\n{lines}")
        return index


class Hosts(LabTest):
    def test_names(self):
        for host in HOSTS:
            self.assertEqual(self.assert_runs(run("ssh", host, "hostname")), host)
            self.assertEqual(self.assert_runs(run("ssh", "spark-02", f"ssh {host} hostname")), host)

    def test_links(self):
        for number, host in enumerate(HOSTS, 1):
            shown = self.assert_runs(on(host, "ip -o link show; ip -o -4 address show"))
            self.assertRegex(shown, rf"{MANAGEMENT} +inet 10\.0\.0\.{number}/24")
            for link, (_, subnet) in LINKS.items():
                self.assertRegex(shown, rf"{link}: .*UP.* mtu 9000")
                self.assertRegex(shown, rf"{link} +inet {subnet}\.{number}/24")

    def test_rdma_devices(self):
        for number, host in enumerate(HOSTS, 1):
            shown = self.assert_runs(on(host, "rdma link show"))
            self.assertEqual(len(shown.splitlines()), len(LINKS), shown)
            for link, (device, subnet) in LINKS.items():
                self.assertRegex(shown, rf"{device}/1 state ACTIVE .*netdev {link}")
                self.gid_of(host, device, f"{subnet}.{number}")

    def test_environment(self):
        self.assertEqual(self.assert_runs(run("bash", "-c", "ulimit -l")), "unlimited")
        self.assertEqual(self.assert_runs(run("ssh", "spark-02", "ulimit -l")), "unlimited")
        self.assertTrue(os.environ["WIRETAX_MARK"])
        self.assertTrue(os.path.ismount(os.environ["WIRETAX_LAB_OUT"]))

    def test_what_is_written_stays_here(self):
        """The host's files cannot be changed, and a test may try."""
        self.assert_runs(run("sh", "-c", "echo changed >/etc/issue && grep -q changed /etc/issue"))

    def test_a_user_who_is_not_root(self):
        """There is one, who may open the devices and has the limits that he is given."""
        for device, _ in LINKS.values():
            self.assertIn("PORT_ACTIVE", self.assert_runs(run(
                "setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups", "ibv_devinfo", "-d", device)))
        self.assertEqual(self.assert_runs(run(
            "su", "-s", "/bin/bash", "nobody", "-c", "ulimit -l 64; ulimit -l; id -un")).split(), ["64", "nobody"])


class Links(LabTest):
    @contextlib.contextmanager
    def server(self, command):
        """Runs on spark-02 while the clients of a test do."""
        with subprocess.Popen(["ssh", "-tt", "spark-02", command], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL) as server:
            try:
                yield
            finally:
                server.terminate()  # with its terminal goes the command

    def assert_rdma_works(self, link):
        """One-sided writes cross this link's device and no other."""
        device, subnet = LINKS[link]
        indexes = [self.gid_of(host, device, f"{subnet}.{number}") for number, host in enumerate(HOSTS, 1)]
        command = f"ib_write_lat -d {device} -F -s 64 -n 200 -x"
        before = self.packets()
        with self.server(f"{command} {indexes[1]}"):
            self.wait_for(HOSTS[0], f"{command} {indexes[0]} spark-02")
        grown = {name for name, count in self.packets().items() if count - before[name] >= 200}
        self.assertEqual(grown, {device})

    def packets(self):
        counts = {}
        for device, _ in LINKS.values():
            with open(f"/sys/class/infiniband/{device}/ports/1/hw_counters/sent_pkts") as file:
                counts[device] = int(file.read())
        return counts

    def test_rdma_writes(self):
        for link in LINKS:
            self.assert_rdma_works(link)

    def test_rdma_connections(self):
        for _, subnet in LINKS.values():
            with self.server(f"rping -s -a {subnet}.2 -C 3"):
                self.wait_for(HOSTS[0], f"rping -c -a {subnet}.2 -C 3")

    def state(self, device):
        return self.assert_runs(run("rdma", "link", "show", f"{device}/1"))

    def test_cut_and_restored(self):
        link, (device, _) = next(iter(LINKS.items()))
        self.assert_runs(run("ip", "link", "set", link, "down"))
        self.assertIn("state DOWN", self.state(device))
        self.assert_runs(run("ssh", "spark-02", "true"))  # management is another link
        self.assert_runs(run("ip", "link", "set", link, "up"))
        self.wait_for(HOSTS[0], f"rdma link show {device}/1 | grep 'state ACTIVE'")
        self.assert_rdma_works(link)

    def test_faults_are_injected(self):
        link, (_, subnet) = next(iter(LINKS.items()))
        ping = ("busybox", "ping", "-c", "1", "-W", "5", f"{subnet}.2")
        self.assert_runs(run(*ping))
        self.assert_runs(run("tc", "qdisc", "add", "dev", link, "root", "netem", "loss", "100%"))
        self.assertNotEqual(run(*ping).returncode, 0)
        self.assert_runs(run("tc", "qdisc", "del", "dev", link, "root"))
        self.assert_runs(run(*ping))


class Mpi(LabTest):
    def test_both_hosts(self):
        """What a rank has to know reaches it through mpirun, whatever its host's own environment is."""
        said = self.assert_runs(run(
            "mpirun", "--allow-run-as-root", "-np", "2", "--host", ":1,".join(HOSTS) + ":1", "-x", "WIRETAX_MARK",
            "--mca", "oob_tcp_if_include", "10.0.0.0/24", "sh", "-c", "echo $(hostname) $WIRETAX_MARK"))
        self.assertEqual(sorted(said.splitlines()), [f"{host} {os.environ['WIRETAX_MARK']}" for host in HOSTS])


if __name__ == "__main__":
    unittest.main(verbosity=2)
