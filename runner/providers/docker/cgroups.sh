# Divides the container's cgroup among the nodes, as the container's root: cgroups.sh ROOT PROCESSES BYTES NODE…
# ROOT, the lab's, is to move processes in it. Prints the directories made, one for each hierarchy. Where the engine gives none, prints nothing.
root=$1 processes=$2 bytes=$3
shift 3

# make DIRECTORY NODE…
make() {
  lab=$1/hardway
  shift
  mkdir "$lab" || return
  [ -z "${controllers-}" ] || echo "$controllers" >"$lab/cgroup.subtree_control" || return
  for child in lab.init "$@"; do
    mkdir "$lab/$child" || return
    chown "$root:0" "$lab/$child/cgroup.procs" || return
  done
  chown "$root:0" "$lab/cgroup.procs"
}

if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
  mount -o remount,rw,bind /sys/fs/cgroup || exit 0
  # A cgroup that divides its controllers may hold no processes itself. The engine's later commands then
  # start where the first process is.
  mkdir /sys/fs/cgroup/machine || exit 0
  while read -r pid; do echo "$pid" >/sys/fs/cgroup/machine/cgroup.procs; done </sys/fs/cgroup/cgroup.procs
  controllers='+pids +memory'
  echo "$controllers" >/sys/fs/cgroup/cgroup.subtree_control || exit 0
  make /sys/fs/cgroup "$@" || exit 0
  for node in "$@"; do
    echo "$processes" >"/sys/fs/cgroup/hardway/$node/pids.max"
    echo "$bytes" >"/sys/fs/cgroup/hardway/$node/memory.max"
  done
  echo /sys/fs/cgroup/hardway
  exit 0
fi
for controller in pids memory; do
  directory=/sys/fs/cgroup/$controller
  [ -e "$directory/cgroup.procs" ] && mount -o remount,rw,bind "$directory" && make "$directory" "$@" || continue
  for node in "$@"; do
    case $controller in
      pids) echo "$processes" >"$directory/hardway/$node/pids.max" ;;
      memory) echo "$bytes" >"$directory/hardway/$node/memory.limit_in_bytes" ;;
    esac
  done
  echo "$directory/hardway"
done
exit 0
