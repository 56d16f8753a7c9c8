"""Runs the scripts under test, and finds the processes that they start."""

import json
import os
import subprocess
import time
import unittest

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
BIN = os.environ.setdefault("WIRETAX_BIN", f"{ROOT}/build/release/bin")
os.environ.setdefault("WIRETAX_SLOW", "4")  # a busy machine is not what these tests are about

# One size and few operations: these tests are about how a run starts and ends, not about its numbers.
SHORT = ["--bytes", "64,1024"]


def script(name):
    return f"{ROOT}/scripts/{name}"


def run(name, *arguments, **options):
    return subprocess.run([script(name), *arguments], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, **options)


def environment_of(pid):
    with open(f"/proc/{pid}/environ", errors="replace") as file:
        return dict(entry.split("=", 1) for entry in file.read().split("\0") if "=" in entry)


def ranks_of(folder):
    """rank -> pid of the ranks that write into folder, also those on the other machine of a test."""
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline") as file:
                command = file.read().split("\0")
            if any(part.startswith(folder + "/") for part in command):
                found[int(environment_of(pid)["OMPI_COMM_WORLD_RANK"])] = int(pid)
        except (OSError, KeyError):
            continue  # ended meanwhile, or mpirun and not a rank
    return found


def wait_until(condition, what, seconds=90):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError(f"waited {seconds} s in vain: {what}")


def finished_points(path):
    """Rows with a number; the file is valid at any instant, but may not be there yet."""
    try:
        with open(path) as file:
            rows = json.load(file)["benchmarks"]
    except FileNotFoundError:
        return 0
    return sum("error_message" not in row and "skip_message" not in row for row in rows)


def wait_for_first_point(started, path):
    wait_until(lambda: finished_points(path) > 0 or started.poll() is not None, "a first point")
    if started.poll() is not None:
        raise AssertionError("the run has ended already: " + started.communicate()[1])


def processes_naming(text):
    """Command lines that name text: what a run has left behind, where text is its folder."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline") as file:
                command = file.read().replace("\0", " ")
        except OSError:
            continue
        if text in command and int(pid) != os.getpid():
            found.append(command)
    return found


class ScriptTest(unittest.TestCase):
    def assert_ends(self, done, code, *sentences):
        """The exit code, and what standard error has to say in one line each."""
        said = f"{done.args}\n--- stdout\n{done.stdout}\n--- stderr\n{done.stderr}"
        self.assertEqual(done.returncode, code, said)
        for sentence in sentences:
            self.assertIn(sentence, done.stderr, said)
