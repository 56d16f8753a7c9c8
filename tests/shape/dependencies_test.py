"""The shape of the source tree: dependencies point one way, and there is one clock."""

import os
import re
import tempfile
import unittest

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))

# layer -> the layers that it may include
ALLOWED = {
    "report": {"report"},
    "verbs": {"verbs"},
    "collectives": {"report", "verbs", "collectives"},
    "bench": {"report", "verbs", "collectives", "bench"},
}

# layer -> system headers that it must not know
FORBIDDEN_HEADERS = {
    "report": re.compile(r"mpi\.h|infiniband/|rdma/|cuda|nccl"),
    "verbs": re.compile(r"mpi\.h|cuda|nccl"),
}

CLOCK = re.compile(r"\b(clock_gettime|steady_clock|high_resolution_clock|gettimeofday|__rdtsc)\b")
CLOCK_FILE = re.compile(r"bench/harness/clock\.(h|cc)$")
INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)')
COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
SOURCE = (".h", ".cc", ".cu", ".cuh")


def source_files(root):
    for layer in ALLOWED:
        for folder, _, names in os.walk(os.path.join(root, layer)):
            for name in sorted(names):
                if name.endswith(SOURCE):
                    yield layer, os.path.relpath(os.path.join(folder, name), root)


def complaints_about(layer, path, text):
    code = COMMENT.sub(lambda comment: "\n" * comment.group().count("\n"), text)
    for number, line in enumerate(code.splitlines(), 1):
        include = INCLUDE.match(line)
        if include:
            ours, system = include.groups()
            # Includes in quotes are ours and start at the root; a path that does not, hides its layer.
            target = ours.split("/")[0] if ours else None
            if ours and target not in ALLOWED[layer]:
                yield f"{path}:{number}: {layer} must not include {ours}"
            forbidden = FORBIDDEN_HEADERS.get(layer)
            if system and forbidden and forbidden.match(system):
                yield f"{path}:{number}: {layer} must not know <{system}>"
        if CLOCK.search(line) and not CLOCK_FILE.search(path):
            yield f"{path}:{number}: the only clock is bench/harness/clock.h"


def complaints(root):
    found = []
    for layer, path in source_files(root):
        with open(os.path.join(root, path), encoding="utf-8") as file:
            found.extend(complaints_about(layer, path, file.read()))
    return found


class ThisTree(unittest.TestCase):
    def test_has_sources(self):
        self.assertGreater(len(list(source_files(ROOT))), 10)

    def test_has_its_shape(self):
        self.assertEqual([], complaints(ROOT))


class TheTestItself(unittest.TestCase):
    """It has to fail on trees that are wrong, each in one way."""

    def complaints_of(self, path, text):
        with tempfile.TemporaryDirectory() as root:
            os.makedirs(os.path.join(root, os.path.dirname(path)))
            with open(os.path.join(root, path), "w", encoding="utf-8") as file:
                file.write(text)
            return complaints(root)

    def test_direction(self):
        wrong = {
            "report/a.cc": '#include "bench/harness/clock.h"\n',
            "report/page/a.h": '#include "collectives/backend.h"\n',
            "verbs/a.h": '#pragma once\n#include "report/record.h"\n',
            "collectives/backends/a.cc": '#  include "bench/harness/ranks.h"\n',
            "bench/a.cc": '#include "../report/record.h"\n',
            "verbs/b.cc": '// a line above\n/* and\nanother */\n#include "bench/harness/clock.h"  // and a remark\n',
        }
        for path, text in wrong.items():
            self.assertEqual(len(self.complaints_of(path, text)), 1, path)

    def test_allowed_directions(self):
        right = {
            "collectives/a.cc": '#include "report/record.h"\n#include "verbs/device.h"\n#include <mpi.h>\n',
            "bench/a.cc": '#include "report/record.h"\n#include "collectives/collective.h"\n',
            "report/a.cc": '// #include "bench/x.h"\n#include <vector>\n',
        }
        for path, text in right.items():
            self.assertEqual(self.complaints_of(path, text), [], path)

    def test_system_headers(self):
        self.assertEqual(len(self.complaints_of("report/a.cc", "#include <mpi.h>\n")), 1)
        self.assertEqual(len(self.complaints_of("report/a.h", "#include <infiniband/verbs.h>\n")), 1)
        self.assertEqual(len(self.complaints_of("verbs/a.h", "#include <mpi.h>\n")), 1)

    def test_one_clock(self):
        self.assertEqual(len(self.complaints_of("bench/a.cc", "auto t = std::chrono::steady_clock::now();\n")), 1)
        self.assertEqual(self.complaints_of("bench/a.cc", "/* not steady_clock */ int a;  // steady_clock\n"), [])
        self.assertEqual(self.complaints_of("bench/harness/clock.cc", "clock_gettime(CLOCK_MONOTONIC, &t);\n"), [])

    def test_names_file_and_line(self):
        complaint = self.complaints_of("report/a.cc", '\n/*\n*/\n#include "bench/a.h"\n')[0]
        self.assertTrue(complaint.startswith("report/a.cc:4: "), complaint)


if __name__ == "__main__":
    unittest.main()
