# How a command gets into guest 1: ssh, over a port of the virtual machine instead of a network, since a Spark has
# no link for that. So output, errors, exit code and terminal are as with any other host.
# shellcheck shell=bash

write_ssh_files() {
  local key
  for key in host user; do ssh-keygen -q -t ed25519 -N '' -C 'wiretax lab' -f "$work/$key"; done
  echo "* $(<"$work/host.pub")" >"$work/known_hosts"
  cat >"$work/ssh_config" <<END
Host *
  ProxyCommand sh -c 'cat $work/login.out & exec cat >$work/login.in'
  User root
  IdentityFile $work/user
  IdentitiesOnly yes
  UserKnownHostsFile $work/known_hosts
  GlobalKnownHostsFile none
  BatchMode yes
  LogLevel ERROR
END
  # PAM and the owners of files are the host's, and mean nothing to a guest. The first choice of OpenSSH for keys
  # takes two seconds more in emulation.
  cat >"$work/sshd_config" <<END
HostKey $work/host
AuthorizedKeysFile $work/user.pub
PermitRootLogin prohibit-password
UsePAM no
StrictModes no
UseDNS no
KexAlgorithms curve25519-sha256
SetEnv $(environment)
END
}

# What every login finds, on both guests. Emulation is slow, and its results should say where they come from.
environment() {
  printf '"%s" ' \
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" \
    "WIRETAX_SLOW=5" \
    "WIRETAX_MARK=soft-RoCE in emulation: shows function, not speed" \
    "WIRETAX_BIN=$bin" \
    "WIRETAX_LAB_OUT=$out"
}

# run_in_guest COMMAND ARGUMENT...: in the repository's folder. Returns what the command returns.
run_in_guest() {
  local code=0 ended session alarm terminal=-T
  [[ $mode != shell ]] || terminal=-t
  sleep "$((end - SECONDS))" &
  alarm=$!
  ssh -F "$work/ssh_config" "$terminal" spark-01 "cd ${root@Q} && ${*@Q}; exit \$?" <&3 &
  session=$!
  wait -n -p ended "$session" "$alarm" || code=$?
  [[ $ended == "$session" ]] || give_up 7 "the lab was stopped after $deadline s: a longer one is --deadline SECONDS" 1 2
  kill "$alarm" 2>/dev/null
  # A command may switch it off, to see what comes of it.
  is_alive 2 || { show_console 2; note "spark-02 ended before the command did"; }
  wait_until_off
  # 255 may be the command's, or mean that the connection broke.
  ((code != 255)) || said 1 "powers off" || give_up 6 "spark-01 ended before its command did" 1
  return "$code"
}
