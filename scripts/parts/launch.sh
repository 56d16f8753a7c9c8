# Starts one program under mpirun, keeps what it prints, and hands Ctrl-C on.
# shellcheck shell=bash

mpirun_pid=   # of the program that runs now
interrupted=0 # 130 or 143 once somebody stopped us
readers=()    # the processes that carry the output

# mpirun may be another MPI's where several are installed; Debian keeps Open MPI's under its own name, too, and
# that one calls itself OpenRTE.
find_mpirun() {
  local mpirun
  for mpirun in mpirun mpirun.openmpi; do
    [[ $("$mpirun" --version 2>/dev/null </dev/null) =~ \((Open MPI|OpenRTE)\)\ 4\. ]] && echo "$mpirun" && return
  done
  fail 5 "mpirun is not Open MPI 4's: type ./scripts/setup, or sudo update-alternatives --config mpirun"
}

# Set in the shell, these would reach the ranks and contradict what each run names on its command line.
forget_open_mpi_choices() {
  local name
  for name in $(compgen -e | grep -E '^OMPI_MCA_(pml|btl|oob)'); do
    note "$name is set in your shell and not used: the interface is chosen for each measurement"
    unset "$name"
  done
}

# Cuts colours, and of a line that was drawn over and over keeps the last state.
plain() { sed -u -e 's/\x1b\[[0-9;?]*[A-Za-z]//g' -e 's/\r*$//' -e 's/.*\r//'; }

# Passes standard error on without mpirun's framed notices, which bury the one line that matters; run.log
# has them. By character, since progress is drawn on a line that has not ended.
without_notices() {
  local frame char start='' in_frame=false passing=false
  frame=$(printf -- '-%.0s' {1..74})
  while IFS= read -r -N 1 char; do
    if [[ $char == - ]] && ! $passing; then
      start+=-
    elif [[ $char == $'\n' && $start == "$frame" ]] && ! $passing; then
      if $in_frame; then in_frame=false; else in_frame=true; fi
      start=
    else
      $in_frame || printf '%s%s' "$start" "$char"
      start=
      if [[ $char == $'\n' ]]; then passing=false; else passing=true; fi
    fi
  done
}

# A Ctrl-C in the terminal reaches every process; what carries the output has to live until it has ended.
to_the_end() {
  trap '' INT HUP
  "$@"
}

# The pipes are named and their readers known, so that all of the output is there when the program has ended.
start_readers() {
  rm -f "$work"/pipe-*
  mkfifo "$work"/pipe-{out,out-log,err,err-log,err-shown}
  to_the_end tee -p "$work/pipe-out-log" <"$work/pipe-out" & readers=($!)
  to_the_end plain <"$work/pipe-out-log" >>"$log" & readers+=($!)
  to_the_end tee -p "$work/pipe-err-log" "$work/stderr" <"$work/pipe-err" >"$work/pipe-err-shown" & readers+=($!)
  to_the_end plain <"$work/pipe-err-log" >>"$log" & readers+=($!)
  to_the_end without_notices <"$work/pipe-err-shown" >&2 & readers+=($!)
}

# wait returns early when a signal comes; the process is still there then.
wait_for() {
  local code=0
  while :; do
    wait "$1" 2>/dev/null && code=0 || code=$?
    kill -0 "$1" 2>/dev/null || break
  done
  return "$code"
}

# launch ARGUMENT...: mpirun with these, in a session of its own, so that Ctrl-C in the terminal reaches it once
# and through us. The programs have deadlines; timeout is for an mpirun that never comes to starting them.
launch() {
  local code=0 reader
  printf '\n$ %s\n' "$*" >>"$log"
  start_readers
  setsid timeout --foreground -k 15 "$limit" "$@" </dev/null >"$work/pipe-out" 2>"$work/pipe-err" &
  mpirun_pid=$!
  wait_for "$mpirun_pid" || code=$?
  mpirun_pid=
  for reader in "${readers[@]}"; do wait_for "$reader" || true; done
  readers=()
  return "$code"
}

# The first signal is handed on: the ranks write their files and mpirun ends. Whoever repeats it does not want to wait.
stop() {
  local first=$interrupted
  interrupted=$2
  if [[ -z $mpirun_pid ]]; then exit "$interrupted"; fi
  if ((first == 0)); then kill "-$1" "$mpirun_pid" 2>/dev/null || true; else kill_all_of "$mpirun_pid"; fi
}

# kill_all_of PID: the process and what it started on this machine.
kill_all_of() {
  local child
  for child in $(ps -o pid= --ppid "$1"); do kill_all_of "$child"; done
  kill -KILL "$1" 2>/dev/null || true
}

clean_up() {
  local reader
  [[ -z $mpirun_pid ]] || kill_all_of "$mpirun_pid"
  for reader in "${readers[@]}"; do kill_all_of "$reader"; done
  rm -rf "$work"
}
