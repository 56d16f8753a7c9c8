"""The measuring programs as a user runs them: real mpirun, real sockets, real files.

Each test is one ctest; run one by hand with: WIRETAX_BIN=build/release/bin python3 programs_test.py Test.test_name
"""

import json
import os
import signal
import subprocess
import time

from launched import (COLLECTIVES, DOCTOR, ENVIRONMENT, FAULTY, LINKS, MISMATCH, OK, PEER, RDMA, REPORT, SUSPECT, TCP, TIMEOUT, TOKEN, USAGE,
                      Launched, children, mpirun, run)


class Test(Launched):
    # What is measured.

    def test_tcp_measures_bandwidth_and_round_trips(self):
        code, output = self.run_program(2, TCP, "--streams", "1,3", "--out", self.out)
        self.assertEqual(code, OK, output)
        self.assertEqual(self.status(), "complete")
        names = sorted(row["name"] for row in self.rows())
        self.assertIn("tcp_bandwidth/interface:lo/from:0/to:1/streams:3/bytes:131072", names)
        self.assertIn("tcp_round_trip/interface:lo/from:0/to:1/bytes:64", names)
        for row in self.measured():
            self.assertGreater(row["real_time"], 0)
            self.assertLessEqual(row["mean_lo_us"], row["real_time"] * 1.000001)
            self.assertGreaterEqual(row["mean_hi_us"], row["real_time"] * 0.999999)
            self.assertIn("retransmits", row)
            self.assertNotIn("bound_Gbps", row, "loopback has no line rate")
        context = self.document()["context"]
        self.assertEqual(context["wiretax_fabric_kind"], "loopback")
        self.assertTrue(context["congestion_control"])
        self.assertIn("lo 127.0.0.1/8 mtu 65536", context["interfaces"])
        self.assertEqual(len(self.measured()), 7)
        self.assertIn("tcp_bandwidth", output)

    def test_tcp_between_every_pair_of_five_ranks(self):
        code, output = self.run_program(5, TCP, "--mode", "latency", "--bytes", "64", "--out", self.out)
        self.assertEqual(code, OK, output)
        pairs = sorted(row["name"].split("/")[2:4] for row in self.measured())
        self.assertEqual(pairs, sorted([f"from:{a}", f"to:{b}"] for a in range(5) for b in range(a + 1, 5)))

    def test_tcp_busy_poll(self):
        code, output = self.run_program(2, TCP, "--busy-poll", "--streams", "2", "--bytes", "4096", "--out", self.out)
        self.assertEqual(code, OK, output)
        self.assertEqual(len(self.measured()), 2)
        self.assertTrue(all("/poll:busy/" in row["name"] for row in self.rows()))

    def collectives(self, ranks, interface, *options):
        code, output = self.run_program(
            ranks, COLLECTIVES, "--op", "all_reduce,all_gather,reduce_scatter,broadcast,send_recv,all_to_all",
            "--interface", interface, "--out", self.out, *options)
        self.assertEqual(code, OK, output)
        self.assertEqual(self.status(), "complete")
        self.assertEqual(len(self.measured()), len(self.rows()))
        return self.rows()

    def test_collectives_over_loopback_are_checked_in_every_type(self):
        rows = self.collectives(2, "lo", "--type", "float32,bfloat16,float16", "--bytes", "6000")
        self.assertEqual(len(rows), 18)
        context = self.document()["context"]
        self.assertEqual(context["wiretax_fabric"], "mpi lo")
        self.assertEqual(context["wiretax_fabric_kind"], "loopback")
        for row in rows:
            self.assertIn("interface:lo", row["name"])
            self.assertGreater(row["wire_bytes"], row["operations"] * 6000 / 2 * 0.9)

    def test_collectives_of_three_ranks_in_every_timing(self):
        rows = self.collectives(3, "shm", "--timing", "chained,isolated,pipelined", "--bytes", "1000")
        self.assertEqual(len(rows), 18)
        self.assertEqual(self.document()["context"]["wiretax_fabric_kind"], "shared_memory")
        sizes = {row["name"].split("/")[0]: row["bytes"] for row in rows}
        self.assertEqual(sizes["all_reduce"], 1000)
        self.assertEqual(sizes["all_gather"], 1002, "rounded up to whole parts")

    def test_collectives_in_place_and_in_a_ring(self):
        rows = self.collectives(3, "shm", "--place", "in", "--pattern", "ring", "--bytes", "12")
        names = {row["name"] for row in rows}
        self.assertIn("all_reduce/backend:mpi/interface:shm/type:bfloat16/place:in/timing:chained/bytes:12", names)
        self.assertIn("send_recv/backend:mpi/interface:shm/type:bfloat16/pattern:ring/timing:chained/bytes:12", names)

    def test_bandwidths_follow_from_times(self):
        for row in self.collectives(3, "shm", "--bytes", "3000"):
            rate = row["bytes"] / row["real_time"] / 1e3
            factor = {"all_reduce": 4 / 3, "broadcast": 1, "send_recv": 1}.get(row["name"].split("/")[0], 2 / 3)
            self.assertAlmostEqual(row["GBps"] / rate, 1, 6)
            self.assertAlmostEqual(row["bus_GBps"] / rate, factor, 6)

    def test_sizes_of_a_model_and_their_neighbours(self):
        code, output = self.run_program(2, COLLECTIVES, "--model", "Llama-3.1-8B", "--batch", "1",
                                        "--benchmark_list_tests")
        self.assertEqual(code, OK, output)
        sizes = [int(line.split("bytes:")[1]) for line in output.split() if line.startswith("all_reduce")]
        self.assertEqual(sorted(sizes), [4096, 8192, 16384])
        self.assertIn("all_gather/backend:mpi/interface:lo/type:bfloat16/place:out/timing:chained/bytes:256512", output)

    def tokens(self, ranks, *options):
        code, output = self.run_program(ranks, TOKEN, "--interface", "shm", "--model", "Llama-3.1-8B", "--out", self.out, *options)
        self.assertEqual(code, OK, output)
        self.assertEqual(self.status(), "complete")
        for row in self.rows():
            self.assertNotIn("error_message", row, output)
        return [row for row in self.rows() if row["name"].startswith("token/")], output

    def test_a_token_under_tensor_parallelism_is_held_against_its_price(self):
        tokens, output = self.tokens(2, "--batch", "1,8", "--chunk", "64")
        steps = {row["name"].split("/strategy:")[1] for row in tokens}
        self.assertEqual(steps, {"tp2/phase:decode/batch:1", "tp2/phase:decode/batch:8", "tp2/phase:prefill/chunk:64"})
        curves = {row["name"]: row for row in self.rows() if not row["name"].startswith("token/")}
        name = "all_reduce/backend:mpi/interface:shm/type:bfloat16/place:out/timing:chained/bytes:8192"
        gather = "all_gather/backend:mpi/interface:shm/type:bfloat16/place:out/timing:chained/bytes:256512"
        one, = [row for row in tokens if row["name"].endswith("batch:1")]
        self.assertAlmostEqual(one["priced_us"], 65 * curves[name]["real_time"] + curves[gather]["real_time"], delta=0.01)
        self.assertAlmostEqual(one["all_reduce_priced_us"], 65 * curves[name]["real_time"], delta=0.01)
        for row in tokens:
            self.assertGreater(row["all_reduce_us"], 0)
            self.assertGreater(row["all_gather_us"], 0)
            # Its kinds of messages are all that a token is, but for tokens that were sent and not timed.
            self.assertLess(row["all_reduce_us"] + row["all_gather_us"], 3 * row["real_time"])
        self.assertIn("a token's messages", output)
        self.assertRegex(output, r"Llama-3\.1-8B +tp2 +decode of 8 +mpi shm ")

    def test_a_token_through_a_pipeline(self):
        tokens, _ = self.tokens(2, "--strategy", "pp2", "--batch", "2", "--phase", "decode")
        row, = tokens
        self.assertGreater(row["send_recv_us"], 0)
        curves = {r["bytes"]: r["real_time"] for r in self.rows() if r["name"].startswith("send_recv/")}
        # Two micro-batches of one: hidden state and residual there, the sampled token back.
        self.assertAlmostEqual(row["priced_us"], 2 * curves[8192] + curves[4], delta=0.01)

    def test_a_token_through_a_pipeline_of_tensor_parallel_stages(self):
        tokens, _ = self.tokens(4, "--strategy", "tp2pp2", "--batch", "1", "--phase", "decode")
        row, = tokens
        self.assertGreater(row["all_reduce_us"], 0)
        self.assertGreater(row["send_recv_priced_us"], 0)
        among = {part for r in self.rows() for part in r["name"].split("/") if part.startswith("among:")}
        self.assertEqual(among, {"among:0-1", "among:2-3", "among:0-2", "among:1-3"})
        for r in self.rows():
            self.assertEqual(r["ranks"], 2 if "/among:" in r["name"] else 4)

    def test_a_model_of_ones_own(self):
        folder = os.path.join(self.folder, "my-model")
        os.mkdir(folder)
        path = os.path.join(folder, "config.json")
        with open(path, "w") as stream:
            json.dump({"model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 512, "intermediate_size": 1024,
                       "num_hidden_layers": 4, "num_attention_heads": 8, "num_key_value_heads": 8, "vocab_size": 1000,
                       "tie_word_embeddings": False, "torch_dtype": "bfloat16"}, stream)
        code, output = self.run_program(2, TOKEN, "--interface", "shm", "--model", path, "--batch", "1", "--phase", "decode",
                                        "--out", self.out)
        self.assertEqual(code, OK, output)
        self.assertEqual([row["name"].split("/model:")[1] for row in self.rows() if row["name"].startswith("token/")],
                         ["my-model/strategy:tp2/phase:decode/batch:1"])
        self.assertEqual(subprocess.run([REPORT, "summary", self.out], stdout=subprocess.DEVNULL).returncode, OK)

    def test_a_token_without_its_curves_has_no_price(self):
        tokens, output = self.tokens(2, "--batch", "1", "--phase", "decode", "--benchmark_filter", "^token|all_reduce")
        row, = tokens
        self.assertNotIn("priced_us", row)
        self.assertIn("no price, since a curve of it was not measured", row["label"])
        self.assertNotIn("its price.", output)

    def test_a_token_with_gaps_reads_memory_between_its_messages(self):
        tokens, output = self.tokens(2, "--batch", "1", "--phase", "decode", "--gap", "200")
        row, = tokens
        self.assertTrue(row["name"].endswith("/gap:200"), row["name"])
        self.assertGreaterEqual(row["paused_us"], 66 * 200)
        self.assertGreater(row["read_GBps"], 0)
        self.assertLess(row["wire_us"], row["real_time"] - 66 * 200 * 0.99)
        self.assertIn("of pauses, which read", output)

    def test_tokens_that_cannot_be_sent(self):
        for ranks, code, options, *parts in [
            (3, USAGE, ["--strategy", "tp3"], "32 heads do not divide by 3"),
            (2, USAGE, ["--strategy", "tp4"], "--strategy tp4 needs 4 ranks, and this run has 2: mpirun -np 4"),
            (2, USAGE, ["--strategy", "dp2"], "'dp2'", "tp2pp2"),
            (2, USAGE, ["--gap", "1000000"], "--gap 1e+06", "66 messages", "use at most --gap"),
            (2, USAGE, ["--bytes", "8"], "--bytes", "--model"),
            (2, USAGE, ["--backend", "nothing"], "--backend", "nothing"),
            (2, USAGE, ["--device", "mlx5_0"], "--backend one_shot"),
        ]:
            done, output = self.run_program(ranks, TOKEN, "--model", "Llama-3.1-8B", *options)
            self.assertEqual(done, code, output)
            self.assert_one_error(output, *parts)

    def test_one_shot_without_rdma_is_skipped_and_told_why(self):
        if os.path.isdir("/sys/class/infiniband") and os.listdir("/sys/class/infiniband"):
            self.skipTest("there is RDMA here")
        for program in (TOKEN, COLLECTIVES):
            code, output = self.run_program(2, program, "--backend", "one_shot", "--model", "Llama-3.1-8B", "--out", self.out)
            self.assertEqual(code, OK, output)
            self.assertTrue(all("skipped: " in row["error_message"] for row in self.rows()), output)
            self.assertIn("skipped: ", output)

    def test_the_doctor_looks_at_every_rank(self):
        code, output = self.run_program(2, DOCTOR, "--out", self.out)
        self.assertIn(code, (OK, ENVIRONMENT), output)
        document = self.document()
        self.assertEqual([host["who"].split(" ")[:2] for host in document["hosts"]], [["rank", "0"], ["rank", "1"]])
        faults = [finding for finding in document["findings"] if finding["severity"] == "fault"]
        self.assertEqual(code, ENVIRONMENT if faults else OK)
        self.assertIn(f"2 ranks looked at: {len(faults)} fault", output)

    def test_the_doctor_finds_a_variable_of_one_rank(self):
        code, output = self.run_program(1, DOCTOR, "--json", ":", "-np", "1", "env", "NCCL_PROTO=LL", DOCTOR, "--json")
        self.assertEqual(code, ENVIRONMENT, output)
        self.assertIn("env-not-forwarded", output)

    def test_the_doctor_takes_bytes_that_are_no_text(self):
        code, output = self.run_program(2, "env", b"NCCL_DEBUG_FILE=/tmp/\xff", DOCTOR, "--json")
        self.assertIn(code, (OK, ENVIRONMENT), output)
        self.assertIn("/tmp/\N{REPLACEMENT CHARACTER}", output)

    def test_the_doctor_without_mpi(self):
        done = subprocess.run([DOCTOR, "--local"], stdin=subprocess.DEVNULL, capture_output=True, text=True)
        self.assertIn(done.returncode, (OK, ENVIRONMENT), done.stderr)
        self.assertIn("1 rank looked at: ", done.stdout)

    def test_the_doctor_cannot_write(self):
        code, output = self.run_program(2, DOCTOR, "--out", os.path.join(self.folder, "missing", "doctor.json"))
        self.assertEqual(code, ENVIRONMENT, output)
        self.assert_one_error(output, "cannot write")
        code, output = self.run_program(2, DOCTOR, "--nonsense")
        self.assertEqual(code, USAGE, output)
        self.assert_one_error(output, "--nonsense")

    def test_filter_and_list(self):
        code, output = self.run_program(2, TCP, "--benchmark_list_tests", "--benchmark_filter", "round_trip.*:64$")
        self.assertEqual(code, OK, output)
        self.assertEqual(output.split(), ["tcp_round_trip/interface:lo/from:0/to:1/bytes:64"])

    def test_repetitions_and_context(self):
        code, output = self.run_program(2, COLLECTIVES, "--bytes", "8", "--op", "all_reduce", "--out", self.out,
                                        "--benchmark_repetitions", "3", "--benchmark_context", "rack=7")
        self.assertEqual(code, OK, output)
        iterations = [row for row in self.rows() if row["run_type"] == "iteration"]
        self.assertEqual(len(iterations), 3)
        self.assertEqual(self.document()["context"]["rack"], "7")
        self.assertGreater(len({row["real_time"] for row in iterations}), 1, "each was measured anew")

    def test_a_quick_run_says_what_it_leaves_out(self):
        code, output = self.run_program(2, COLLECTIVES, "--bytes", "8:64Mi", "--op", "all_reduce,all_gather",
                                        "--out", self.out, "--interface", "shm")
        self.assertEqual(code, OK, output)
        self.assertIn("quick run: 25 of 48 points", output)
        self.assertIn("--profile full", output)

    # What cannot be measured.

    def test_one_rank_is_skipped_rows_and_no_failure(self):
        for program in (TCP, RDMA, LINKS, COLLECTIVES):
            code, output = self.run_program(1, program, "--out", self.out)
            self.assertEqual(code, OK, output)
            self.assertIn("skipped: " + os.path.basename(program) + " needs at least two ranks", output)
            self.assertEqual(self.measured(), [])
            self.assertTrue(self.rows()[0]["error_message"].startswith("skipped: "))
            self.assertEqual(self.status(), "complete")

    def test_two_ranks_without_rdma_are_skipped_and_told_why(self):
        if os.path.isdir("/sys/class/infiniband") and os.listdir("/sys/class/infiniband"):
            self.skipTest("this machine has an RDMA device")
        for program in (RDMA, LINKS):
            code, output = self.run_program(2, program, "--out", self.out)
            self.assertEqual(code, OK, output)
            self.assertIn("has no RDMA device in /sys/class/infiniband", output)
            self.assertEqual(self.measured(), [])
            self.assertEqual(self.status(), "complete")

    def test_links_over_tcp_need_no_rdma(self):
        code, output = self.run_program(2, LINKS, "--transport", "tcp", "--interface", "lo", "--out", self.out)
        self.assertEqual(code, OK, output)
        row, = self.rows()
        self.assertEqual(row["name"], "tcp_links/links:lo/from:0/to:1/streams:4/bytes:131072")
        self.assertGreater(row["GBps"], 0)
        self.assertEqual(row["GBps"], row["GBps_lo"])
        self.assertEqual(row["overlap"], 1)
        self.assertGreater(row["payload_bytes_lo"], 0)
        self.assertNotIn("bound_Gbps", row, "loopback has none")
        code, output = self.run_program(2, LINKS, "--transport", "tcp", "--interface", "lo,lo")
        self.assertEqual(code, USAGE, output)
        self.assertIn("--interface names lo twice", output)

    def test_wrong_usage(self):
        for options, parts in [
            (["--bytes", "0"], ["size '0'", "nothing to send"]),
            (["--bytes", "12x"], ["12x"]),
            (["--benchmark_min_time=1"], ["--benchmark_min_time"]),
            (["--model", "Lama-3.1-8B"], ["Lama-3.1-8B", "Llama-3.1-8B"]),
            (["--benchmark_filter", "nothing-of-this-name"], ["--benchmark_filter matches no point"]),
            (["--batch", "1,0"], ["'0'"]),
            (["--cpu", "a"], ["--cpu"]),
            (["--cpu", "0"], ["--cpu names 1 cores for the 2 ranks"]),
        ]:
            code, output = self.run_program(2, TCP, *options)
            self.assertEqual(code, USAGE, output)
            self.assert_one_error(output, *parts)

    def test_a_size_beyond_a_quarter_of_the_memory_is_refused(self):
        code, output = self.run_program(2, COLLECTIVES, "--bytes", "1Gi", "--timing", "pipelined", "--depth", "1024",
                                        "--out", self.out)
        self.assertEqual(code, USAGE, output)
        self.assert_one_error(output, "MiB that are available", "--force")

    def test_an_interface_that_does_not_exist(self):
        for program in (TCP, COLLECTIVES):
            code, output = self.run_program(2, program, "--interface", "eth99")
            self.assertEqual(code, ENVIRONMENT, output)
            self.assert_one_error(output, "eth99", "rank ", "lo 127.0.0.1/8")

    def test_mpirun_that_contradicts_the_interface(self):
        code, output = self.run_program(2, "--mca", "btl", "vader,self", COLLECTIVES, "--interface", "lo")
        self.assertEqual(code, USAGE, output)
        self.assert_one_error(output, "mpirun sets btl to 'vader,self'", "tcp,self")

    def test_different_builds_are_refused(self):
        other = os.path.join(self.folder, "wiretax-tcp")
        note = os.path.join(self.folder, "note")
        subprocess.run(["objcopy", "--dump-section", f".note.gnu.build-id={note}", TCP], check=True)
        content = bytearray(open(note, "rb").read())
        content[-1] ^= 0xFF
        open(note, "wb").write(content)
        subprocess.run(["objcopy", "--update-section", f".note.gnu.build-id={note}", TCP, other], check=True)
        code, output = self.run_program(1, TCP, "--mode", "latency", ":", "-np", "1", other, "--mode", "latency")
        self.assertEqual(code, ENVIRONMENT, output)
        self.assert_one_error(output, "rank 1", "runs another build", "./scripts/deploy")

    def test_a_full_disk_keeps_the_finished_points(self):
        if os.geteuid() != 0:
            self.skipTest("mounting a small file system needs root")
        disk = os.path.join(self.folder, "disk")
        os.mkdir(disk)
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24k", "tmpfs", disk])
        if mounted.returncode != 0:
            self.skipTest("mounting is not permitted here")
        self.addCleanup(subprocess.run, ["umount", disk], check=True)
        self.out = os.path.join(disk, "out.json")
        code, output = self.run_program(2, COLLECTIVES, "--bytes", "8:1Mi", "--op", "all_reduce", "--interface", "shm",
                                        "--out", self.out)
        self.assertEqual(code, ENVIRONMENT, output)
        self.assert_one_error(output, f"cannot write {self.out}", "No space left on device")
        self.assertGreater(len(self.measured()), 2)
        self.assertIn("all_reduce", output, "the table still shows what was measured")
        self.assertEqual(os.listdir(disk), ["out.json"])

    def test_a_file_that_cannot_be_created(self):
        self.out = os.path.join(self.folder, "missing", "out.json")
        code, output = self.run_program(2, TCP, "--out", self.out)
        self.assertEqual(code, ENVIRONMENT, output)
        self.assert_one_error(output, f"cannot write {self.out}")

    # What goes wrong in the middle.

    LONG = ["--profile", "full", "--bytes", "8:1Mi", "--op", "all_reduce,all_gather"]

    def test_interrupt_keeps_finished_points_and_says_so(self):
        for number, code in ((signal.SIGINT, 143), (signal.SIGTERM, 143)):
            self.out = os.path.join(self.folder, f"{number}.json")
            process = self.start(2, COLLECTIVES, *self.LONG, "--out", self.out)
            self.wait_for_points(2)
            process.send_signal(number)
            output = self.output_of(process, 60)
            self.assertTrue(self.status().startswith(f"{code}: stopped by"), self.status())
            self.assertGreaterEqual(len(self.measured()), 2)
            self.assertNotIn("Traceback", output)

    def test_killed_rank_one(self):
        for program, options in ((COLLECTIVES, self.LONG), (TCP, ["--profile", "full", "--bytes", "64:1Mi"])):
            self.out = os.path.join(self.folder, os.path.basename(program) + ".json")
            process = self.start(2, program, *options, "--out", self.out)
            self.wait_for_points(1)
            os.kill(children(process.pid)[1], signal.SIGKILL)
            self.output_of(process, 60)
            self.assertNotEqual(process.returncode, 0)
            self.assertGreaterEqual(len(self.measured()), 1)
            self.assertRegex(self.status(), "^(143|6): ")

    def test_killed_rank_zero_leaves_a_whole_file_that_says_running(self):
        process = self.start(2, COLLECTIVES, *self.LONG, "--out", self.out)
        self.wait_for_points(2)
        os.kill(children(process.pid)[0], signal.SIGKILL)
        self.output_of(process, 60)
        self.assertEqual(self.status(), "running")
        self.assertGreaterEqual(len(self.measured()), 2)
        done = subprocess.run([REPORT, "status", self.out], stdout=subprocess.PIPE, text=True)
        self.assertEqual(done.returncode, PEER)

    def test_a_rank_that_hangs_ends_the_run_within_its_deadlines(self):
        process = self.start(2, TCP, "--profile", "full", "--mode", "latency", "--bytes", "64:1Mi", "--out", self.out)
        self.wait_for_points(1)
        victim = children(process.pid)[1]
        os.kill(victim, signal.SIGSTOP)
        self.addCleanup(lambda: os.path.exists(f"/proc/{victim}") and os.kill(victim, signal.SIGKILL))
        output = self.output_of(process, 90)
        self.assertGreaterEqual(len(self.measured()), 1)
        self.assertRegex(self.status(), "^7: .*rank 1")
        self.assertRegex(self.errors(output)[0], "rank 1")

    def test_a_leader_that_hangs_is_told_by_the_others(self):
        process = self.start(2, TCP, "--profile", "full", "--mode", "latency", "--bytes", "64:1Mi", "--out", self.out)
        self.wait_for_points(1)
        victim = children(process.pid)[0]
        os.kill(victim, signal.SIGSTOP)
        self.addCleanup(lambda: os.path.exists(f"/proc/{victim}") and os.kill(victim, signal.SIGKILL))
        output = self.output_of(process, 90)
        self.assertNotEqual(process.returncode, 0)
        self.assertTrue(self.errors(output), output)
        self.assertGreaterEqual(len(self.measured()), 1)

    def test_the_run_has_a_deadline(self):
        # Long enough for a sanitized MPI_Init on a busy machine: before that there is no file yet.
        code, output = self.run_program(2, COLLECTIVES, *self.LONG, "--deadline", "15", "--out", self.out)
        self.assertEqual(code, TIMEOUT, output)
        self.assertEqual(self.status(), "7: the run took longer than --deadline 15 s")
        self.assert_one_error(output, "the run took longer than --deadline 15 s")

    def test_a_deadline_before_anything_is_measured(self):
        code, output = self.run_program(2, COLLECTIVES, *self.LONG, "--deadline", "0.01", "--out", self.out)
        self.assertEqual(code, TIMEOUT, output)
        self.assertEqual(set(self.errors(output)), {"error: the run took longer than --deadline 0.01 s"}, output)
        self.assertFalse(os.path.exists(self.out))

    # What the harness makes of faults that reality does not give on demand.

    def faulty(self, fault, *options, ranks=2):
        return self.run_program(ranks, FAULTY, "--fault", fault, "--out", self.out, *options)

    def test_wrong_data_is_an_invalid_row_and_exit_8(self):
        code, output = self.faulty("wrong_data")
        self.assertEqual(code, MISMATCH, output)
        self.assert_one_error(output, "rank 1 (", "element 3 is 5, not 4")
        self.assertEqual(len(self.measured()), 2, "the other points are measured")
        bad = [row for row in self.rows() if row.get("error_occurred")]
        self.assertEqual([row["name"] for row in bad], ["spin/bytes:2"])
        self.assertIn("element 3", bad[0]["error_message"])
        self.assertEqual(bad[0]["real_time"], 0)
        self.assertTrue(self.status().startswith("8: "))

    def test_the_rank_that_failed_first_is_named_by_all(self):
        for rank in (0, 1, 2):
            code, output = self.faulty("throw", "--rank", str(rank), ranks=3)
            self.assertEqual(code, PEER, output)
            self.assert_one_error(output, f"rank {rank} (", "the wire fell out")
            self.assertTrue(self.status().startswith(f"6: rank {rank} ("))

    def test_a_failing_set_up_is_everybodys_failure(self):
        code, output = self.faulty("set_up")
        self.assertEqual(code, ENVIRONMENT, output)
        self.assert_one_error(output, "rank 1 (", "no such device")

    def test_a_rank_stuck_in_an_operation_meets_the_deadline_of_its_point(self):
        began = time.monotonic()
        code, output = self.faulty("hang")
        self.assertEqual(code, TIMEOUT, output)
        self.assertLess(time.monotonic() - began, 60)
        self.assertIn("spin/bytes:2", "".join(self.errors(output)))
        self.assertRegex(self.status(), r"^7: .* rank 1 \(")

    def test_a_rank_stopped_between_operations_is_named(self):
        """Its own deadlines stand still with it: who waits at the barrier has to name it."""
        code, output = self.faulty("stop", "--profile", "full")  # a point's own deadline is further off than a barrier's
        self.assertEqual(code, TIMEOUT, output)
        self.assertRegex(self.errors(output)[0], r"spin/bytes:2.*rank 1 \(|rank 1 \(.*spin/bytes:2")
        self.assertRegex(self.status(), r"^7: .*rank 1 \(")

    def test_more_than_the_bound_is_invalid(self):
        code, output = self.faulty("above_bound")
        self.assertEqual(code, OK, output)
        bad = [row for row in self.rows() if row.get("error_occurred")]
        self.assertEqual([row["name"] for row in bad], ["spin/bytes:2"])
        self.assertIn("above the physical bound", bad[0]["error_message"])
        code, output = self.faulty("above_bound", "--strict")
        self.assertEqual(code, SUSPECT, output)

    def test_a_rank_far_behind_is_suspect(self):
        code, output = self.faulty("slow_rank")
        self.assertEqual(code, OK, output)
        labels = {row["name"]: row.get("label", "") for row in self.rows()}
        self.assertIn("one rank far behind", labels["spin/bytes:2"])

    def test_single_times_are_those_that_the_mean_is_of(self):
        code, output = self.faulty("slow_rank")
        self.assertEqual(code, OK, output)
        for row in self.rows():
            self.assertLessEqual(row["min_us"], row["real_time"] * (1 + 1e-9), row)
            self.assertGreaterEqual(row["max_us"], row["real_time"] * (1 - 1e-9), row)


if __name__ == "__main__":
    run()
