"""How the lab behaves on the machine that starts it: what it hands on, and what it leaves behind."""

import glob
import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "scripts"))
from scripts import ROOT, ScriptTest, finished_points, run, script, wait_until  # noqa: E402

NOBODY = 65534
SECONDS = 300  # to start two machines in emulation, on a busy one


def guests_of(lab):
    """pid -> temporary folder of the virtual machines that this lab has started."""
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat") as stat:
                parent = int(stat.read().rsplit(")", 1)[1].split()[1])
            with open(f"/proc/{pid}/cmdline") as file:
                folder = re.search(r"lab_folder=(\S+?)\0", file.read())
        except OSError:
            continue  # ended meanwhile
        if parent == lab and folder:
            found[int(pid)] = folder.group(1)
    return found


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


class LabTest(ScriptTest):
    def start(self, *arguments, **options):
        """As from a terminal: a process group of its own, which a Ctrl-C reaches as a whole, and which does not ignore it, as
        what a shell starts in the background does."""
        started = subprocess.Popen([script("lab"), *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True, start_new_session=True,
                                   preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL), **options)
        self.addCleanup(started.kill)
        return started

    def wait_for_guests(self, started):
        guests = {}

        def looked():  # once, since a guest has no command line at the moment at which it becomes another program
            guests.clear()
            guests.update(guests_of(started.pid))
            return len(guests) == 2 or started.poll() is not None

        wait_until(looked, "two guests", SECONDS)
        self.assertEqual(len(guests), 2)
        return guests

    def end(self, started):
        stdout, stderr = started.communicate(timeout=SECONDS)
        return subprocess.CompletedProcess(started.args, started.returncode, stdout, stderr)

    def assert_nothing_left(self, guests):
        wait_until(lambda: not any(map(is_alive, guests)), "the guests have ended", 10)
        for folder in guests.values():
            self.assertFalse(os.path.exists(folder), folder)


class Commands(LabTest):
    def test_a_command(self):
        """Input, output, errors, files and the exit code pass, while the command runs."""
        out = self.enterContext(tempfile.TemporaryDirectory())
        started = self.start("--out", out, "--", "sh", "-c",
                             "pwd; echo to err >&2; read line; echo got $line; hostname >$WIRETAX_LAB_OUT/file; exit 42")
        self.assertEqual(started.stdout.readline(), f"{ROOT}\n")
        guests = self.wait_for_guests(started)
        started.stdin.write("a line\n")
        started.stdin.flush()
        done = self.end(started)
        self.assert_ends(done, 42, "to err")
        self.assertEqual(done.stdout, "got a line\n")
        with open(f"{out}/file") as file:
            self.assertEqual(file.read(), "spark-01\n")
        self.assertEqual(os.stat(f"{out}/file").st_uid, os.geteuid())
        self.assert_nothing_left(guests)

    def test_a_shell(self):
        """On a terminal, as somebody sits at it."""
        ours, theirs = pty.openpty()
        self.addCleanup(os.close, ours)
        started = subprocess.Popen([script("lab"), "--out", self.enterContext(tempfile.TemporaryDirectory()), "--shell"],
                                   stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True)
        os.close(theirs)
        self.addCleanup(started.kill)
        guests = self.wait_for_guests(started)
        os.write(ours, b"test -t 0 && echo at a terminal of $HOSTNAME; rdma link; exit 42\n")
        said = b""
        while started.poll() is None or select.select([ours], [], [], 0)[0]:
            if not select.select([ours], [], [], 1)[0]:
                continue
            try:
                said += os.read(ours, 4096)
            except OSError:  # nobody is at the other end any more
                break
        self.assertEqual(started.wait(timeout=SECONDS), 42, said)
        self.assertIn(b"at a terminal of spark-01", said)  # where it was typed, it says $HOSTNAME
        self.assertIn(b"roceP2p1s0f0/1 state ACTIVE", said)
        self.assert_nothing_left(guests)

    @unittest.skipIf(os.geteuid() != 0, "every other test is run by a user who is not root")
    def test_a_user_who_is_not_root(self):
        out = self.enterContext(tempfile.TemporaryDirectory())
        os.chown(out, NOBODY, NOBODY)
        done = subprocess.run(["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", script("lab"), "--out", out, "--",
                               "sh", "-c", "id -u; rdma link; echo written >$WIRETAX_LAB_OUT/file"], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=SECONDS, env={**os.environ, "HOME": out})
        self.assert_ends(done, 0)
        self.assertRegex(done.stdout, "^0\nlink rocep1s0f0/1 state ACTIVE ")
        self.assertEqual(os.stat(f"{out}/file").st_uid, NOBODY)

    def test_a_guest_that_dies_shows_its_console(self):
        done = run("lab", "--", "sh", "-c", "echo c >/proc/sysrq-trigger", timeout=SECONDS)
        self.assert_ends(done, 6, "Kernel panic", "error: spark-01 ended before its command did")


