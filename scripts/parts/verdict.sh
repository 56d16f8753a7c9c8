# How a program ended. Its own word in the result file counts; mpirun changes exit codes on the way.
# shellcheck shell=bash

first_failure=0

# count_failure CODE: the run goes on, and ends with the first code.
count_failure() { ((first_failure)) || first_failure=$1; }

# report_failure CODE SENTENCE
report_failure() {
  note "error: $2"
  printf 'error: %s\n' "$2" >>"$log"
  count_failure "$1"
}

# finished_points FILE: rows with a number; the others have a message instead.
finished_points() {
  echo $(($(grep -c '"real_time"' "$1") - $(grep -c '"\(error\|skip\)_message"' "$1")))
}

# who_died prints the rank or host that mpirun missed, as a sentence, or nothing. Open MPI 4.1 says
#   mpirun noticed that process rank 1 with PID 4853 on node spark-b exited on signal 9 (Killed).
#   ORTE has lost communication with a remote daemon. [...] Remote daemon: [[32725,0],1] on node spark-b
who_died() {
  local notice
  notice=$(grep -o -m 1 'process rank [0-9]* with PID [0-9]* on node .* exited on signal .*' "$work/stderr") || notice=
  if [[ $notice =~ rank\ ([0-9]+).*on\ node\ ([^ ]+)\ exited\ on\ (signal\ [0-9]+.*[^.]) ]]; then
    echo "rank ${BASH_REMATCH[1]} on ${BASH_REMATCH[2]} was ended by ${BASH_REMATCH[3]}"
  elif grep -q 'lost communication with a remote daemon' "$work/stderr"; then
    notice=$(sed -n 's/^ *Remote daemon:.*on node \([^ ]*\).*/\1/p' "$work/stderr" | head -n 1)
    echo "host ${notice:-unknown} stopped answering: is it on and cabled?"
  fi
}

# who_gave_up prints the rank that ended the others by ending with a code: "Process name: [[32725,1],0]".
who_gave_up() {
  sed -n 's/^ *Process name: .*,\([0-9]*\)\]$/rank \1 gave up; its reason is above/p' "$work/stderr" | head -n 1
}

# last_words prints what mpirun had to say, on one line.
last_words() { sed '/^-*$/d' "$work/stderr" | head -n 3 | tr -s '\n ' ' '; }

# end_misused: the program has said which option is wrong, and every other one would say it again.
end_misused() {
  rm -f "$log" "$out/doctor.json"
  rmdir "$out" 2>/dev/null || true
  exit 2
}

judge_without_file() {
  local program=$1 code=$2 died words
  died=$(who_died)
  words=$(last_words)
  case $code in
    0 | 130 | 143) code=1 ;;
    2) if grep -q '^error: ' "$work/stderr"; then end_misused; fi ;;
    124 | 137) if [[ -n $died ]]; then code=6; else code=7; fi ;;
    *) if ((code > 8)); then code=5; fi ;;
  esac
  if [[ -z $died ]] && grep -q '^error: ' "$work/stderr"; then
    count_failure "$code" # it has said why
  else
    report_failure "$code" "$program wrote no result file: ${died:-${words:-see run.log}}"
  fi
}

# judge_lost PROGRAM FILE SENTENCE: ranks were ended by mpirun, since one of them was missing.
judge_lost() { report_failure 6 "$1: $3; the points finished before are in $2"; }

# judge PROGRAM FILE MPIRUN_CODE
judge() {
  local program=$1 file=$2 code=0 said died
  if [[ ! -f $file ]]; then
    judge_without_file "$program" "$3"
    return
  fi
  said=$("$bin/wiretax-report" status "$file" 2>&1) || code=$?
  died=$(who_died)
  # A full disk keeps the file from saying more than "running", but the program has said why it ended.
  if ((code == 6 && $3 > 0 && $3 <= 8)) && [[ -z $died ]] && grep -q '^error: ' "$work/stderr"; then
    count_failure "$3"
    return
  fi
  case $code in
    0) ;;
    6 | 130 | 143)
      if [[ -n $died ]]; then
        judge_lost "$program" "$file" "$died"
      elif (($3 == 124)); then
        report_failure 7 "$program was stopped after $limit s; the points finished before are in ${file##*/}"
      else
        died=$(who_gave_up)
        judge_lost "$program" "$file" "${died:-${said#*: }}"
      fi
      ;;
    *) # the program has said why, or did not get to it
      if grep -q '^error: ' "$work/stderr"; then
        count_failure "$code"
      else
        report_failure "$code" "$program: ${said#*: }"
      fi
      ;;
  esac
}
