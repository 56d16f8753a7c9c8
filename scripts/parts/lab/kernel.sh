# The guests' kernel: the distribution's package, downloaded and unpacked into build/lab, never installed. Once is
# enough; to have a newer one, delete the folder.
# shellcheck shell=bash

kernel= # the folder: boot/vmlinuz-VERSION and lib/modules/VERSION

# A folder gets its name when it is whole.
find_kernel() {
  kernel=$(find "$root/build/lab" -mindepth 1 -maxdepth 1 -name '[0-9]*' 2>/dev/null | sort -V | tail -n 1) || true
}

version_of_kernel() { basename "$kernel"; }

# linux-image-amd64 holds nothing; it depends on the package of the version of today.
name_of_package() {
  apt-cache depends linux-image-amd64 2>/dev/null | sed -n 's/^ *Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1
}

# unpack PACKAGE_FILE FOLDER: the kernel and those of its modules that a guest, or a test of links, can want.
unpack() {
  local modules='./lib/modules/*'
  dpkg --fsys-tarfile "$1" | tar -x -C "$2" --wildcards './boot/vmlinuz-*' "$modules/modules.*" \
    "$modules/kernel/"{arch,crypto,lib,net,fs/{9p,configfs,fscache,netfs,overlayfs},drivers/{char,infiniband/{core,sw},virtio}}'/*' \
    "$modules/kernel/drivers/net/"{net_failover,virtio_net,dummy,ifb,veth}.ko
}

fetch_kernel() {
  find_kernel
  [[ -z $kernel ]] || return 0
  local package
  package=$(name_of_package)
  [[ -n $package ]] || fail 5 "apt knows no package linux-image-amd64, Debian's kernel, on which the lab runs: type sudo apt-get update"
  note "downloading $package, once; it is unpacked into build/lab and not installed"
  mkdir -p "$root/build/lab"
  download "$package"
  find_kernel
}

# A process of its own, so that nothing half done stays, whatever ends it.
download() (
  package=$1 version=${1#linux-image-}
  new=$(mktemp -d "$root/build/lab/new-XXXXXX")
  trap 'rm -rf "$new"' EXIT
  (cd "$new" && apt-get -q download "$package") >"$new/log" 2>&1 ||
    fail 5 "$package could not be downloaded: the lab wants a network once; if there is one, type sudo apt-get update"
  { unpack "$new"/*.deb "$new" && depmod -b "$new" "$version"; } ||
    fail 5 "$package could not be unpacked into build/lab, see above: is the disk full?"
  rm "$new"/*.deb "$new/log"
  chmod 755 "$new"
  mv -T "$new" "$root/build/lab/$version" 2>/dev/null || [[ -d $root/build/lab/$version ]] # another lab was faster
)

# make_initramfs FILE: what a guest starts from, just enough to reach the host's files. The rest comes from there.
make_initramfs() {
  local folder=$work/initramfs version
  version=$(version_of_kernel)
  mkdir -p "$folder"/{bin,modules}
  cp "$(command -v busybox)" "$folder/bin/busybox"
  cp "$parts/lab/init" "$folder/init"
  modules_for virtio_pci 9pnet_virtio 9p overlay | while read -r module; do
    cp "$module" "$folder/modules"
    basename "$module" >>"$folder/modules/order"
  done
  (cd "$folder" && find . | cpio --quiet -o -H newc) >"$1"
  rm -r "$folder"
}

# modules_for NAME...: files, each after those that it needs.
modules_for() {
  local name
  for name in "$@"; do
    modprobe -d "$kernel" -S "$version" --show-depends "$name"
  done | sed -n 's/^insmod //p' | sed 's/ *$//' | awk '!seen[$0]++'
}
