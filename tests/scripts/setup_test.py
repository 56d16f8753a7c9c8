"""setup on machines that never were: dpkg-query, apt-get and sudo are stand-ins that write down how they are called."""

import os
import subprocess
import tempfile
import unittest

from scripts import ScriptTest, script

TOOLS = ("bash", "dirname", "sed", "tr", "env", "uname", "grep")

APT_GET = """#!/bin/sh
echo "apt-get $*" >>"$CALLS"
"""

DPKG_QUERY = """#!/bin/sh
for last; do :; done
case " $INSTALLED " in *" $last "*) printf installed ;; *) exit 1 ;; esac
"""


class Setup(ScriptTest):
    def setUp(self):
        self.folder = self.enterContext(tempfile.TemporaryDirectory())
        for tool in TOOLS:
            os.symlink(f"/usr/bin/{tool}" if os.path.exists(f"/usr/bin/{tool}") else f"/bin/{tool}",
                       f"{self.folder}/{tool}")
        self.write("mpirun", "#!/bin/sh\necho 'mpirun (Open MPI) 4.1.4'\n")

    def write(self, name, text):
        with open(f"{self.folder}/{name}", "w") as file:
            file.write(text)
        os.chmod(f"{self.folder}/{name}", 0o755)

    def on_debian(self):
        self.write("apt-get", APT_GET)
        self.write("dpkg-query", DPKG_QUERY)

    def setup_with(self, *arguments, installed=""):
        environment = {"PATH": self.folder, "INSTALLED": installed, "CALLS": f"{self.folder}/calls"}
        return subprocess.run([script("setup"), *arguments], env=environment, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True)

    def calls(self):
        try:
            with open(f"{self.folder}/calls") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def packages(self, *arguments):
        """What it wants, from what it says where there is no apt-get."""
        return self.setup_with(*arguments).stderr.split(": ")[-1].split()

    def test_elsewhere_it_lists_the_packages(self):
        done = self.setup_with()
        self.assert_ends(done, 5, "not Debian or Ubuntu", "libopenmpi-dev")
        self.assertEqual(len(done.stderr.splitlines()), 1)
        self.assertNotIn("libgtest-dev", self.packages())
        self.assertIn("libgtest-dev", self.packages("test"))
        self.assertIn("qemu-system-x86", self.packages("lab"))
        self.assertNotIn("libgtest-dev", self.packages("lab"))
        self.assertLess(set(self.packages("lab")), set(self.packages("test")))

    def test_it_lists_without_installing(self):
        self.on_debian()
        for arguments in (), ("test",):
            done = self.setup_with("--list", *arguments)
            self.assert_ends(done, 0)
            self.assertEqual(done.stderr + self.calls(), "")
            self.assertIn("libopenmpi-dev", done.stdout.splitlines())
            self.assertEqual("libgtest-dev" in done.stdout.splitlines(), "test" in arguments)
        self.assert_ends(self.setup_with("--list", "nonsense"), 2, "nonsense")

    def test_another_npm_is_left_alone(self):
        self.assertIn("npm", self.packages("test"))
        self.assertNotIn("npm", self.packages())
        self.write("npm", "#!/bin/sh\n")
        self.assertNotIn("nodejs", self.packages("test"))

    def test_aarch64_wants_no_compiler_for_itself(self):
        for machine, wanted in ("x86_64", True), ("aarch64", False):
            os.unlink(f"{self.folder}/uname")
            self.write("uname", f"#!/bin/sh\necho {machine}\n")
            self.assertEqual("g++-aarch64-linux-gnu" in self.packages("test"), wanted)
            self.assertNotIn("g++-aarch64-linux-gnu", self.packages())

    def test_it_says_and_asks_nothing_where_nothing_is_missing(self):
        everything = " ".join(self.packages("test"))
        self.on_debian()
        done = self.setup_with("test", installed=everything)
        self.assert_ends(done, 0)
        self.assertEqual(done.stdout + done.stderr + self.calls(), "")

    @unittest.skipUnless(os.geteuid() == 0, "would call sudo")
    def test_it_installs_what_is_missing_and_says_why(self):
        rest = " ".join(package for package in self.packages() if package != "rsync")
        self.on_debian()
        done = self.setup_with(installed=rest)
        self.assert_ends(done, 0, "installing rsync: copies the build")
        update, install = self.calls().splitlines()
        self.assertIn("update", update)
        self.assertTrue(install.endswith(" rsync"), install)

    @unittest.skipUnless(os.geteuid() == 0, "would call sudo")
    def test_it_notices_another_mpi(self):
        self.on_debian()
        self.write("mpirun", "#!/bin/sh\necho HYDRA\n")
        self.assert_ends(self.setup_with(), 0, "update-alternatives --config mpirun")


if __name__ == "__main__":
    unittest.main()
