# What a host says about itself, one fact a line. run and deploy send this file over ssh, so it stands alone.
# usage: bash facts.sh FOLDER PROGRAM...
# shellcheck shell=bash

set -u
PATH=$PATH:/usr/sbin:/sbin # where ip lives, and a login by ssh may not look
folder=$1
shift

# The prefix tells facts from whatever the host's shell prints at login.
fact() { printf 'wiretax-fact %s\n' "$*"; }

open_mpi_version() {
  local mpirun
  for mpirun in mpirun mpirun.openmpi; do
    "$mpirun" --version 2>/dev/null </dev/null | sed -nE 's/^mpirun.* \((Open MPI|OpenRTE)\) //p'
  done | head -n 1
}

fact host "$(hostname)"
fact arch "$(uname -m)"
fact glibc "$(getconf GNU_LIBC_VERSION | sed 's/.* //')"
fact mpi "$(open_mpi_version)"
fact came_to "$(cut -d ' ' -f 3 <<<"${SSH_CONNECTION:-}")"
command -v rsync >/dev/null && fact rsync yes

for program in "$@"; do
  if [[ -x $folder/$program ]]; then
    fact "sha-$program" "$(sha256sum <"$folder/$program" | cut -d ' ' -f 1)"
    ldd "$folder/$program" 2>/dev/null | sed -n 's/^[[:space:]]*\([^ ]*\) => not found.*/\1/p'
  fi
done | sort -u | sed '/^wiretax-fact/!s/^/wiretax-fact lacks /'

# "address NAME ADDRESS/PREFIX yes|no": the last says whether there is a carrier.
carriers=" $(ip -o link show up | sed -n '/LOWER_UP/s/^[0-9]*: \([^:@]*\).*/\1/p' | tr '\n' ' ')"
ip -o -4 address show up | while read -r _ name _ address _; do
  carrier=no
  [[ $carriers == *" $name "* ]] && carrier=yes
  fact address "$name" "$address" "$carrier"
done
