# The first process of a lab, root of the lab's user namespace and of nothing else.
#
# Runs twice. First with the tools of the machine under the lab, just long enough to enter the prepared
# root filesystem; then again from inside it ("inside" as $1), so that every other tool is of a known version.
# Reads one line from standard input when all nodes are up: "keep" makes the lab outlive its starter, and
# the end of the file means that the starter has died, so the lab ends too.
#
# In the environment: HW_LOWER, and what `up.ts` computes: HW_NODES (name:MiB …), HW_SEGMENTS and HW_WIRES
# (`ip -batch` lines, @node@ stands for a process id), HW_ADDRESSES (a node, then an `ip -batch` line),
# HW_COMPONENTS (a folder, or nothing) and HW_LINKS (a node, a path in it, a program below that folder),
# HW_FILES (base64), HW_LABELS (NAME=VALUE lines), HW_CGROUPS (directories), HW_MAP (of a node's
# users to the lab's), HW_PROCESSES, HW_SCRIPT, HW_NODE_SCRIPT.
set -eu

if [ "${1-}" != inside ]; then
  # A starter that is root has bound it to /mnt: the lab's root may not pass through directories that only the
  # host's root may enter. That mount is locked for us and can't become the root; a second bind of it can.
  mount --bind "$HW_LOWER" /mnt
  mount -t tmpfs -o mode=755 hardway /mnt/tmp
  mkdir /mnt/tmp/lower /mnt/tmp/cgroup
  # Overlay refuses a lower directory that has locked mounts below it, and the mounts under /mnt become
  # locked in the nodes' mount namespaces. This second bind has none.
  mount --bind /mnt /mnt/tmp/lower
  [ -z "$HW_COMPONENTS" ] || mount --bind "$HW_COMPONENTS" /mnt/opt
  mount -t proc proc /mnt/proc
  # The kernel gives a node a sysfs and a proc of its own only where one can be seen whole already.
  mount -t sysfs sysfs /mnt/sys
  mount -t tmpfs -o size=64k,mode=755 dev /mnt/dev
  mkdir /mnt/dev/pts /mnt/dev/shm /mnt/dev/net
  for device in null zero full random urandom tty net/tun; do
    source=/dev/$device
    # Where only root may open the host's tun, a starter that is root has made one for everybody.
    [ "$device" != net/tun ] || [ ! -c /tmp/tun ] || source=/tmp/tun
    [ -e "$source" ] || continue
    : >"/mnt/dev/$device"
    mount --bind "$source" "/mnt/dev/$device"
  done
  ln -s pts/ptmx /mnt/dev/ptmx
  ln -s /proc/self/fd /mnt/dev/fd
  ln -s fd/0 /mnt/dev/stdin
  ln -s fd/1 /mnt/dev/stdout
  ln -s fd/2 /mnt/dev/stderr
  number=0
  for directory in $HW_CGROUPS; do
    number=$((number + 1))
    mkdir "/mnt/tmp/cgroup/$number"
    mount --bind "$directory" "/mnt/tmp/cgroup/$number"
  done
  # Where the file system has options that older tools of mount would drop, this is refused; nodes only ever
  # write to their own layer.
  for bound in /mnt /mnt/tmp/lower; do mount -o remount,bind,ro "$bound" 2>/dev/null || :; done
  cd /mnt
  # A container's seccomp filter refuses pivot_root; there the machine's own files are the container's.
  export HW_STACKED=
  pivot_root . mnt 2>/dev/null || { HW_STACKED=yes; mount --move . /; }
  exec chroot . /bin/sh -c "$HW_SCRIPT" lab.sh inside
fi

export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
# The files belong to root of a node, which is not root here: a set-user-id umount would run as that user.
setpriv --no-new-privs umount -l /mnt 2>/dev/null || :
cd /tmp
hostname fabric
mkdir files
printf %s "$HW_FILES" | base64 -d | perl -0ne '
  chomp; push @f, $_;
  if (@f == 3) {
    my ($path, $mode, $text) = @f; @f = ();
    my $directory = "files";
    for (split m{/}, $path =~ s{[^/]*$}{}r) { $directory .= "/$_"; mkdir $directory }
    open my $out, ">", "files/$path" or die "files/$path: $!\n";
    print $out $text; close $out; chmod oct $mode, "files/$path";
  }'
chown -R 1:1 files
# There a node's root, moved over the lab's files, can be taken off again: what is seen then must not be writable.
[ -z "$HW_STACKED" ] || setpriv --no-new-privs sh -c 'mount --bind files files; mount -o remount,bind,ro files'
ip link set lo up
# IPv6 would fill captures with neighbour and router discovery that no lesson is about, and a fabric that
# passed frames to iptables would put packets together that nodes had fragmented.
echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6 2>/dev/null || :
for hook in iptables ip6tables arptables; do
  echo 0 >/proc/sys/net/bridge/bridge-nf-call-$hook 2>/dev/null || :
