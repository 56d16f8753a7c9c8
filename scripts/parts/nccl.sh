# NCCL's passes: the user's own settings, and each way that NCCL could take between the hosts, so that what a fallback
# costs is measured. Each is a fabric of its own in the decision.
# shellcheck shell=bash

# Whether there is NVIDIA's driver for the dynamic linker to find; the programs say what else is missing.
has_gpu() {
  local folder
  for folder in ${LD_LIBRARY_PATH:+${LD_LIBRARY_PATH//:/ }}; do [[ ! -e $folder/libcuda.so.1 ]] || return 0; done
  # Not through a pipe that ends at the match: ldconfig would fail, and so the pipe.
  [[ $(PATH=$PATH:/sbin:/usr/sbin ldconfig -p 2>/dev/null) == *libcuda.so.1* ]]
}

# active_devices prints "PCI NAME" of each RDMA device with a port that is up. Two functions of one PCI device share
# its link, and the first stands for both; soft-RoCE has none and stands for itself.
active_devices() {
  local path name slot
  for path in /sys/class/infiniband/*; do
    [[ -d $path ]] || continue
    grep -qs ACTIVE "$path"/ports/*/state || continue
    name=${path##*/}
    slot=$(readlink -e "$path/device" 2>/dev/null) || slot=
    slot=${slot##*/}
    echo "${slot%.*} $name"
  done | awk '!$1 || !seen[$1]++'
}

# nccl_pass FABRIC TRANSPORT SETTING=VALUE...: one fabric. Only the user's own settings may take any transport, and
# only there it is a failure if nothing can be measured.
nccl_pass() {
  local fabric=$1 transport=$2 before=$first_failure setting options=()
  shift 2
  mca=(--mca btl "tcp,vader,self" --mca btl_tcp_if_include "${control:-lo}")
  for setting in "$@"; do
    local -x "$setting"
    [[ " ${mpirun[*]} " == *" -x ${setting%%=*} "* ]] || mca+=(-x "${setting%%=*}")
  done
  [[ -z $transport ]] || options+=(--require-transport "$transport")
  ((${#hosts[@]})) || options+=(--share-gpu)
  measure "$ranks ranks, NCCL${*:+ with $*}" "collectives-$fabric.json" wiretax-collectives --backend nccl \
    --fabric "$fabric" "${options[@]}"
  [[ -n $transport && ! -f $out/collectives-$fabric.json ]] || return 0
  first_failure=$before
  note "fabric $fabric is left out, for the reason above"
}

# What NCCL decides for every size, and the evidence: untimed, since writing it down takes time.
prove_nccl() {
  local code=0 options=()
  ((${#hosts[@]})) || options+=(--share-gpu)
  note "wiretax-collectives: what NCCL decides for every size, untimed"
  launch "${mpirun[@]}" "${mca[@]}" "$bin/wiretax-collectives" --profile "$profile" --color "$colour" --backend nccl \
    --prove "$out/transport-nccl.json" "${options[@]}" "${measure_flags[@]}" || code=$?
  ((interrupted == 0)) || end_interrupted
  [[ -f $out/transport-nccl.json ]] || note "there is no proof of NCCL's transport: the program ended with $code"
}

# measure_nccl FAST CONTROL: interfaces for TCP, the link between the hosts and the management network.
measure_nccl() {
  has_gpu || return 0
  if wanted collectives; then
    nccl_pass nccl ''
    # Without NCCL or GPUs on all hosts the program has said so, and would say it again.
    [[ -f $out/collectives-nccl.json ]] && (($(finished_points "$out/collectives-nccl.json") > 0)) || return 0
    prove_nccl
    if ((${#hosts[@]})); then
      measure "$ranks ranks, NCCL behind pauses in which memory is read" collectives-nccl-gapped.json wiretax-collectives \
        --backend nccl --fabric nccl --op all_reduce --timing gapped
      nccl_ways "$1" "$2"
    fi
  fi
  if wanted token && [[ -z $bytes || $only == token ]]; then
    local options=()
    ((${#hosts[@]})) || options+=(--share-gpu)
    mca=(--mca btl "tcp,vader,self" --mca btl_tcp_if_include "${control:-lo}")
    measure "$ranks ranks, a token's messages over NCCL" token-nccl.json wiretax-token --backend nccl --fabric nccl "${options[@]}"
  fi
}

# The names of devices and interfaces are this host's; where another host calls them otherwise, a pass says so and is
# left out.
nccl_ways() {
  local devices device
  mapfile -t devices < <(active_devices | cut -d ' ' -f 2)
  if ((${#devices[@]} > 1)); then
    nccl_pass nccl-ib-both rdma NCCL_NET=IB "NCCL_IB_HCA==$(IFS=,; echo "${devices[*]}")"
  fi
  for device in "${devices[@]}"; do nccl_pass "nccl-ib-$device" rdma NCCL_NET=IB "NCCL_IB_HCA==$device"; done
  nccl_pass nccl-socket-fast socket NCCL_NET=Socket "NCCL_SOCKET_IFNAME==$1"
  [[ $2 == "$1" || -z $2 ]] || nccl_pass nccl-socket-control socket NCCL_NET=Socket "NCCL_SOCKET_IFNAME==$2"
}
