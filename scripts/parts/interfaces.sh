# Which links the hosts share: IPv4 subnets in which every host has one interface.
# shellcheck shell=bash

declare -A link_of # link_of[HOST,NETWORK]: the host's interface there
networks=()        # shared by all hosts and to be measured
control=           # the network for Open MPI's own traffic
left_out=          # the last interface that is shared, but measured only if named

# network_of 10.0.1.5/24 prints 10.0.1.0/24.
network_of() {
  local a b c d prefix=${1#*/} bits
  IFS=. read -r a b c d <<<"${1%/*}"
  bits=$((((a << 24 | b << 16 | c << 8 | d) >> (32 - prefix)) << (32 - prefix)))
  echo "$((bits >> 24 & 255)).$((bits >> 16 & 255)).$((bits >> 8 & 255)).$((bits & 255))/$prefix"
}

# Interfaces that are never the link between two machines, or not the one that anybody wants measured unasked.
reason_to_ignore() {
  case "$1" in
    docker* | br-* | lxcbr* | veth* | virbr*) echo "containers and virtual machines of one host" ;;
    wl*) echo "Wi-Fi" ;;
    tailscale*) echo "a tunnel" ;;
  esac
}

# links_in HOST NETWORK prints "NAME ADDRESS CARRIER" of each of HOST's interfaces there.
links_in() {
  local name address carrier
  while read -r name address carrier; do
    [[ -n $name && $(network_of "$address") == "$2" ]] && echo "$name ${address%/*} $carrier"
  done <<<"$(fact_of "$1" address)"
  return 0
}

# why_not_shared NETWORK prints why it cannot be measured between all hosts, or nothing. Fills link_of.
why_not_shared() {
  local network=$1 host name carrier address seen=' ' links
  for host in "${hosts[@]}"; do
    links=$(links_in "$host" "$network")
    if [[ -z $links ]]; then
      echo "host $host has no interface in $network"
    elif [[ $links == *$'\n'* ]]; then
      echo "host $host has several interfaces in $network: give each a subnet of its own"
    else
      read -r name address carrier <<<"$links"
      [[ $carrier == yes ]] || echo "host $host has no carrier on $name: is the cable in?"
      [[ $seen != *" $address "* ]] || echo "host $host has the same address $address in $network as another host"
      seen+="$address "
    fi
  done | head -n 1
}

remember_links() {
  local host name
  for host in "${hosts[@]}"; do
    read -r name _ <<<"$(links_in "$host" "$1")"
    link_of[$host,$1]=$name
  done
}

# All networks of the first host, in its own order.
networks_here() {
  local name address
  while read -r name address _; do
    [[ -n $name && $name != lo ]] && network_of "$address"
  done <<<"$(fact_of "${hosts[0]}" address)" | awk '!seen[$0]++'
}

share_automatically() {
  local network ignored host
  for network in $(networks_here); do
    [[ -z $(why_not_shared "$network") ]] || continue
    remember_links "$network"
    ignored=
    for host in "${hosts[@]}"; do ignored=${ignored:-$(reason_to_ignore "${link_of[$host,$network]}")}; done
    if [[ -n $ignored ]]; then
      left_out=${link_of[${hosts[0]},$network]}
      note "not measured: $left_out ($ignored); --interface $left_out measures it"
    else
      networks+=("$network")
    fi
  done
}

# share_named LIST: the names are the first host's, or the networks in CIDR form.
share_named() {
  local wanted network links why
  for wanted in ${1//,/ }; do
    if [[ $wanted == */* ]]; then
      network=$(network_of "$wanted")
    else
      links=$(fact_of "${hosts[0]}" address | awk -v name="$wanted" '$1 == name { print $2; exit }')
      [[ -n $links ]] || fail 5 "host ${hosts[0]} has no IPv4 address on $wanted: type ip -4 address"
      network=$(network_of "$links")
    fi
    why=$(why_not_shared "$network")
    [[ -z $why ]] || fail 5 "$why (--interface $wanted)"
    remember_links "$network"
    networks+=("$network")
  done
}

# Control goes where ssh went: the host names' own subnet. What is measured elsewhere then stays undisturbed.
choose_control() {
  local host address network
  for host in "${hosts[@]}"; do
    address=$(fact_of "$host" came_to)
    [[ -n $address ]] || continue
    for network in $(networks_here); do
      [[ $(links_in "$host" "$network") == *" $address "* ]] || continue
      [[ -z $(why_not_shared "$network") ]] || continue
      control=$network
      return
    done
  done
  control=${networks[0]}
  note "ssh does not use a subnet that all hosts share; Open MPI's control traffic uses $control"
}

no_common_subnet() {
  [[ -z $left_out ]] || fail 5 "hosts ${hosts[*]} share nothing but $left_out: type --interface $left_out if you mean it"
  local host=${hosts[1]} name address
  read -r name address _ <<<"$(fact_of "$host" address | grep -v '^lo ' | tail -n 1)"
  fail 5 "host $host shares no IPv4 subnet with ${hosts[0]} (it has ${address:-no address}): on $host type sudo ip address add ADDRESS/24 dev ${name:-INTERFACE}"
}

find_interfaces() {
  if [[ -n $1 ]]; then share_named "$1"; else share_automatically; fi
  ((${#networks[@]})) || no_common_subnet
  choose_control
}

# interface_name NETWORK: how the programs are told of it; a name only where all hosts agree on it.
interface_name() {
  local host
  for host in "${hosts[@]}"; do
    [[ ${link_of[$host,$1]} == "${link_of[${hosts[0]},$1]}" ]] || { echo "$1"; return; }
  done
  echo "${link_of[${hosts[0]},$1]}"
}
