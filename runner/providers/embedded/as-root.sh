# Runs as root of this host, in front of the lab's first process: as-root.sh LOWER CGROUP… -- ARGV…
# Does what only root can, in a mount namespace of its own, so nothing of it can stay.
set -eu
lower=$1
shift
while [ "$1" != -- ]; do
  [ ! -d "$1/lab.init" ] || echo 0 >"$1/lab.init/cgroup.procs"
  shift
done
shift
mount --bind "$lower" /mnt
# udev lets everybody open this device, but not every system has udev.
mount -t tmpfs -o size=64k,mode=755 tun /tmp
mknod -m 666 /tmp/tun c 10 200 2>/dev/null || :
exec "$@"
