# The programs, built once. scripts/test uses the same build directory: whoever comes first decides whether
# the tests are part of it, and the programs are the same either way.
# shellcheck shell=bash

programs=(wiretax-doctor wiretax-tcp wiretax-rdma wiretax-links wiretax-collectives wiretax-token wiretax-report)

# WIRETAX_BIN: a folder of programs that somebody else has built (an installation, a build of another kind).
bin=$(realpath -m "${WIRETAX_BIN:-$root/build/release/bin}")

have_programs() {
  local program
  for program in "${programs[@]}"; do [[ -x $bin/$program ]] || return 1; done
}

# A host that got its programs from scripts/deploy has no sources, and needs none.
build_programs() {
  if [[ -n ${WIRETAX_BIN:-} || ! -f $root/CMakeLists.txt ]]; then
    have_programs || fail 5 "there are not all of ${programs[*]} in $bin: build them, or type ./scripts/deploy where they are"
    return 0
  fi
  "$root/scripts/setup"
  have_programs || note "building the programs, once; this takes a few minutes"
  local log
  log=$(mktemp)
  if ! { configure_once && cmake --build "$root/build/release" --target "${programs[@]}"; } >"$log" 2>&1; then
    tail -n 30 "$log" >&2
    fail 5 "the programs could not be built; all that was said is in $log"
  fi
  rm -f "$log"
}

configure_once() {
  [[ -f $root/build/release/build.ninja ]] ||
    (cd "$root" && cmake --preset release -DWIRETAX_TESTS=OFF -DWIRETAX_WERROR=OFF)
}
