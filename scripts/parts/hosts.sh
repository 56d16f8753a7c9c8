# The hosts of a run: what each says about itself, and whether they fit together.
# Every check that fails is one sentence: the host, what is wrong, what to type.
# shellcheck shell=bash

declare -A facts # facts[HOST,NAME] is the fact's value; lines of it where a host has several

# Is HOST this machine? mpirun starts ranks there without ssh, and rank 0 writes its files there.
is_here() {
  local host=$1 address
  [[ $host == localhost || $host == "$(hostname)" || $host == "$(hostname -s)" ]] && return 0
  for address in $(getent ahostsv4 "$host" | cut -d ' ' -f 1 | sort -u); do
    ip -o -4 address show | grep -qF " $address/" && return 0
  done
  return 1
}

# Never waits for a password or a question, and never weakens how ssh checks host keys.
ssh_quietly() { "${ssh[@]}" -o BatchMode=yes -o ConnectTimeout=5 "$@"; }

# explain_ssh HOST TEXT: what ssh said, as what to do.
explain_ssh() {
  local host=$1
  case "$2" in
    *"IDENTIFICATION HAS CHANGED"*)
      echo "host $host has another host key than before: if you know why, type ssh-keygen -R $host && ssh $host" ;;
    *"Host key verification failed"*)
      echo "host $host is not known to this machine yet: compare its host key once, type ssh $host" ;;
    *"Permission denied"*)
      echo "host $host wants a password: type ssh-copy-id $host" ;;
    *"Could not resolve"*)
      echo "host $host has no address: check the name, or add it to /etc/hosts" ;;
    *"Connection refused"*)
      echo "host $host takes no ssh: on $host type sudo apt-get install openssh-server" ;;
    *"timed out"* | *"No route"* | *"unreachable"*)
      echo "host $host does not answer: is it on and cabled? type ping $host" ;;
    *)
      echo "host $host cannot be asked over ssh: $(tail -n 1 <<<"$2")" ;;
  esac
}

forget_host() {
  local key
  for key in "${!facts[@]}"; do [[ $key != "$1",* ]] || unset "facts[$key]"; done
}

# ask_host HOST FOLDER PROGRAM...: fills facts anew.
ask_host() {
  local host=$1 answer said
  shift
  forget_host "$host"
  if is_here "$host"; then
    answer=$(bash "$parts/facts.sh" "$@")
  else
    said=$(mktemp)
    answer=$(ssh_quietly "$host" "bash -s -- $(printf '%q ' "$@")" <"$parts/facts.sh" 2>"$said") || {
      said=$(<"$said")$(rm -f "$said")
      fail 5 "$(explain_ssh "$host" "$said")"
    }
    rm -f "$said"
  fi
  local mark name value
  while read -r mark name value; do
    [[ $mark == wiretax-fact ]] || continue
    facts[$host,$name]=${facts[$host,$name]:+${facts[$host,$name]}$'\n'}$value
  done <<<"$answer"
}

fact_of() { printf '%s' "${facts[$1,$2]:-}"; }

# check_same_build HOST PROGRAM...: two builds may differ in what they send each other.
check_same_build() {
  local host=$1 program theirs
  shift
  for program in "$@"; do
    theirs=$(fact_of "$host" "sha-$program")
    [[ -n $theirs ]] || fail 5 "host $host has no $program at $bin: type ./scripts/deploy $host"
    [[ $theirs == "$(fact_of "${hosts[0]}" "sha-$program")" ]] ||
      fail 5 "host $host has another build of $program: type ./scripts/deploy $host"
  done
  [[ -z $(fact_of "$host" lacks) ]] ||
    fail 5 "host $host lacks $(fact_of "$host" lacks | tr '\n' ' ')for our programs: on $host type $root/scripts/setup"
}

check_same_open_mpi() {
  local host=$1 ours theirs
  ours=$(fact_of "${hosts[0]}" mpi)
  theirs=$(fact_of "$host" mpi)
  [[ -n $theirs ]] || fail 5 "host $host has no Open MPI: on $host type sudo apt-get install openmpi-bin"
  [[ $theirs == "$ours" ]] ||
    fail 5 "host $host has Open MPI $theirs and ${hosts[0]} has $ours, and they do not talk to each other: on the older one type sudo apt-get install openmpi-bin"
}

# Open MPI tells hosts apart by what they call themselves, and would use shared memory between two of one name.
check_names_differ() {
  local host other
  for host in "${hosts[@]}"; do
    for other in "${hosts[@]}"; do
      [[ $host != "$other" && $(fact_of "$host" host) == "$(fact_of "$other" host)" ]] || continue
      fail 5 "hosts $host and $other both call themselves $(fact_of "$host" host): on $other type sudo hostnamectl set-hostname NAME"
    done
  done
}

check_hosts() {
  local host
  for host in "${hosts[@]}"; do ask_host "$host" "$bin" "$@"; done
  check_names_differ
  for host in "${hosts[@]}"; do
    check_same_build "$host" "$@"
    check_same_open_mpi "$host"
  done
}
