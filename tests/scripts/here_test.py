"""run on this machine alone: what it leaves, and its exit code for every way in which a program may end."""

import os
import pty
import shutil
import subprocess
import tempfile
import unittest

from scripts import BIN, SHORT, ScriptTest, finished_points, run, script

FILES = ["collectives-mpi-lo.json", "collectives-mpi-shm.json", "decide.json", "doctor.json", "report.html", "run.log", "tcp.json"]

# Stands in for a measuring program: "$2" follows --out, as scripts/run puts it.
PROGRAM = """#!/bin/sh
while [ "$1" != --out ]; do shift; done
out=$2
rank=$OMPI_COMM_WORLD_RANK
write() {{
  [ $rank = 0 ] || return 0
  printf '{{"context": {{"wiretax_schema": 1, "wiretax_status": "%s"}}, "benchmarks": []}}' "$1" >"$out.new"
  mv "$out.new" "$out"
}}
{body}
"""


class WholeRun(ScriptTest):
    def setUp(self):
        self.out = self.enterContext(tempfile.TemporaryDirectory()) + "/results"

    def test_leaves_its_files_and_names_the_folder_last(self):
        done = run("run", "--out", self.out, *SHORT)
        self.assert_ends(done, 0)
        self.assertEqual(sorted(os.listdir(self.out)), FILES)
        for name in FILES[:2] + FILES[6:]:
            self.assertGreater(finished_points(f"{self.out}/{name}"), 0, name)
        self.assertEqual(done.stdout.splitlines()[-1], f"{self.out}/report.html")
        self.assertIn("not a network", done.stdout)
        self.assertNotIn("\x1b", done.stdout + done.stderr)

    def test_a_tokens_messages(self):
        done = run("run", "--out", self.out, "--only", "token", "--interface", "shm", "--model", "Llama-3.1-8B", "--batch", "1")
        self.assert_ends(done, 0)
        self.assertEqual(sorted(os.listdir(self.out)), ["decide.json", "doctor.json", "report.html", "run.log", "token-mpi-shm.json"])
        self.assertRegex(done.stdout, r"Llama-3\.1-8B +tp2 +decode of 1 +mpi shm ")

    def test_nccl_where_there_is_a_gpu(self):
        environment = {**os.environ, "LD_LIBRARY_PATH": os.environ["WIRETAX_FAKE_GPU"], "FAKE_GPU_COUNT": "1"}
        done = run("run", "--out", self.out, "--only", "collectives", "--interface", "shm", *SHORT, env=environment)
        self.assert_ends(done, 0)
        self.assertEqual(sorted(os.listdir(self.out)), ["collectives-mpi-shm.json", "collectives-nccl.json", "collectives-nccl.rank0.log", "collectives-nccl.rank1.log",
                                                        "decide.json", "doctor.json", "report.html", "run.log", "transport-nccl.json"])
        self.assertIn("transport: SOCKET", done.stderr)
        self.assertIn("ranks share a GPU", done.stderr)
        self.assertGreater(finished_points(f"{self.out}/collectives-nccl.json"), 0)

    def test_one_rank_is_a_skip_and_not_a_failure(self):
        done = run("run", "--out", self.out, "--ranks", "1", "--interface", "lo", *SHORT)
        self.assert_ends(done, 0, "needs at least two ranks")

    def test_colour_in_a_terminal_only(self):
        ours, theirs = pty.openpty()
        command = [script("run"), "--out", self.out, "--only", "collectives", "--interface", "shm", *SHORT]
        environment = {**os.environ, "TERM": "xterm"}
        environment.pop("NO_COLOR", None)
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs, env=environment) as done:
            os.close(theirs)
            shown = b""
            try:
                while part := os.read(ours, 65536):
                    shown += part
            except OSError:
                pass  # Linux' way of saying that the other side is closed
        os.close(ours)
        self.assertEqual(done.returncode, 0, shown.decode())
        self.assertIn(b"\x1b[", shown)
        with open(f"{self.out}/run.log") as log:
            self.assertNotIn("\x1b", log.read())

    def test_interface_in_the_shell_does_not_count(self):
        environment = {**os.environ, "OMPI_MCA_btl_tcp_if_include": "no-such-interface"}
        done = run("run", "--out", self.out, "--only", "collectives", "--interface", "lo", *SHORT, env=environment)
        self.assert_ends(done, 0, "OMPI_MCA_btl_tcp_if_include is set in your shell and not used")


