"""The nccl backend under mpirun, on a library that stands in for NVIDIA's driver and NCCL and fails as it is told.

Run one by hand with: WIRETAX_BIN=build/release/bin WIRETAX_FAKE_GPU=build/release/tests/fake_gpu python3 nccl_test.py Test.test_name
"""

import glob
import json
import os
import signal
import time

from launched import COLLECTIVES, ENVIRONMENT, FAKE_GPU, MISMATCH, OK, PEER, TIMEOUT, TOKEN, USAGE, Launched, children, run

OPERATIONS = "all_reduce,all_gather,reduce_scatter,broadcast,send_recv,all_to_all"


class Test(Launched):
    def environment(self, **variables):
        options = []
        for name, value in {"LD_LIBRARY_PATH": FAKE_GPU, **variables}.items():
            options += ["-x", f"{name.replace('__at__', '@')}={value}"]
        return options

    def nccl(self, *options, ranks=2, program=COLLECTIVES, **variables):
        return self.run_program(ranks, *self.environment(**variables), program, "--backend", "nccl", "--out", self.out, *options)

    def transport(self):
        return self.document()["context"]["wiretax_transport"]

    # What is measured.

    def test_nccl_measures_all_operations_from_graphs_and_eagerly(self):
        code, output = self.nccl("--op", OPERATIONS, "--bytes", "8192", "--launch", "eager,graph")
        self.assertEqual(code, OK, output)
        rows = self.measured()
        self.assertEqual(len(rows), 12, output)
        self.assertEqual({row["graph_operations"] for row in rows if "launch:graph" in row["name"]}, {32})
        self.assertFalse(any("graph_operations" in row for row in rows if "launch:eager" in row["name"]))
        context = self.document()["context"]
        self.assertEqual([rank["nccl"] for rank in context["nccl"]], ["2.28.9", "2.28.9"])
        self.assertTrue(context["nccl"][0]["library"].startswith(FAKE_GPU), context["nccl"])
        self.assertEqual(self.transport()["verdict"], "SOCKET")
        self.assertIn("via NET/Socket/0", " ".join(self.transport()["proof"]))
        # What the evidence cites is there to be read.
        with open(os.path.join(self.folder, "out.rank1.log"), encoding="utf-8") as stream:
            log = stream.read()
        self.assertIn("Using network Socket", log)
        # NCCL's threads are not kept on the core on which the main thread waits.
        self.assertIn(f"a thread made here may run on {len(os.sched_getaffinity(0))} cores", log)

    def test_nccl_in_place_in_float32_among_three_ranks(self):
        code, output = self.nccl("--op", "all_reduce,all_gather,reduce_scatter", "--place", "in", "--type", "float32", "--bytes", "24,12288",
                                 "--chain", "5", ranks=3)
        self.assertEqual(code, OK, output)
        self.assertEqual(len(self.measured()), 6)

    def test_nccl_behind_pauses_and_isolated(self):
        code, output = self.nccl("--op", "all_reduce", "--bytes", "4096", "--timing", "gapped,isolated,pipelined", "--launch", "eager,graph")
        self.assertEqual(code, OK, output)
        rows = self.measured()
        self.assertEqual(len(rows), 6, output)
        for row in rows:
            if "timing:gapped" in row["name"]:
                self.assertGreater(row["paused_us"], 0)
                self.assertGreater(row["read_GBps"], 0)
                self.assertAlmostEqual(row["wire_us"], row["real_time"] - row["paused_us"], delta=0.01)
                self.assertNotIn("GBps", row)
            else:
                self.assertIn("GBps", row)
        self.assertTrue(all("p50_us" in row for row in rows if "isolated" in row["name"]))

    def test_nccl_carries_a_token_as_one_graph_and_eagerly(self):
        code, output = self.nccl("--model", "Llama-3.1-8B", "--batch", "1", "--phase", "decode", "--launch", "eager,graph", program=TOKEN)
        self.assertEqual(code, OK, output)
        tokens = [row for row in self.measured() if row["name"].startswith("token/")]
        self.assertEqual(sorted(row["name"].split("/")[2] for row in tokens), ["launch:eager", "launch:graph"])
        for row in tokens:
            self.assertGreater(row["priced_us"], 0)
            self.assertGreater(row["all_reduce_us"], row["all_gather_us"])

    def test_nccl_pauses_within_a_token(self):
        code, output = self.nccl("--model", "Llama-3.1-8B", "--batch", "1", "--phase", "decode", "--gap", "200", program=TOKEN)
        self.assertEqual(code, OK, output)
        token, = [row for row in self.measured() if row["name"].startswith("token/")]
        self.assertGreater(token["paused_us"], 0)
        self.assertGreater(token["read_GBps"], 0)

    # What carried it.

    def test_nccl_says_that_counters_contradict_its_log(self):
        """The stand-in speaks of sockets and uses shared memory."""
        code, output = self.nccl("--op", "all_reduce", "--bytes", "1Mi", "--share-gpu", FAKE_GPU_COUNT="1")
        self.assertEqual(code, OK, output)
        row, = self.measured()
        self.assertIn("NCCL's log says SOCKET, but only", row["label"])

    def test_nccl_refuses_a_transport_that_was_not_asked_for(self):
        code, output = self.nccl("--op", "all_reduce", "--bytes", "8192", "--require-transport", "rdma")
        self.assertEqual(code, ENVIRONMENT, output)
        self.assert_one_error(output, "--require-transport rdma: NCCL took SOCKET", "[no-usable-device]")
        self.assertFalse(os.path.exists(self.out), "nothing was measured")

    def test_nccl_goes_on_with_the_transport_that_was_asked_for(self):
        code, output = self.nccl("--op", "all_reduce", "--bytes", "8192", "--require-transport", "rdma", "--fabric", "nccl-ib-both", FAKE_NCCL_NETWORK="IB")
        self.assertEqual(code, OK, output)
        self.assertEqual(self.transport()["verdict"], "RDMA")
        self.assertEqual(self.transport()["devices"], ["roceP2p1s0f0", "rocep1s0f0"])
        self.assertEqual(self.document()["context"]["wiretax_fabric"], "nccl-ib-both")

    def test_nccl_proves_without_timing(self):
        proof = os.path.join(self.folder, "proof.json")
        code, output = self.nccl("--op", "all_reduce,all_gather", "--bytes", "4096,8192", "--prove", proof)
        self.assertEqual(code, OK, output)
        self.assertEqual(self.measured(), [], "nothing was timed")
        with open(proof, encoding="utf-8") as stream:
            document = json.load(stream)
        self.assertEqual(document["verdict"], "SOCKET")
        tuning = {(entry["operation"], entry["bytes"]): entry for job in document["jobs"] for entry in job["tuning"]}
        self.assertEqual((tuning["AllReduce", 8192]["algorithm"], tuning["AllReduce", 8192]["protocol"]), ("RING", "LL"))
        self.assertIn(("AllReduce", 4096), tuning)

    # What is missing, and wrong use.

    def test_nccl_without_a_driver_skips_with_the_reason(self):
        code, output = self.run_program(2, COLLECTIVES, "--backend", "nccl", "--op", "all_reduce", "--bytes", "8192", "--out", self.out)
        self.assertEqual(code, OK, output)
        row, = self.rows()
        self.assertIn("libcuda.so.1", row["error_message"])
        # Whoever requires a transport is not content with nothing.
        code, output = self.run_program(2, COLLECTIVES, "--backend", "nccl", "--op", "all_reduce", "--bytes", "8192", "--require-transport", "rdma")
        self.assertEqual(code, ENVIRONMENT, output)
        self.assert_one_error(output, "--require-transport rdma cannot be shown", "libcuda.so.1")

    def test_nccl_without_a_gpu_or_a_peer_skips_with_the_reason(self):
        for ranks, variables, part in ((2, {"FAKE_GPU_COUNT": "0"}, "CUDA sees no GPU"), (1, {}, "at least two ranks")):
            code, output = self.nccl("--op", "all_reduce", "--bytes", "8192", ranks=ranks, **variables)
            self.assertEqual(code, OK, output)
            self.assertIn(part, self.rows()[0]["error_message"])

    def test_nccl_library_that_is_none(self):
        for library, part in (("libm.so.6", "libm.so.6 is not NCCL, or too old: it has no ncclGetVersion"), ("/nowhere/libnccl.so", "cannot open shared object")):
            code, output = self.nccl("--op", "all_reduce", "--nccl-lib", library)
            self.assertEqual(code, ENVIRONMENT, output)
            self.assert_one_error(output, part)

    def test_nccl_more_ranks_than_gpus(self):
        options = ["--op", "all_reduce", "--bytes", "8192"]
        code, output = self.nccl(*options, FAKE_GPU_COUNT="1")
        self.assertEqual(code, USAGE, output)
        self.assert_one_error(output, "): has no GPU of its own", "--share-gpu")
        code, output = self.nccl(*options, "--share-gpu", FAKE_GPU_COUNT="1")
        self.assertEqual(code, OK, output)
        self.assertEqual(self.document()["context"]["wiretax_fabric_kind"], "loopback")

    def test_nccl_ranks_that_see_a_gpu_each(self):
        """As launchers for one process a GPU set it."""
        own = ["bash", "-c", 'CUDA_VISIBLE_DEVICES=$((3 - OMPI_COMM_WORLD_RANK)) exec "$@"', "own"]
        options = ["--backend", "nccl", "--op", "all_reduce", "--bytes", "8192", "--out", self.out]
        code, output = self.run_program(2, *self.environment(), *own, COLLECTIVES, *options)
        self.assertEqual(code, OK, output)
        self.assertFalse(self.document()["context"]["gpu_shared"])
        same = ["bash", "-c", 'CUDA_VISIBLE_DEVICES=2 exec "$@"', "same"]
        code, output = self.run_program(2, *self.environment(), *same, COLLECTIVES, *options)
        self.assertEqual(code, USAGE, output)
        self.assert_one_error(output, "rank 1 (", "has no GPU of its own")

    def test_nccl_options_without_it(self):
        for options, part in ((["--launch", "graph"], "--launch is for --backend nccl"), (["--backend", "nccl", "--interface", "lo"], "NCCL_SOCKET_IFNAME"),
                              (["--backend", "nccl", "--device", "mlx5_0"], "for --backend one_shot")):
            code, output = self.run_program(2, COLLECTIVES, *options)
            self.assertEqual(code, USAGE, output)
            self.assert_one_error(output, part)

    def test_nccl_operation_in_place_that_it_does_not_have(self):
        code, output = self.nccl("--op", "all_to_all", "--place", "in", "--bytes", "8192")
        self.assertEqual(code, USAGE, output)
        self.assert_one_error(output, "in place is not possible with NCCL")

    def test_nccl_versions_that_differ(self):
        code, output = self.nccl("--op", "all_reduce", FAKE_GPU_FAULT="ncclGetVersion@1=22703")
        self.assertEqual(code, ENVIRONMENT, output)
        self.assert_one_error(output, "has NCCL 2.28.9", "rank 1 (", "has 2.27.3", "--nccl-lib")

    # What fails.

    def test_nccl_cannot_begin(self):
        code, output = self.nccl("--op", "all_reduce", FAKE_GPU_FAULT="ncclCommInitRank=2")
        self.assertEqual(code, ENVIRONMENT, output)
        self.assert_one_error(output, "ncclCommInitRank", "(ncclResult_t 2)")

    def test_nccl_init_that_never_returns_meets_its_deadline(self):
        begun = time.monotonic()
        code, output = self.nccl("--op", "all_reduce", "--nccl-patience", "3", FAKE_GPU_FAULT="ncclCommInitRank=hang")
        self.assertEqual(code, TIMEOUT, output)
        self.assert_one_error(output, "ncclCommInitRank did not return within 3 s")
        self.assertLess(time.monotonic() - begun, 40)

    def test_nccl_asynchronous_error_aborts(self):
        code, output = self.nccl("--op", "all_reduce,all_gather", "--bytes", "8192", "--launch", "eager", "--seed", "1", FAKE_GPU_FAULT="ncclAllReduce@1#40=async:6")
        self.assertEqual(code, PEER, output)
        self.assert_one_error(output, "rank 1 (", "ncclResult_t 6")
        self.assertFalse([row for row in self.measured() if row["name"].startswith("all_reduce")], "the point that broke has no number")

    def test_nccl_operation_that_hangs_meets_its_deadline(self):
        code, output = self.nccl("--op", "all_reduce", "--bytes", "8192", "--launch", "eager", FAKE_GPU_FAULT="ncclAllReduce@1#40=hang")
        self.assertEqual(code, TIMEOUT, output)
        self.assert_one_error(output, "nothing has come over NCCL for 6 s")

    def test_nccl_aborts_that_never_return_meet_a_deadline(self):
        code, output = self.nccl("--op", "all_reduce", "--bytes", "8192", "--launch", "eager", "--nccl-patience", "3",
                                 FAKE_GPU_FAULT="ncclAllReduce@1#40=hang,ncclCommAbort=hang")
        self.assertEqual(code, TIMEOUT, output)
        self.assertIn("while measuring all_reduce", self.errors(output)[0])
        self.assertTrue(self.status().startswith("7"), self.status())

    def test_nccl_memory_that_is_not_there(self):
        code, output = self.nccl("--op", "all_reduce", "--bytes", "64Mi", "--force", FAKE_GPU_MEMORY="100000000")
        self.assertEqual(code, USAGE, output)
        self.assert_one_error(output, "128 MiB of the GPU's memory are needed", "choose smaller --bytes")

    def test_nccl_pauses_that_the_driver_cannot_compile(self):
        code, output = self.nccl("--op", "all_reduce", "--bytes", "8192", "--timing", "gapped", FAKE_GPU_FAULT="cuModuleLoadData=221")
        self.assertEqual(code, ENVIRONMENT, output)
        self.assert_one_error(output, "cuModuleLoadData: CUDA error 221")

    def test_nccl_graph_that_cannot_be_captured(self):
        code, output = self.nccl("--op", "all_reduce", "--bytes", "8192", FAKE_GPU_FAULT="cuStreamEndCapture=901")
        self.assertEqual(code, ENVIRONMENT, output)
        self.assert_one_error(output, "cannot be captured in a CUDA graph", "--launch eager")

    def test_nccl_gives_wrong_data(self):
        code, output = self.nccl("--op", "all_reduce,all_gather", "--bytes", "8192", "--launch", "eager", FAKE_GPU_FAULT="ncclAllGather@1#3=wrong")
        self.assertEqual(code, MISMATCH, output)
        self.assert_one_error(output, "all_gather of 8192 bytes gave wrong data: element")
        self.assertEqual([row["name"].split("/")[0] for row in self.measured()], ["all_reduce"], "the other one is measured")

    def test_nccl_rank_is_killed(self):
        process = self.start(2, *self.environment(), COLLECTIVES, "--backend", "nccl", "--op", "all_reduce", "--bytes", "8:1Mi", "--profile", "full", "--out", self.out)
        self.wait_for_points(1)
        os.kill(children(process.pid)[1], signal.SIGKILL)
        begun = time.monotonic()
        output = self.output_of(process, 60)
        self.assertIn(process.returncode, (PEER, TIMEOUT, 137), output)
        self.assertTrue(self.status().startswith(("6", "7", "running", "143")), self.status())
        self.assertLess(time.monotonic() - begun, 30)
        self.assertTrue(self.measured(), "finished points are kept")
        self.assertEqual(glob.glob("/dev/shm/wiretax-fake-nccl-*"), [])


if __name__ == "__main__":
    run()