done
printf %s "$HW_SEGMENTS" | ip -batch -
printf %s "$HW_ADDRESSES" | awk '{ node = $1; sub(/^[^ ]+ /, ""); print > "ip." node }'
# What a node is given of the components is one mount of all, and a link to each program.
export HW_GIVEN=/usr/local/lib/hardway/components
printf %s "$HW_LINKS" | while read -r node path program; do echo "$path $HW_GIVEN/$program" >>"links.$node"; done

# Where no cgroup counts processes the kernel counts them for each user of a node, and a learner can be any. What
# a user namespace is made with is the most for all its users together, and all nodes'; half is left to the user.
capped=
if [ -n "$HW_PROCESSES" ]; then
  together=$((HW_PROCESSES * 8)) most=$(prlimit --nproc --output HARD --noheadings --raw)
  [ "$most" = unlimited ] || [ "$most" -ge $((together * 2)) ] || together=$((most / 2))
  capped="prlimit --nproc=$together:"
fi

mkfifo reports
exec 3<>reports
starters=
for entry in $HW_NODES; do
  node=${entry%:*}
  export HW_NODE="$node" HW_DISK="${entry#*:}"
  directory=/tmp/$node
  mkdir "$directory"
  mkfifo -m 600 "go.$node"
  # One user namespace a node, a child of the lab's: from a node, nothing of the fabric or of another node can
  # be named. Files of all nodes' roots belong to uid 1 of the lab's user namespace.
  echo "root $directory/root overlay lowerdir=/tmp/files:/tmp/lower,upperdir=$directory/upper,workdir=$directory/work,userxattr,volatile 0 0
proc $directory/root/proc proc nosuid,nodev,noexec 0 0
sysfs $directory/root/sys sysfs nosuid,nodev,noexec 0 0
/dev $directory/root/dev none rbind 0 0
devpts $directory/root/dev/pts devpts newinstance,ptmxmode=0666,mode=620,gid=5 0 0
shm $directory/root/dev/shm tmpfs nosuid,nodev,size=16m 0 0
run $directory/root/run tmpfs nosuid,nodev,mode=755,size=16m 0 0
sysfs $directory/root/run/.sys sysfs nosuid,nodev,noexec,ro,X-mount.mkdir=0700 0 0
tmp $directory/root/tmp tmpfs nosuid,nodev,mode=1777,size=64m 0 0" >"fstab.$node"
  if [ -s "links.$node" ]; then
    echo "/opt $directory/root$HW_GIVEN none bind,ro,X-mount.mkdir=0755 0 0" >>"fstab.$node"
  fi
  (
    # A process may move itself between cgroups, and must before its cgroup namespace is made.
    for directory in /tmp/cgroup/*/"$node"; do
      [ ! -d "$directory" ] || echo 0 >"$directory/cgroup.procs"
    done
    $capped unshare -U -m -p -n -u -i -C -f --keep-caps sh -c '
      read pid _ </proc/self/stat
      echo "born $HW_NODE $pid" >&3
      read _ <"go.$HW_NODE"
      exec setpriv --reuid 0 --regid 0 --clear-groups sh -c "$HW_NODE_SCRIPT"' || echo "failed $node 0" >&3
  ) </dev/null &
  starters="$starters $!"
done

# The maps have to be written from here, while the node waits: only an ancestor's root may.
substitutions= remaining=$(set -- $HW_NODES; echo $#)
while [ "$remaining" -gt 0 ]; do
  read -r what node pid <&3
  [ "$what" = born ] || { echo "$node did not start" >&2; exit 1; }
  # One write: the kernel takes no second.
  printf '%s\n' "$HW_MAP" >"/proc/$pid/uid_map"
  printf '%s\n' "$HW_MAP" >"/proc/$pid/gid_map"
  substitutions="$substitutions;s/@$node@/$pid/"
  echo "$pid" >"pid.$node"
  remaining=$((remaining - 1))
done
printf %s "$HW_WIRES" | sed "$substitutions" | ip -batch -
for entry in $HW_NODES; do echo go >"go.${entry%:*}"; done
remaining=$(set -- $HW_NODES; echo $#)
while [ "$remaining" -gt 0 ]; do
  read -r what node _ <&3
  [ "$what" = up ] || { echo "$node did not start" >&2; exit 1; }
  remaining=$((remaining - 1))
done
# The subshells and the `unshare` processes that wait for their nodes are not needed any more; the nodes
# become children of this process.
for starter in $starters; do
  read -r waiting <"/proc/$starter/task/$starter/children" || :
  kill -KILL "$starter" ${waiting:-}
done
pids=
for entry in $HW_NODES; do
  read -r pid <"pid.${entry%:*}"
  pids="$pids ${entry%:*}=$pid"
  until read -r _ _ _ parent _ <"/proc/$pid/stat" && [ "$parent" = 1 ]; do sleep 0.001; done
done
exec 3>&-

IFS='
'
# `find.pl` knows a lab by these: this process can't be seen from its nodes, and they can't write to it.
exec env -i $HW_LABELS "HARDWAY_NODES=${pids# }" /bin/sh -c '
  echo ready
  read -r word && [ "$word" = keep ] || exit 1
  exec /usr/bin/catatonit -P </dev/null >/dev/null 2>&1'