class Measurements(LabTest):
    def test_run_between_the_guests(self):
        """All programs. The results are on this machine, under the name that the guest knew them by, and the ranks knew that it
        is emulation."""
        out = self.enterContext(tempfile.TemporaryDirectory()) + "/results"
        done = run("lab", "--out", out, "--bytes", "64Ki", "--deadline", str(2 * SECONDS), timeout=2 * SECONDS)
        self.assert_ends(done, 0)
        self.assertEqual(done.stdout.splitlines()[-1], f"{out}/report.html")
        names = sorted(name for name in os.listdir(out) if name.endswith(".json"))
        self.assertEqual([name for name in names if not name.startswith("collectives-mpi-")],
                         ["collectives-one_shot.json", "decide.json", "doctor.json", "links.json", "rdma.json", "tcp.json"])
        self.assertIn("collectives-mpi-enp1s0f0np0.json", names)
        for name in names:
            with open(f"{out}/{name}") as file:
                results = json.load(file)
            if name not in ("decide.json", "doctor.json"):
                self.assertEqual(results["context"]["wiretax_status"], "complete", name)
                self.assertIn("emulation", results["context"]["wiretax_mark"], name)
        self.assertRegex(done.stdout, r"RDMA GB/s +TCP GB/s +bound GB/s")
        self.assertRegex(done.stdout, r"enp1s0f0np0 \(rocep1s0f0\) ")
        with open(f"{out}/run.log") as log:
            self.assertIn("-x WIRETAX_MARK", log.read())


class Endings(LabTest):
    def test_ctrl_c(self):
        started = self.start("--", "sh", "-c", "echo started; sleep 600")
        self.assertEqual(started.stdout.readline(), "started\n")
        guests = self.wait_for_guests(started)
        os.killpg(started.pid, signal.SIGINT)
        self.assert_ends(self.end(started), 130)
        self.assert_nothing_left(guests)

    def test_ctrl_c_in_the_middle_of_a_measurement(self):
        """What was measured until then is there."""
        out = self.enterContext(tempfile.TemporaryDirectory()) + "/results"
        started = self.start("--out", out, "--only", "tcp", "--profile", "full", "--bytes", "64,1Ki,4Ki")
        guests = self.wait_for_guests(started)
        wait_until(lambda: finished_points(f"{out}/tcp.json") or started.poll() is not None, "a finished point", SECONDS)
        os.killpg(started.pid, signal.SIGINT)
        self.assert_ends(self.end(started), 130)
        self.assert_nothing_left(guests)
        self.assertGreaterEqual(finished_points(f"{out}/tcp.json"), 1)

    def test_terminate(self):
        started = self.start("--", "true")
        guests = self.wait_for_guests(started)
        started.terminate()
        self.assert_ends(self.end(started), 143)
        self.assert_nothing_left(guests)

    def test_killed(self):
        """Nobody can clean up then, but the guests do not stay, even where they have hardly started: setsid is the first that
        is done for them."""
        slow = self.enterContext(tempfile.TemporaryDirectory())
        with open(f"{slow}/setsid", "w") as file:
            file.write(f'#!/bin/sh\nsleep 1\nexec {shutil.which("setsid")} "$@"\n')
        os.chmod(file.name, 0o755)
        started = self.start("--out", self.enterContext(tempfile.TemporaryDirectory()), "--", "true",
                             env={**os.environ, "PATH": f"{slow}:{os.environ['PATH']}"})
        guests = self.wait_for_guests(started)
        started.kill()
        self.end(started)
        wait_until(lambda: not any(map(is_alive, guests)), "the guests have ended", 10)
        for folder in set(guests.values()):
            shutil.rmtree(folder)

    def test_deadline_while_starting(self):
        before = set(glob.glob("/tmp/wiretax-lab-*"))
        done = run("lab", "--deadline", "2", "--", "true", timeout=SECONDS)
        self.assert_ends(done, 7, "error: the guests were not up after 2 s", "the last lines of spark-01")
        self.assertLessEqual(set(glob.glob("/tmp/wiretax-lab-*")), before)

    def test_deadline_of_a_command(self):
        done = run("lab", "--deadline", "30", "--", "sleep", "600", timeout=SECONDS)
        self.assert_ends(done, 7, " after 30 s", "the last lines of spark-01", "the last lines of spark-02")


class Refusals(LabTest):
    def assert_refused(self, code, sentence, *arguments, **options):
        done = run("lab", *arguments, timeout=SECONDS, **options)
        self.assert_ends(done, code, f"error: {sentence}")
        self.assertNotIn("starting", done.stderr)

    def test_options(self):
        self.assert_refused(2, "there is no option --nonsense", "--nonsense")
        self.assert_refused(2, "there is no option --nonsense", "--only", "tcp", "--nonsense")
        self.assert_refused(2, "--hosts is not for the lab", "--hosts", "a,b")
        self.assert_refused(2, "--deadline takes seconds", "--deadline", "soon", "--", "true")
        self.assert_refused(2, "--out wants a value", "--out")
        self.assert_refused(2, "-- wants a command", "--")
        self.assert_refused(2, "--shell takes nothing after it", "--shell", "ls")

    def test_a_folder_that_is_not_empty(self):
        self.assert_refused(2, "the folder /etc is not empty", "--out", "/etc")

    def test_without_a_network(self):
        """A new copy of the sources, where the kernel has not been downloaded yet and cannot be."""
        folder = self.enterContext(tempfile.TemporaryDirectory())
        shutil.copytree(f"{ROOT}/scripts", f"{folder}/scripts")
        os.mkdir(f"{folder}/bin")
        with open(f"{folder}/bin/apt-get", "w") as file:
            file.write("#!/bin/sh\necho 'Temporary failure resolving' >&2\nexit 100\n")
        os.chmod(f"{folder}/bin/apt-get", 0o755)
        done = subprocess.run([f"{folder}/scripts/lab", "--prepare"], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, env={**os.environ, "PATH": f"{folder}/bin:{os.environ['PATH']}"})
        self.assert_ends(done, 5, "could not be downloaded: the lab wants a network once")
        self.assertNotIn("resolving", done.stderr)
        self.assertEqual(os.listdir(f"{folder}/build/lab"), [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
