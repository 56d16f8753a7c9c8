"""What the scripts answer before they do anything."""

import os
import subprocess
import tempfile
import unittest

from scripts import ROOT, ScriptTest, run, script


class Help(ScriptTest):
    def test_every_script_explains_itself(self):
        for name in ("run", "setup", "deploy", "test", "example"):
            done = run(name, "--help")
            self.assert_ends(done, 0)
            self.assertTrue(done.stdout.startswith(f"usage: ./scripts/{name}"), done.stdout)


class Usage(ScriptTest):
    def test_unknown_options_are_named(self):
        for name in ("run", "deploy"):
            self.assert_ends(run(name, "--nonsense"), 2, "there is no option --nonsense")
        for name in ("setup", "test", "example"):
            self.assert_ends(run(name, "nonsense"), 2, "nonsense")

    def test_values_are_checked(self):
        self.assert_ends(run("run", "--model"), 2, "--model wants a value")
        self.assert_ends(run("run", "--hosts", ""), 2, "--hosts wants a value")
        self.assert_ends(run("run", "--profile", "slow"), 2, "--profile takes quick or full")
        self.assert_ends(run("run", "--ranks", "none"), 2, "--ranks takes a number, not none")
        self.assert_ends(run("run", "--only=everything"), 2, "--only takes tcp, rdma, links, collectives or token")

    def test_another_architecture_is_named_alone(self):
        for arguments in (), ("riscv64",), ("aarch64", "tidy"):
            self.assert_ends(run("test", "--cross", *arguments), 2, "--cross takes aarch64")
        self.assertIn("--cross aarch64", run("test", "--help").stdout)

    def test_hosts_have_to_name_this_machine_and_another(self):
        self.assert_ends(run("run", "--hosts", "localhost"), 2, "names no other machine")
        self.assert_ends(run("run", "--hosts", "no-such-host.invalid"), 2, "this machine is not among --hosts")
        self.assert_ends(run("run", "--hosts", "localhost,b,b"), 2, "names a host twice")
        self.assert_ends(run("run", "--hosts", "localhost,me@b"), 2, "not me@b")
        self.assert_ends(run("run", "--hosts", "localhost,-oProxyCommand=x"), 2, "not -oProxyCommand=x")
        self.assert_ends(run("deploy"), 2, "name the hosts")


    def test_the_decision_is_checked_before_measuring(self):
        with tempfile.TemporaryDirectory() as folder:
            self.assert_ends(run("run", "--out", f"{folder}/results", "--model", "no-such-model"), 2, "no-such-model")
            self.assert_ends(run("run", "--out", f"{folder}/results", "--batch", "many"), 2, "many")
            self.assertEqual(os.listdir(folder), [])

    def test_a_wrong_size_is_said_once(self):
        with tempfile.TemporaryDirectory() as folder:
            done = run("run", "--out", f"{folder}/results", "--bytes", "many")
            self.assert_ends(done, 2, "many")
            self.assertEqual(done.stderr.count("error: "), 1, done.stderr)
            self.assertEqual(os.listdir(folder), [], "nothing was measured, so nothing is left")


class Environment(ScriptTest):
    def test_programs_that_are_not_there(self):
        with tempfile.TemporaryDirectory() as empty:
            done = run("run", env={**os.environ, "WIRETAX_BIN": empty})
            self.assert_ends(done, 5, f"in {empty}")

    def test_results_are_not_mixed_with_others(self):
        with tempfile.TemporaryDirectory() as folder:
            open(f"{folder}/tcp.json", "w").close()
            self.assert_ends(run("run", "--out", folder), 2, "is not empty")

    def test_a_folder_that_cannot_be_made(self):
        self.assert_ends(run("run", "--out", "/proc/results"), 5, "the folder /proc/results cannot be made")

    def test_a_full_disk_is_found_before_measuring(self):
        with tempfile.TemporaryDirectory() as folder:
            # No file may grow beyond 4 KiB: the same to the script as a disk with nothing left.
            done = run("run", "--out", f"{folder}/results", preexec_fn=limit_file_size)
            self.assert_ends(done, 5, "cannot be written, or its disk is full")


class Gpu(ScriptTest):
    def has_gpu(self, ldconfig, library_path=""):
        """Whether scripts/run would measure NCCL, with a dynamic linker that knows these libraries."""
        folder = self.enterContext(tempfile.TemporaryDirectory())
        with open(f"{folder}/ldconfig", "w") as file:
            file.write(f"#!/bin/sh\n{ldconfig}\n")
        os.chmod(f"{folder}/ldconfig", 0o755)
        command = f"set -euo pipefail; source {ROOT}/scripts/parts/nccl.sh; has_gpu"
        environment = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", "LD_LIBRARY_PATH": library_path}
        return subprocess.run(["bash", "-c", command], env=environment, stdin=subprocess.DEVNULL).returncode == 0

    def test_a_driver_is_found_as_the_dynamic_linker_finds_it(self):
        # So long that ldconfig would not be through when a reader left at the first match.
        many = "echo 'libcuda.so.1 (libc6) => /lib/libcuda.so.1'; i=0; while [ $i -lt 20000 ]; do echo liba; i=$((i+1)); done"
        self.assertTrue(self.has_gpu(many))
        self.assertFalse(self.has_gpu("echo 'libc.so.6 => /lib/libc.so.6'"))
        self.assertFalse(self.has_gpu("exit 1"))

    def test_a_driver_is_found_on_the_library_path(self):
        folder = self.enterContext(tempfile.TemporaryDirectory())
        self.assertFalse(self.has_gpu("exit 1", folder))
        with open(f"{folder}/libcuda.so.1", "w"):
            self.assertTrue(self.has_gpu("exit 1", f"/nowhere:{folder}"))


class Stopped(ScriptTest):
    def test_checks_that_were_stopped_have_not_passed(self):
        with tempfile.TemporaryDirectory() as folder:
            with open(f"{folder}/shellcheck", "w") as file:
                file.write("#!/bin/sh\nsleep 1\n")
            os.chmod(f"{folder}/shellcheck", 0o755)
            tests = subprocess.Popen(["bash", f"{ROOT}/scripts/test", "scripts"], text=True, stdout=subprocess.PIPE,
                                     stderr=subprocess.STDOUT,
                                     env={**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"})
            while tests.stdout.readline() != "== scripts\n":
                pass
            tests.terminate()
            rest, _ = tests.communicate(timeout=30)
            self.assertEqual(tests.returncode, 143)
            self.assertNotIn("passed", rest)


def limit_file_size():
    import resource
    import signal
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))


if __name__ == "__main__":
    unittest.main()
