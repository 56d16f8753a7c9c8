#!/usr/bin/env bash
# Unpacks Debian's arm64 packages into build/sysroot-aarch64, where cmake/aarch64.cmake looks for them. The
# system gets no second architecture, and nobody has to be root: apt works on a state of its own.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck source=scripts/parts/say.sh
source "$root/scripts/parts/say.sh"

sysroot=$root/build/sysroot-aarch64
fresh=$sysroot.new
apt=$fresh/apt

# What setup installs for this machine's compiler to link. clang's runtime is not among that: clang does not
# build for the other.
wanted() { "$root/scripts/setup" --list test | grep -e '-dev$' | grep -v '^libclang'; }

# Other packages, or another release of the system and so of the compiler, want another sysroot.
stamp() {
  wanted
  sed -n 's/^VERSION_ID=//p' /etc/os-release
}

# The system's own sources, keys, proxies and passwords, for another architecture. Its hooks are meant for the
# system and stay out; so do indexes that only desktops read.
write_apt_conf() {
  apt-config dump | sed -n '/^Acquire::\(IndexTargets\|Languages\)/d; /^Acquire::/p'
  cat <<END
Acquire::Languages "none";
APT::Architecture "arm64";
APT::Architectures { "arm64"; };
APT::Install-Recommends "false";
APT::Sandbox::User "root";
Dir::Cache "$apt";
Dir::Etc::main "/dev/null";
Dir::Etc::parts "$apt/none";
Dir::State "$apt";
Dir::State::status "$apt/status";
END
}

open_apt() {
  mkdir -p "$apt/lists/partial" "$apt/archives/partial" "$apt/none"
  : >"$apt/status"
  write_apt_conf >"$apt/apt.conf"
  export APT_CONFIG=$apt/apt.conf
  apt-get -q update >&2 || fail 5 "apt-get update failed; the arm64 packages need a network, once"
}

# with_dependencies PACKAGE...: the libraries and headers, without the programs that come along.
with_dependencies() {
  local plan
  plan=$(apt-get -s install "$@") ||
    fail 5 "apt's sources, or the network, do not offer for arm64 all of: $*"
  awk '/^Inst / {print $2}' <<<"$plan" | xargs apt-cache show --no-all-versions |
    awk '/^Package:/ {name = $2}
         /^Section:/ && (/libs|libdevel/ || name == "linux-libc-dev") && name !~ /perl/ {print name}'
}

unpack() {
  local names packages archive
  mapfile -t names < <(wanted)
  packages=$(with_dependencies "${names[@]}")
  (cd "$apt/archives" && xargs apt-get -q download <<<"$packages" >&2) ||
    fail 5 "not all arm64 packages could be downloaded"
  for archive in "$apt"/archives/*.deb; do dpkg -x "$archive" "$fresh"; done
}

[[ $(cat "$sysroot/stamp" 2>/dev/null) != "$(stamp)" ]] || exit 0
# Its files are as old as their packages, so a build from before would not see that they have changed.
rm -rf "$sysroot" "$fresh" "$root/build/aarch64"
open_apt
unpack
rm -r "$apt"
stamp >"$fresh/stamp"
mv "$fresh" "$sysroot" # complete only under this name
note "sysroot: $(du -sh "$sysroot" | cut -f 1) of arm64 packages"
