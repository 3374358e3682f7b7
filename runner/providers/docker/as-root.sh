# Runs as root of a lab's container, in front of the lab's first process: as-root.sh CGROUP… -- ARGV…
# In a mount namespace of its own.
set -eu
while [ "$1" != -- ]; do
  echo 0 >"$1/lab.init/cgroup.procs"
  shift
done
shift
# The engine covers parts of /proc, and its /sys is read-only. The kernel gives a user namespace a proc and a
# sysfs of its own only where it can see whole ones already.
umount -l /proc
mount -t proc proc /proc
mount -t tmpfs -o size=64k,mode=755 tmp /tmp
mkdir /tmp/sys
mount -t sysfs sysfs /tmp/sys
# The engine's mount of it has made the file system itself read-only, not just that mount.
mount -o remount,rw /tmp/sys
# Just the image: nothing that the engine has mounted into the container.
mount --bind / /mnt
# The engine lets its containers use this device, but does not make it.
mknod -m 666 /tmp/tun c 10 200 2>/dev/null || :
status=0
"$@" || status=$?
# A lab whose first process has ended is over: so is its container, once the starter has read why.
{ sleep 1; kill -TERM 1; } </dev/null >/dev/null 2>&1 &
exit "$status"
