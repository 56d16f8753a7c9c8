#!/usr/bin/env bash
# Everything that can be shown of the nccl backend on a machine with one GPU, unattended: two processes share it, each as
# if on a host of its own, so that only NCCL's network is left between them. That proves function, logs and verdicts, and
# says nothing about speed. Leaves logs and result files in FOLDER, and ends with the number of checks that failed.
#
#   scripts/gpu_check.sh [FOLDER]
#
# Environment: WIRETAX_BIN, a folder of built programs; NCCL_LIB, the library to measure; NCCL_TESTS, a folder with
# all_reduce_perf (built with MPI=1), to be measured beside it in NCCL_TESTS_PAIRS pairs (16), at most NCCL_TESTS_S seconds.
set -uo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
bin=$(realpath -m "${WIRETAX_BIN:-$root/build/release/bin}")
out=$(realpath -m "${1:-$root/results/gpu_check}")
mkdir -p "$out"
failed=0

note() { printf '== %s\n' "$*"; }

library=()
[[ -z ${NCCL_LIB:-} ]] || library=(--nccl-lib "$NCCL_LIB")
mpirun=(timeout -k 10 150 mpirun -np 2 --oversubscribe --bind-to none --mca pml ob1 --mca btl "tcp,vader,self"
  --mca btl_tcp_if_include lo)
((EUID)) || mpirun+=(--allow-run-as-root)
[[ -z ${LD_LIBRARY_PATH:-} ]] || mpirun+=(-x LD_LIBRARY_PATH)

# check NAME CODE PATTERN COMMAND...: what the command prints goes into NAME.txt; it has to end with CODE and to have
# a line that matches PATTERN, there or in NAME.json.
check() {
  local name=$1 wanted=$2 pattern=$3 code=0 begun=$SECONDS
  shift 3
  "$@" >"$out/$name.txt" 2>&1 </dev/null || code=$?
  if ((code == wanted)) && grep -Eqs -- "$pattern" "$out/$name.txt" "$out/$name.json"; then
    note "passed: $name ($((SECONDS - begun)) s)"
  else
    note "FAILED: $name ended with $code, wanted $wanted and '$pattern'; it said:"
    tail -n 15 "$out/$name.txt"
    failed=$((failed + 1))
  fi
}

# shellcheck disable=SC2317 # they are called by check
collectives() {
  local name=$1
  shift
  "${mpirun[@]}" "$bin/wiretax-collectives" --backend nccl --share-gpu "${library[@]}" --color never --out "$out/$name.json" "$@"
}

# shellcheck disable=SC2317
token() {
  local name=$1
  shift
  "${mpirun[@]}" "$bin/wiretax-token" --backend nccl --share-gpu "${library[@]}" --color never --out "$out/$name.json" "$@"
}

# Sockets are what one GPU can show, also where there is InfiniBand.
export NCCL_IB_DISABLE=1
mpirun+=(-x NCCL_IB_DISABLE)
sizes=4096,5760,10240,65536,16Mi

note "the machine"
{ nvidia-smi; uname -a; "$bin/wiretax-collectives" --version; } >"$out/machine.txt" 2>&1
head -n 15 "$out/machine.txt"

check proof 0 '"verdict": "SOCKET"' collectives proof_rows --op all_reduce,all_gather,reduce_scatter,broadcast --bytes $sizes --prove "$out/proof.json"
check chained 0 '"verdict":"SOCKET"|"verdict": "SOCKET"' collectives chained --op all_reduce --bytes $sizes --launch eager,graph
check operations 0 'all_to_all/backend:nccl/launch:graph' collectives operations --op all_gather,reduce_scatter,broadcast,send_recv,all_to_all --bytes 10240 --launch eager,graph
check in_place 0 'place:in' collectives in_place --op all_reduce,all_gather,reduce_scatter --bytes 10240 --place in --type float32,float16
check gapped 0 '"read_GBps"' collectives gapped --op all_reduce --bytes 10240 --timing gapped,isolated,pipelined --launch eager,graph --gap 300
check refused 5 'require-transport rdma: NCCL took SOCKET' collectives refused --op all_reduce --bytes 10240 --require-transport rdma
check socket 0 '"verdict": "SOCKET"|"verdict":"SOCKET"' collectives socket --op all_reduce --bytes 10240 --require-transport socket
check token 0 '"priced_us"' token token --model Llama-3.1-8B --batch 1,8 --phase decode --launch eager,graph
check token_gap 0 '"read_GBps"' token token_gap --model Llama-3.1-8B --batch 1 --phase decode --gap 300
check no_gpu_left 2 'has no GPU of its own' "${mpirun[@]}" "$bin/wiretax-collectives" --backend nccl "${library[@]}" --op all_reduce --bytes 10240
check not_nccl 5 'is not NCCL, or too old' "${mpirun[@]}" "$bin/wiretax-collectives" --backend nccl --nccl-lib libm.so.6 --op all_reduce
check nonsense 5 'no-ip-interface' env NCCL_SOCKET_IFNAME=nonsense0 "${mpirun[@]}" -x NCCL_SOCKET_IFNAME "$bin/wiretax-collectives" \
  --backend nccl --share-gpu "${library[@]}" --op all_reduce --bytes 10240
check too_large 2 "of the GPU's memory are needed" collectives too_large --op all_reduce --bytes 512Gi --force
check doctor 0 'ranks looked at' "${mpirun[@]}" "$bin/wiretax-doctor" --color never --out "$out/doctor.json"
check transport 5 'SOCKET' "$bin/wiretax-report" transport "$out/chained.rank0.log" "$out/chained.rank1.log" --color never
check decide 0 'tp2' "$bin/wiretax-report" decide "$out/chained.json" --model Llama-3.1-8B --batch 1 --color never

# The peer beside it, eagerly and from graphs: the ratio with its interval.
if [[ -x ${NCCL_TESTS:-}/all_reduce_perf ]]; then
  check nccl_tests 0 'graph, 10240 B: wiretax / peer [0-9.]+ \[' timeout -k 10 "${NCCL_TESTS_S:-420}" python3 -B "$root/bench/compare/nccl.py" \
    --share-gpu --nccl-tests "$NCCL_TESTS" --bin "$bin" --bytes 5120:20480 --pairs "${NCCL_TESTS_PAIRS:-16}"
  grep 'wiretax / peer' "$out/nccl_tests.txt"
else
  note "skipped: nccl-tests (NCCL_TESTS names no folder with all_reduce_perf)"
fi

note "$failed checks failed; logs and results are in $out"
exit "$failed"
