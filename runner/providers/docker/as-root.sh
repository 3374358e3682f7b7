# Runs as root of a lab's container, in front of the lab's first process: as-root.sh CGROUP… -- ARGV…
# In a mount namespace of its own.
set -eu
while [ "$1" != -- ]; do
  echo 0 >"$1/lab.init/cgroup.procs"
  shift
done
shift
# The engine covers parts of /proc and /sys, and has made sysfs read-only. The kernel gives a user namespace a proc
# and a sysfs of its own only where it can see whole ones already.
covers=
while read -r _ point _; do
  case $point in
    /sys/fs/cgroup*) ;;
    /proc/?* | /sys/?*) covers="$point $covers" ;;
  esac
done </proc/self/mounts
[ -z "$covers" ] || umount -l $covers
# A rootless engine has not, and its root may not touch it: then this fails, and is not needed.
mount -o remount,rw /sys 2>/dev/null || :
mount -t tmpfs -o size=64k,mode=755 tmp /tmp
# Just the image: nothing that the engine has mounted into the container. Its files belong to root of a node, and
# the container's root runs them: read-only is what keeps the one from the other, so it is not left to the engine.
# From the lab's user namespace none of this can be undone.
mount --bind / /mnt
mount -o remount,bind,ro /mnt
mount -o remount,bind,ro /
# The engine lets its containers use this device, but does not make it.
mknod -m 666 /tmp/tun c 10 200 2>/dev/null || :
status=0
"$@" || status=$?
# A lab whose first process has ended is over: so is its container, once the starter has read why.
{ sleep 1; kill -TERM 1; } </dev/null >/dev/null 2>&1 &
exit "$status"
