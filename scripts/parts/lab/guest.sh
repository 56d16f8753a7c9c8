# The second program of a guest, as root: makes it look like a DGX Spark whose links carry RDMA in software. It has
# number 1 or 2; its files and names come from lab_folder, which is the lab's folder on the host.
# shellcheck shell=bash

set -euo pipefail
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
# shellcheck disable=SC2154 # lab_folder and lab_number are words on the kernel's command line
folder=$lab_folder number=$lab_number
results='' kernel=''
# shellcheck source=/dev/null
source "$folder/settings"

mount_folders() {
  mount -t tmpfs tmpfs /run
  mkdir -p /dev/shm /dev/pts /run/sshd
  mount -t tmpfs tmpfs /dev/shm
  mount -t devpts devpts /dev/pts
  ln -s /proc/self/fd /dev/fd
  # Results have the same path here and on the host, so that whatever names one is right on both sides.
  mkdir -p "$results" /lib/modules
  mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144,cache=none results "$results"
  mount --bind "$kernel/lib/modules" /lib/modules
}

# The host's files may belong to its root alone, who then keeps them to himself. So root has another home here, and
# an account without secrets.
make_accounts() {
  sed -i 's|^root:.*|root:x:0:0:root:/run/root:/bin/bash|' /etc/passwd
  rm -f /etc/shadow
  sed 's/:.*/:*:19000:0:99999:7:::/' /etc/passwd >/etc/shadow
  mkdir -m 700 /run/root /run/root/.ssh
  cp "$folder"/known_hosts /run/root/.ssh
  install -m 600 "$folder/user" /run/root/.ssh/id_ed25519
}

name_this_host() {
  echo "spark-0$number" >/proc/sys/kernel/hostname
  rm -f /etc/hosts
  printf '%s\n' '127.0.0.1 localhost' '::1 localhost' '10.0.0.1 spark-01' '10.0.0.2 spark-02' >/etc/hosts
}

# link MAC NAME MTU ADDRESS
link() {
  local old
  old=$(basename "$(dirname "$(grep -l "$1" /sys/class/net/*/address)")")
  ip link set "$old" name "$2" mtu "$3"
  ip address add "$4" dev "$2"
  ip link set "$2" up
}

connect() {
  ip link set lo up
  link ":0$number:00" enP7s7 1500 "10.0.0.$number/24"
  link ":0$number:01" enp1s0f0np0 9000 "192.168.177.$number/24"
  link ":0$number:02" enP2p1s0f0np0 9000 "192.168.178.$number/24"
  rdma link add rocep1s0f0 type rxe netdev enp1s0f0np0
  rdma link add roceP2p1s0f0 type rxe netdev enP2p1s0f0np0
}

# One login by the port that leads to the host. With its end the guest has done its work.
serve_host() {
  local port
  port=$(echo /dev/vport*) # its number counts the virtual devices before it
  /usr/sbin/sshd -i -f "$folder/sshd_config" <>"$port" >&0 || true
  echo "lab: spark-0$number powers off"
  umount "$results" || true
}

power_off() {
  echo o >/proc/sysrq-trigger
  sleep infinity
}

ulimit -l unlimited # what RDMA registers stays in memory, and a Spark has no limit for it either
mount_folders
make_accounts
name_this_host
modprobe -a virtio_net virtio_console rdma_rxe rdma_ucm ib_uverbs
connect
/usr/sbin/sshd -f "$folder/sshd_config" -E /run/sshd.log
echo "lab: spark-0$number is up"
if ((number == 1)); then
  serve_host
  power_off
fi
sleep infinity
