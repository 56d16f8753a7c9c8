# What the scripts say, and how they give up. Results go to standard output, all else to standard error.
# shellcheck shell=bash

note() { printf '%s\n' "$*" >&2; }

# fail CODE SENTENCE: the codes are those of the programs (README.md).
fail() {
  printf 'error: %s\n' "$2" >&2
  exit "$1"
}

# The ranks write into a pseudo-terminal whatever happens to their output later, so they cannot tell.
colour_of_stdout() {
  if [[ -t 1 && -z ${NO_COLOR:-} && ${TERM:-dumb} != dumb ]]; then echo always; else echo never; fi
}
