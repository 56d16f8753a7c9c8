"""What run says about hosts that do not fit, before it starts anything: one sentence, with what to type."""

import tempfile
import unittest

import machines
from scripts import BIN, ScriptTest, script


class Preflight(ScriptTest):
    @classmethod
    def setUpClass(cls):
        cls.a, cls.b, cls.ssh = cls.enterClassContext(machines.two_machines())

    def run_hosts(self, *arguments, ssh=None, hosts="spark-a,spark-b"):
        with tempfile.TemporaryDirectory() as folder:
            return self.a.run(script("run"), "--hosts", hosts, "--ssh", ssh or self.ssh, "--out",
                              f"{folder}/results", *arguments, check=False)

    def assert_refuses(self, *sentences, **options):
        done = self.run_hosts(**options)
        self.assert_ends(done, 5, *sentences)
        self.assertEqual(done.stdout, "")
        self.assertEqual(len(done.stderr.strip().splitlines()), 1, done.stderr)

    def test_name_without_address(self):
        self.assert_refuses("host no-such-host.invalid has no address", hosts="spark-a,no-such-host.invalid")

    def test_host_that_does_not_answer(self):
        self.b.run("ip", "link", "set", "mgmt0", "down")
        self.addCleanup(self.b.run, "ip", "link", "set", "mgmt0", "up")
        self.assert_refuses("host spark-b does not answer", "ping spark-b")

    def test_host_without_sshd(self):
        self.assert_refuses("host spark-b takes no ssh", "openssh-server", ssh=f"{self.ssh} -p 2222")

    def test_host_key_that_nobody_has_checked(self):
        self.assert_refuses("host spark-b is not known to this machine yet", "type ssh spark-b",
                            ssh=f"{self.ssh} -o UserKnownHostsFile=/dev/null")

    def test_host_key_that_has_changed(self):
        with tempfile.NamedTemporaryFile("w", suffix=".known") as known:
            known.write(f"spark-b {machines.public_key(self.a.folder, 'spark-a')}")
            known.flush()
            self.assert_refuses("another host key than before", "ssh-keygen -R spark-b",
                                ssh=f"{self.ssh} -o UserKnownHostsFile={known.name}")

    def test_user_without_key(self):
        self.assert_refuses("host spark-b wants a password", "ssh-copy-id spark-b",
                            ssh=f"{self.ssh} -o PubkeyAuthentication=no")

    def test_other_build(self):
        program = f"{BIN}/wiretax-tcp"
        self.b.write_over(program, "#!/bin/sh\n")
        self.addCleanup(self.b.uncover, program)
        self.assert_refuses("host spark-b has another build of wiretax-tcp", "./scripts/deploy spark-b")

    def test_no_build(self):
        self.b.run("mount", "-t", "tmpfs", "tmpfs", BIN)
        self.addCleanup(self.b.uncover, BIN)
        self.assert_refuses("host spark-b has no wiretax-tcp", "./scripts/deploy spark-b")

    def test_other_open_mpi(self):
        self.b.write_over("/usr/bin/mpirun", "#!/bin/sh\necho 'mpirun (Open MPI) 4.1.6'\n")
        self.addCleanup(self.b.uncover, "/usr/bin/mpirun")
        self.assert_refuses("host spark-b has Open MPI 4.1.6 and spark-a has", "apt-get install openmpi-bin")

    def test_no_open_mpi(self):
        self.b.write_over("/usr/bin/mpirun", "#!/bin/sh\necho 'HYDRA build details'\n")
        self.addCleanup(self.b.uncover, "/usr/bin/mpirun")
        self.assert_refuses("host spark-b has no Open MPI", "apt-get install openmpi-bin")

    def test_two_hosts_of_one_name(self):
        self.b.run("hostname", "spark-a")
        self.addCleanup(self.b.run, "hostname", "spark-b")
        self.assert_refuses("both call themselves spark-a", "hostnamectl set-hostname")

    def test_no_common_subnet(self):
        """The same wires, but the prefixes disagree, so that no subnet is common."""
        for link in machines.LINKS:
            self.change_prefix(link, 24, 30)
            self.addCleanup(self.change_prefix, link, 30, 24)
        self.assert_refuses("host spark-b shares no IPv4 subnet with spark-a", "ip address add")

    def test_named_interface_that_the_other_host_lacks(self):
        self.change_prefix("wire0", 24, 30)
        self.addCleanup(self.change_prefix, "wire0", 30, 24)
        done = self.run_hosts("--interface", "wire0")
        self.assert_ends(done, 5, "host spark-b has no interface in 10.99.1.0/24 (--interface wire0)")

    def test_named_interface_that_does_not_exist(self):
        done = self.run_hosts("--interface", "wire7")
        self.assert_ends(done, 5, "host spark-a has no IPv4 address on wire7")

    def test_only_wifi_is_shared(self):
        for machine in (self.a, self.b):
            for link in machines.LINKS:
                self.rename(machine, link, f"wl{link}")
                self.addCleanup(self.rename, machine, f"wl{link}", link)
        done = self.run_hosts()
        self.assert_ends(done, 5, "not measured: wlmgmt0 (Wi-Fi)", "--interface wlwire0 if you mean it")

    def change_prefix(self, link, old, new):
        self.b.run("ip", "address", "del", f"{self.b.address(link)}/{old}", "dev", link)
        self.b.run("ip", "address", "add", f"{self.b.address(link)}/{new}", "dev", link)

    def rename(self, machine, old, new):
        """Also puts the address back, which an interface may lose on its way down."""
        address = machine.address(old.removeprefix("wl"))
        for command in (("set", old, "down"), ("set", old, "name", new), ("set", new, "up")):
            machine.run("ip", "link", *command)
        machine.run("ip", "address", "replace", f"{address}/24", "dev", new)


if __name__ == "__main__":
    machines.check_permitted()
    unittest.main()
