# Lays out the grounds of a node, in namespaces that are new and empty: this runs below `unshare --net --mount`.
# $1: the folder for what is written here  $2: the name of its control groups  $3: its address
set -e

# A node's address cannot be loopback. Without a way out of the namespace nothing else knows where Services are.
ip link set lo up
ip link add bed0 type bridge
ip address add "$3/24" dev bed0
ip link set bed0 up
ip route add 10.96.0.0/16 dev bed0
echo 1 >/proc/sys/net/ipv4/ip_forward

# What the kubelet and the network plugins write below /var goes into the folder of the bed, and all else stays visible.
for below in lib log; do
  mkdir -p "$1/var/$below" "$1/var/$below.work"
  mount -t overlay overlay -o "lowerdir=/var/$below,upperdir=$1/var/$below,workdir=$1/var/$below.work" "/var/$below"
done

# The kubelet sets these for the whole machine: here they are files, with what the machine has.
for setting in vm/overcommit_memory vm/panic_on_oom kernel/panic kernel/panic_on_oops kernel/keys/root_maxkeys kernel/keys/root_maxbytes; do
  mkdir -p "$1/sysctl/${setting%/*}"
  cat "/proc/sys/$setting" >"$1/sysctl/$setting"
  mount --bind "$1/sysctl/$setting" "/proc/sys/$setting"
done

# The control groups of everything here. The second version has one tree, the first one a tree for each kind of resource.
if [ -f /sys/fs/cgroup/cgroup.procs ]; then
  mkdir -p "/sys/fs/cgroup/$2/daemons"
else
  for tree in /sys/fs/cgroup/*; do
    [ ! -f "$tree/cgroup.procs" ] || mkdir -p "$tree/$2"
  done
  mkdir -p "/sys/fs/cgroup/pids/$2/daemons"
fi

touch "$1/laid-out"
# Holds the namespaces until the warden ends it.
exec sleep infinity
