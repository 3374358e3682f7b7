# What becomes the first process of a node, as root of the node's own user namespace. Its wires are there.
set -eu
directory=/tmp/$HW_NODE
{
  echo link set lo up
  [ ! -e "/tmp/ip.$HW_NODE" ] || cat "/tmp/ip.$HW_NODE"
} | ip -batch -
hostname "$HW_NODE"
# Only where no cgroup counts processes: the kernel counts this limit for each user of each node.
[ -z "$HW_PROCESSES" ] || prlimit --pid $$ "--nproc=$HW_PROCESSES:$HW_PROCESSES"
mount -t tmpfs -o "size=${HW_DISK}m,mode=755,nr_inodes=65536" upper "$directory"
mkdir "$directory/upper" "$directory/work" "$directory/root"
mount -a -T "/tmp/fstab.$HW_NODE"
cd "$directory/root"
if [ -e "/tmp/links.$HW_NODE" ]; then
  while read -r path program; do
    mkdir -p ".${path%/*}"
    ln -s "$program" ".$path"
  done <"/tmp/links.$HW_NODE"
fi
# The host's name servers can't be reached from here: without this every lookup would wait for its deadline.
: >etc/resolv.conf
echo "$HW_NODE" >etc/hostname
printf '127.0.0.1 localhost\n127.0.1.1 %s\n' "$HW_NODE" >etc/hosts
pivot_root . mnt 2>/dev/null || mount --move . /
exec chroot . /bin/sh -c '
  umount -l /mnt 2>/dev/null || :
  cd /
  sysctl -q -p /etc/sysctl.d/10-hardway.conf
  echo "up $HW_NODE 0" >&3
  exec 3>&-
  exec env -i PATH="$PATH" container=hardway setsid /usr/bin/catatonit -P </dev/null >/dev/null 2>&1'
