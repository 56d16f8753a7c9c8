# The two guests as processes of this machine. Their network is made of unix sockets, so nothing of the host's is
# touched, and several labs can run at once.
# shellcheck shell=bash

guests=() # their processes

# What of the host the guests have to know; guest.sh reads it.
write_settings() {
  local results=$out
  declare -p results kernel >"$work/settings"
  cp "$parts/lab/guest.sh" "$work"
}

# start_guest NUMBER: emulated always. A /dev/kvm may be there and hang, and what runs in emulation runs everywhere.
# setpriv: a lab that is killed cannot clean up, so its guests end with it; or do not start, where it has ended before
# they could ask for that.
start_guest() {
  local number=$1 server=off link version
  version=$(version_of_kernel)
  ((number == 2)) || server=on
  local command=(
    qemu-system-x86_64 -accel "tcg,thread=multi" -machine q35 -cpu max -smp 1 -m 1500
    -nodefaults -no-user-config -display none -no-reboot
    -kernel "$kernel/boot/vmlinuz-$version" -initrd "$work/initramfs.cpio"
    -append "console=ttyS0 quiet panic=-1 lab_number=$number lab_folder=$work"
    -serial "file:$work/spark-0$number.console"
    -virtfs "local,path=/,mount_tag=root,security_model=none,readonly=on,multidevs=remap"
    -virtfs "local,path=${out//,/,,},mount_tag=results,security_model=none"
  )
  for link in 0 1 2; do
    command+=(-netdev "stream,id=link$link,server=$server,addr.type=unix,addr.path=$work/link$link"
      -device "virtio-net-pci,netdev=link$link,mac=52:54:00:00:0$number:0$link")
  done
  if ((number == 1)); then
    command+=(-chardev "pipe,id=login,path=$work/login" -device virtio-serial-pci
      -device "virtserialport,chardev=login")
  fi
  # shellcheck disable=SC2016 # PPID is asked for by then
  setsid setpriv --pdeathsig KILL bash -c '((PPID == $0)) && exec "$@"' "$$" "${command[@]}" \
    </dev/null >"$work/spark-0$number.qemu" 2>&1 3<&- &
  guests+=($!)
}

# The second guest connects to the first one's sockets.
start_guests() {
  mkfifo "$work"/login.{in,out}
  start_guest 1
  until [[ -S $work/link0 && -S $work/link1 && -S $work/link2 ]]; do still_starting; done
  start_guest 2
  until said 1 "is up" && said 2 "is up"; do still_starting; done
}

# said NUMBER TEXT: what guest.sh says on the guest's console.
said() { grep -qs "^lab: spark-0$1 $2" "$work/spark-0$1.console"; }

still_starting() {
  local number
  for number in 1 2; do
    ((${#guests[@]} < number)) || is_alive "$number" || give_up 6 "spark-0$number ended while it started" "$number"
  done
  ((SECONDS < end)) || give_up 7 "the guests were not up after $deadline s: a longer one is --deadline SECONDS" 1 2
  sleep 0.2
}

is_alive() { kill -0 "${guests[$1 - 1]}" 2>/dev/null; }

show_console() {
  note "--- the last lines of spark-0$1"
  cat "$work/spark-0$1".{console,qemu} 2>/dev/null | tr -d '\r' | tail -n 60 >&2
}

# give_up CODE SENTENCE NUMBER...: with the last that these guests had to say.
give_up() {
  local number
  for number in "${@:3}"; do show_console "$number"; done
  fail "$1" "$2"
}

# The first guest powers off by itself, with all results written. The second one has nothing to write.
wait_until_off() { timeout 20 tail --pid="${guests[0]}" -s 0.1 -f /dev/null || true; }

# Whatever the lab has in the background is its guests and what waits for them. By then the guests keep nothing
# that is not written, so they need no farewell; ssh gives the terminal back.
clean_up() {
  trap '' INT TERM HUP
  local processes=()
  mapfile -t processes < <(jobs -p)
  ((${#processes[@]} == 0)) || kill "${processes[@]}" 2>/dev/null || true
  ((${#guests[@]} == 0)) || kill -KILL "${guests[@]}" 2>/dev/null || true
  wait 2>/dev/null
  rm -rf "$work"
  ! $made_out || rmdir "$out" 2>/dev/null || true
}