class Endings(ScriptTest):
    """The first failure's code counts, the later programs run, and the sentence is one line."""

    def setUp(self):
        folder = self.enterContext(tempfile.TemporaryDirectory())
        self.out = f"{folder}/results"
        self.bin = f"{folder}/bin"
        os.mkdir(self.bin)
        shutil.copy(f"{BIN}/wiretax-report", self.bin)
        for name in ("rdma", "links", "collectives", "token"):
            self.program(f"wiretax-{name}", "write complete")
        self.doctor(0)

    def doctor(self, code, tells=True):
        with open(f"{self.bin}/wiretax-doctor", "w") as file:
            file.write("#!/bin/sh\n[ $OMPI_COMM_WORLD_RANK = 0 ] || exit 0\necho FAULT port-down\n"
                       "while [ $1 != --out ]; do shift; done\n" + (f"echo '{{}}' >$2\n" if tells else "") + f"exit {code}\n")
        os.chmod(f"{self.bin}/wiretax-doctor", 0o755)

    def program(self, name, body):
        with open(f"{self.bin}/{name}", "w") as file:
            file.write(PROGRAM.format(body=body))
        os.chmod(f"{self.bin}/{name}", 0o755)

    def assert_run_ends(self, code, *sentences, tcp, **environment):
        self.program("wiretax-tcp", tcp)
        done = run("run", "--out", self.out, env={**os.environ, "WIRETAX_BIN": self.bin, **environment})
        self.assert_ends(done, code, *sentences)
        self.assertTrue(os.path.exists(f"{self.out}/collectives-mpi-shm.json"), "the later programs run")
        self.assertEqual(len([line for line in done.stderr.splitlines() if "error: " in line]), len(sentences))

    def test_a_fault_that_the_doctor_finds(self):
        self.doctor(5)
        self.program("wiretax-tcp", "write complete")
        done = run("run", "--out", self.out, env={**os.environ, "WIRETAX_BIN": self.bin})
        self.assert_ends(done, 0, "going on, since this is a rehearsal on one machine")
        self.assertIn("FAULT port-down", done.stdout)
        self.assertTrue(os.path.exists(f"{self.out}/tcp.json"))

    def test_a_doctor_that_ends_without_a_word(self):
        self.program("wiretax-tcp", "write complete")
        for code, expected in ((5, 5), (0, 1), (139, 5)):
            self.doctor(code, tells=False)
            done = run("run", "--out", self.out, env={**os.environ, "WIRETAX_BIN": self.bin})
            self.assert_ends(done, expected, "wiretax-doctor wrote no result file")
            self.assertFalse(os.path.exists(f"{self.out}/tcp.json"), "nothing is measured")
            shutil.rmtree(self.out)

    def test_complete(self):
        self.assert_run_ends(0, tcp="write complete")

    def test_no_file(self):
        self.assert_run_ends(5, "error: no such interface",
                             tcp="[ $rank != 0 ] || { echo 'error: no such interface' >&2; exit 5; }")

    def test_its_own_reason_is_not_repeated(self):
        self.assert_run_ends(8, "error: rank 1: wrong data",
                             tcp="[ $rank != 0 ] || { write '8: rank 1: wrong data'; "
                                 "echo 'error: rank 1: wrong data' >&2; exit 8; }")

    def test_suspect_under_strict(self):
        self.assert_run_ends(3, "error: wiretax-tcp: --strict: a point is suspect",
                             tcp="[ $rank != 0 ] || { write '3: --strict: a point is suspect'; exit 3; }")

    def test_the_first_failure_counts(self):
        self.program("wiretax-collectives", "write '7: no progress'")
        self.assert_run_ends(8, "wiretax-tcp: wrong", "wiretax-collectives: no progress",
                             "wiretax-collectives: no progress", tcp="write '8: wrong'")

    def test_still_running_at_the_end(self):
        self.assert_run_ends(6, "error: wiretax-tcp: still running, or killed",
                             tcp="write running")

    def test_ended_by_mpirun_since_another_rank_gave_up(self):
        self.assert_run_ends(6, "error: wiretax-tcp: rank 1 gave up",
                             tcp="if [ $rank = 0 ]; then trap 'write \"143: stopped by SIGTERM\"; exit 143' TERM; write running;"
                                 " while :; do sleep 0.1; done; else sleep 1; exit 7; fi")

    def test_a_program_that_hangs(self):
        self.assert_run_ends(7, "error: wiretax-tcp was stopped after 4 s",
                             tcp="trap 'write \"143: stopped by SIGTERM\"; exit 143' TERM; write running;"
                                 " while :; do sleep 0.1; done",
                             WIRETAX_SLOW="0.005")


if __name__ == "__main__":
    unittest.main()
