# The warden of one test bed: a process of its own that outlives the owner by the moment it takes to clean up.
# $1: the folder in which to make the bed's folder.
#
# Nothing but the end of the owner ends it: the owner alone holds the other end of standard input.
trap '' HUP INT QUIT TERM PIPE

bed=$(mktemp -d "$1/sluice-bed-XXXXXX") || exit 1
# Postgres runs as another user and has to pass through.
chmod 711 "$bed"
mkdir "$bed/pids" || exit 1
echo "$bed"

while read -r _; do :; done

# From here on no child can register, hence none can start; every child that did start is in the list.
mv "$bed/pids" "$bed/ended"

# Calls "$1 pid signal" for every registered process group.
each() {
  for entry in "$bed"/ended/*; do
    [ -f "$entry" ] || continue
    signal=
    read -r signal <"$entry"
    "$1" "${entry##*/}" "${signal:-KILL}"
  done
}

end() {
  kill -s "$2" -- "-$1"
  kill -s CONT -- "-$1"
}

finish() {
  kill -s KILL -- "-$1"
}

# Notes a process that was asked to end and has not yet. A zombie has.
look() {
  [ "$2" = KILL ] && return
  kill -s 0 -- "$1" || return
  state=
  [ -r "/proc/$1/stat" ] && read -r _ _ state _ <"/proc/$1/stat"
  [ "$state" = Z ] || alive=yes
}

exec 2>/dev/null
each end
tries=0
while [ $tries -lt 100 ]; do
  alive=
  each look
  [ "$alive" ] || break
  tries=$((tries + 1))
  sleep 0.05
done
each finish

# Pods are in no list: they are in control groups named after the bed, all trees of them, of which an empty one can be removed.
# What was about to start another process is killed with it, or in the next round.
tries=0
while [ $tries -lt 200 ]; do
  left=
  for tree in "/sys/fs/cgroup/${bed##*/}" /sys/fs/cgroup/*/"${bed##*/}"; do
    [ -d "$tree" ] || continue
    find "$tree" -name cgroup.procs -exec cat {} + | while read -r process; do kill -s KILL "$process"; done
    find "$tree" -depth -type d -exec rmdir {} +
    [ -d "$tree" ] && left=yes
  done
  [ "$left" ] || break
  tries=$((tries + 1))
  sleep 0.05
done

# A Postgres that was killed leaves a System V segment, which is no file: it is named in line 7 of its lock file.
for lock in "$bed"/*/data/postmaster.pid; do
  [ -f "$lock" ] || continue
  set -- $(sed -n 7p "$lock")
  [ "$2" ] && ipcrm -m "$2"
done

# What dies may still be writing its last file.
tries=0
until rm -rf "$bed" || [ $tries -ge 100 ]; do
  tries=$((tries + 1))
  sleep 0.05
done
