# Divides the container's cgroup among the nodes, as the container's root: cgroups.sh ROOT HIERARCHIES NODE:PROCESSES:BYTES:ROLE…
# ROOT, the lab's, is to move processes in it. Prints a line for each hierarchy: how it may be mounted, and the directory made. Where
# the engine gives none, prints nothing.
root=$1 wanted=$2
shift 2

# make DIRECTORY FILES-OF-A-DIVIDED-ONE NODE…
make() {
  lab=$1/hardway files=$2
  shift 2
  mkdir "$lab" || return
  [ -z "${controllers-}" ] || echo "$controllers" >"$lab/cgroup.subtree_control" || return
  fill "$lab" || return
  for node in lab.init:::: "$@"; do
    one=$lab/${node%%:*}
    mkdir "$one" || return
    fill "$one" || return
    chown "$root:$root" "$one/cgroup.procs" || return
    case $node in *:kubelet) for file in $files; do chown "$root:$root" "$one/$file" || return; done ;; esac
  done
  chown "$root:$root" "$lab/cgroup.procs"
}

# In version 1 a new cgroup has no processor and no memory node, and no process may enter it.
fill() {
  for file in cpuset.cpus cpuset.mems; do
    [ ! -e "$1/$file" ] || [ -n "${controllers-}" ] || cat "${1%/*}/$file" >"$1/$file" || return
  done
}

# limit FILE FIELD NODE…: in the directory that was made last
limit() {
  file=$1 field=$2
  shift 2
  for node in "$@"; do echo "$node" | cut -d: -f"$field" >"$lab/${node%%:*}/$file"; done
}

if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
  mount -o remount,rw,bind /sys/fs/cgroup || exit 0
  # A cgroup that divides its controllers may hold no processes itself. The engine's later commands then
  # start where the first process is.
  mkdir /sys/fs/cgroup/machine || exit 0
  while read -r pid; do echo "$pid" >/sys/fs/cgroup/machine/cgroup.procs; done </sys/fs/cgroup/cgroup.procs
  for controller in $(cat /sys/fs/cgroup/cgroup.controllers); do
    case " $wanted " in *" $controller "*) controllers="${controllers-} +$controller" ;; esac
  done
  echo "${controllers-}" >/sys/fs/cgroup/cgroup.subtree_control || exit 0
  make /sys/fs/cgroup '. cgroup.threads cgroup.subtree_control' "$@" || exit 0
  limit pids.max 2 "$@"
  limit memory.max 3 "$@"
  # Each takes memory of the kernel, and the engine has to remove all.
  for node in "$@"; do
    case $node in *:kubelet) echo 1024 >"$lab/${node%%:*}/cgroup.max.descendants"; echo 16 >"$lab/${node%%:*}/cgroup.max.depth" ;; esac
  done
  echo "cgroup2 $lab"
  exit 0
fi
while read -r _ directory type options _; do
  [ "$type" = cgroup ] || continue
  mounted=
  for option in $(echo "$options" | tr , ' '); do
    case " $wanted " in *" $option "*) mounted=$mounted,$option ;; esac
  done
  [ -n "$mounted" ] && mount -o remount,rw,bind "$directory" && make "$directory" '. tasks' "$@" || continue
  case $mounted, in *,pids,*) limit pids.max 2 "$@" ;; esac
  case $mounted, in *,memory,*) limit memory.limit_in_bytes 3 "$@" ;; esac
  echo "${mounted#,} $lab"
done </proc/self/mounts
exit 0
