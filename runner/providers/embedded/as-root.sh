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
# Likewise the components, if any: by way of a folder of the root filesystem, since what they are in may be hidden next.
[ -z "$HW_COMPONENTS" ] || mount --bind "$HW_COMPONENTS" /mnt/opt
# udev lets everybody open this device, but not every system has udev.
mount -t tmpfs -o size=64k,mode=755 tun /tmp
mknod -m 666 /tmp/tun c 10 200 2>/dev/null || :
if [ -n "$HW_COMPONENTS" ]; then
  mkdir /tmp/components
  mount --bind /mnt/opt /tmp/components
  mount -o remount,bind,ro /tmp/components
  umount /mnt/opt
  HW_COMPONENTS=/tmp/components
fi
exec "$@"
