# The first process of a lab, root of the lab's user namespace and of nothing else, and of each node until that is up.
#
# Runs twice. First by the Perl of the machine under the lab, just long enough to get away from whoever starts it and to enter the
# prepared root filesystem; then again from inside it ("inside" as argument), so that every other tool is of a known version. Perl,
# because it has the kernel's own calls: to start a program for each mount and each folder took most of the time that a lab takes to start.
# Says "born" and its number on the machine, and waits for "mapped": only its starter may give it users. Reads one more line from standard input when all nodes are up: "keep" makes the lab outlive its starter, and
# the end of the file means that the starter has died, so the lab ends too.
#
# In the environment: HW_LOWER, HW_BOUND (what a starter that is root of the machine has bound there first), and what `up.ts` computes: HW_NODES (name:MiB:role …), HW_SEGMENTS and HW_WIRES
# (`ip -batch` lines, @node@ stands for a process id), HW_ADDRESSES (a node, then an `ip -batch` line),
# HW_COMPONENTS (a folder, or nothing) and HW_LINKS (a node, a path in it, a program below that folder),
# HW_FILES_0 and so on (base64), HW_LABELS (NAME=VALUE lines), HW_CGROUPS (directory:options …), HW_MAP (of a node's
# users to the lab's), HW_PROCESSES, HW_SCRIPT, which is this file.
use strict;

# The numbers of system calls are the processor's, and a program's own file says which that is.
my %number;
{
  my @names = qw(mount umount2 pivot_root unshare sethostname setsid setgroups setresgid setresuid prlimit64 mount_setattr keyctl mknodat);
  open my $self, '<', '/proc/self/exe' or die "/proc/self/exe: $!\n";
  read $self, my $head, 20;
  @number{@names} = unpack('x18 v', $head) == 62 ? (165, 166, 155, 272, 170, 112, 116, 119, 117, 302, 442, 250, 259) : (40, 39, 41, 97, 161, 157, 159, 149, 147, 261, 442, 219, 33);
}
my %flag = (ro => 1, nosuid => 2, nodev => 4, noexec => 8, remount => 32, bind => 1 << 12, move => 1 << 13, rec => 1 << 14, private => 1 << 18, shared => 1 << 20);
my ($RLIMIT_NPROC, $UNLIMITED) = (6, ~0);
# Mounts; those, host name, IPC, users, processes and network; cgroups.
my $MOUNTS = 0x00020000;
my $ALL = $MOUNTS | 0x04000000 | 0x08000000 | 0x10000000 | 0x20000000 | 0x40000000;
my $CGROUPS = 0x02000000;

# True if the kernel did it. What is no number is passed as a text.
sub kernel {
  my ($call, @arguments) = @_;
  return syscall($number{$call}, @arguments) == 0;
}

sub mounted_with {
  my ($source, $target, $type, $options) = @_;
  my $flags = 0;
  $flags |= $flag{$_} // 0 for split /,/, $options;
  my $data = join ',', grep { !$flag{$_} } split /,/, $options;
  return kernel('mount', "$source", "$target", defined $type ? "$type" : 0, $flags, length $data ? "$data" : 0);
}
sub mount_of {
  my ($source, $target, @rest) = @_;
  mounted_with($source, $target, @rest) or die "mount $target: $!\n";
}
sub bind_to { mount_of(@_, undef, 'bind') }

# By the newer call nothing else about the mount changes; by the older one an option may be dropped, which the kernel refuses.
sub read_only { return kernel('mount_setattr', -100, "$_[0]", 0, pack('Q4', 1, 0, 0, 0), 32) || mounted_with('none', $_[0], undef, 'remount,bind,ro') }

# The prepared root becomes the root, and what was there is gone. A container's seccomp filter refuses pivot_root; there the machine's
# own files are the container's. Says whether they are still below.
sub enter_root {
  chdir $_[0] or die "$_[0]: $!\n";
  my $stacked = !kernel('pivot_root', '.', 'mnt');
  mount_of('.', '/', undef, 'move') if $stacked;
  chroot '.' or die "chroot: $!\n";
  return $stacked;
}

sub write_to {
  my ($path, $text) = @_;
  open my $file, '>', $path or return 0;
  my $written = syswrite $file, $text;
  return defined $written && close $file;
}

sub make_folders {
  my $folder = '';
  for (split m{/}, $_[0] =~ s{^/}{}r) { mkdir($folder .= "/$_", 0755) }
}

if (($ARGV[0] // '') eq 'inside') { inside() }
apart();
bind_first() if ($ENV{HW_BOUND} // '') ne '';
in_namespaces();
outside();

# A shell may have left files open for its children, and an open directory is a way out of every mount namespace; a session keyring
# is a way to the keys of the user. Neither is given up by entering a namespace.
sub apart {
  opendir my $open, '/proc/self/fd' or die "/proc/self/fd: $!\n";
  for my $number (grep { $_ > 2 } readdir $open) {
    open my $file, '<&=', $number or next;
    close $file;
  }
  # KEYCTL_JOIN_SESSION_KEYRING, and no name.
  kernel('keyctl', 1, 0);
}

# What only root of the machine can, in a mount namespace of its own, so nothing of it can stay.
sub bind_first {
  for (split ' ', $ENV{HW_CGROUPS}) {
    my ($directory) = /^(.*):/;
    next if !-d "$directory/lab.init";
    write_to("$directory/lab.init/cgroup.procs", "0\n") or die "$directory: $!\n";
  }
  kernel('unshare', $MOUNTS) or die "unshare: $!\n";
  mount_of('none', '/', undef, 'rec,private');
  bind_to($ENV{HW_BOUND}, '/mnt');
  # Likewise the components, if any: by way of a folder of the root filesystem, since what they are in may be hidden next.
  bind_to($ENV{HW_COMPONENTS}, '/mnt/opt') if $ENV{HW_COMPONENTS} ne '';
  # udev lets everybody open this device, but not every system has udev.
  mount_of('tun', '/tmp', 'tmpfs', 'size=64k,mode=755');
  # A character device, which everybody may read and write; its numbers are Linux's.
  kernel('mknodat', -100, '/tmp/tun', 0020000, 10 << 8 | 200, 0) and chmod 0666, '/tmp/tun';
  if ($ENV{HW_COMPONENTS} ne '') {
    mkdir '/tmp/components';
    bind_to('/mnt/opt', '/tmp/components');
    read_only('/tmp/components') or die "/tmp/components: $!\n";
    kernel('umount2', '/mnt/opt', 0) or die "umount /mnt/opt: $!\n";
    $ENV{HW_COMPONENTS} = '/tmp/components';
  }
}

# What goes on from here is the first process of new namespaces, and root of them once they have users.
sub in_namespaces {
  kernel('unshare', $ALL) or die "unshare: $!\n";
  mount_of('none', '/', undef, 'rec,private');
  my $first = fork // die "fork: $!\n";
  if ($first) {
    # The number must be the machine's.
    syswrite STDOUT, "born $first\n";
    close $_ for \*STDIN, \*STDOUT;
    waitpid $first, 0;
    exit($? & 127 ? 128 + ($? & 127) : $? >> 8);
  }
  # Byte by byte: what comes after it is for whoever is executed later.
  my $word = '';
  1 while $word !~ /\n/ && sysread STDIN, $word, 1, length $word;
  $word eq "mapped\n" or exit 1;
  kernel('setgroups', 0, 0) && kernel('setresgid', 0, 0, 0) && kernel('setresuid', 0, 0, 0) or die "root: $!\n";
}

sub outside {
  # A starter that is root has bound it to /mnt: the lab's root may not pass through directories that only the
  # host's root may enter. That mount is locked for us and can't become the root; a second bind of it can.
  bind_to($ENV{HW_LOWER}, '/mnt');
  mount_of('hardway', '/mnt/tmp', 'tmpfs', 'mode=755');
  mkdir "/mnt/tmp/$_" for 'lower', 'cgroup';
  # Overlay refuses a lower directory that has locked mounts below it, and the mounts under /mnt become
  # locked in the nodes' mount namespaces. This second bind has none.
  bind_to('/mnt', '/mnt/tmp/lower');
  bind_to($ENV{HW_COMPONENTS}, '/mnt/opt') if $ENV{HW_COMPONENTS} ne '';
  mount_of('proc', '/mnt/proc', 'proc', '');
  # The kernel gives a node a sysfs and a proc of its own only where one can be seen whole already.
  mount_of('sysfs', '/mnt/sys', 'sysfs', '');
  mount_of('dev', '/mnt/dev', 'tmpfs', 'size=64k,mode=755');
  mkdir "/mnt/dev/$_" for 'pts', 'shm', 'net';
  for my $device (qw(null zero full random urandom tty net/tun)) {
    # Where only root may open the host's tun, a starter that is root has made one for everybody.
    my $source = $device eq 'net/tun' && -c '/tmp/tun' ? '/tmp/tun' : "/dev/$device";
    next if !-e $source;
    write_to("/mnt/dev/$device", '') or die "/mnt/dev/$device: $!\n";
    bind_to($source, "/mnt/dev/$device");
  }
  my %links = (ptmx => 'pts/ptmx', fd => '/proc/self/fd', stdin => 'fd/0', stdout => 'fd/1', stderr => 'fd/2');
  symlink $links{$_}, "/mnt/dev/$_" for keys %links;
  my $number = 0;
  for (split ' ', $ENV{HW_CGROUPS}) {
    my ($directory) = /^(.*):/;
    $number++;
    mkdir "/mnt/tmp/cgroup/$number";
    bind_to($directory, "/mnt/tmp/cgroup/$number");
  }
  # Where this is refused: nodes only ever write to their own layer.
  read_only($_) for '/mnt', '/mnt/tmp/lower';
  $ENV{HW_STACKED} = enter_root('/mnt');
  exec '/usr/bin/perl', '-e', $ENV{HW_SCRIPT}, 'inside';
  die "/usr/bin/perl: $!\n";
}

sub inside {
  my %given = %ENV;
  %ENV = (PATH => '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin');
  kernel('umount2', '/mnt', 2);
  chdir '/tmp' or die "/tmp: $!\n";
  kernel('sethostname', 'fabric', length 'fabric');
  lay_files(join '', map { $given{"HW_FILES_$_"} // () } 0 .. 9);
  # There a node's root, moved over the lab's files, can be taken off again: what is seen then must not be writable.
  if ($given{HW_STACKED}) { bind_to('files', 'files'); read_only('files') or die "files: $!\n" }
  # IPv6 would fill captures with neighbour and router discovery that no lesson is about, and a fabric that
  # passed frames to iptables would put packets together that nodes had fragmented.
  write_to('/proc/sys/net/ipv6/conf/default/disable_ipv6', 1);
  write_to("/proc/sys/net/bridge/bridge-nf-call-$_", 0) for qw(iptables ip6tables arptables);
  # To start ip for each node takes a tenth of the time of a start. These are the fixtures' own, of the files just laid.
  require "./files/usr/local/lib/hardway/$_.pl" for qw(system netlink ip);
  ip('link set lo up', split /\n/, $given{HW_SEGMENTS});

  my %nodes;
  for (split ' ', $given{HW_NODES}) {
    my ($name, $disk, $role) = split /:/;
    # What is asked of a kubelet's node: the options with which it may mount each of its cgroups again.
    my @hierarchies = ($role // '') eq 'kubelet' ? map { /:(.*)$/ } split ' ', $given{HW_CGROUPS} : ();
    $nodes{$name} = { name => $name, disk => $disk, hierarchies => \@hierarchies, wires => ['link set lo up'], links => [], processes => $given{HW_PROCESSES} };
  }
  for (split /\n/, $given{HW_ADDRESSES}) { my ($name, $line) = split / /, $_, 2; push @{$nodes{$name}{wires}}, $line }
  for (split /\n/, $given{HW_LINKS}) { my ($name, $path, $program) = split / /; push @{$nodes{$name}{links}}, [$path, $program] }
  my @nodes = map { $nodes{(split /:/)[0]} } split ' ', $given{HW_NODES};

  begin($_) for @nodes;
  # The maps have to be written from here, while the node waits: only an ancestor's root may.
  for my $node (@nodes) {
    ($node->{pid}) = said($node) =~ /^born (\d+)$/ or die "$node->{name} did not start\n";
    waitpid $node->{starter}, 0;
    if (@{$node->{hierarchies}}) { hand_over($_, $node->{pid}) for glob "/tmp/cgroup/*/$node->{name}" }
    # One write: the kernel takes no second.
    for my $map ('uid_map', 'gid_map') { write_to("/proc/$node->{pid}/$map", "$given{HW_MAP}\n") or die "$node->{name}: $map: $!\n" }
  }
  ip(split /\n/, $given{HW_WIRES} =~ s/\@([^@]+)\@/$nodes{$1}{pid}/gr);
  syswrite $_->{to}, "go\n" for @nodes;
  # And then the end of what it says, by the kernel: it has become catatonit, and no Perl is in the node any more.
  for my $node (@nodes) { said($node) eq "up\n" && said($node) eq '' or die "$node->{name} did not start\n" }
  # Not before: in version 2 nothing is moved across the root of the mover's own cgroup namespace.
  kernel('unshare', $CGROUPS) or die "cgroups: $!\n";

  # `find.pl` knows a lab by these: this process can't be seen from its nodes, and they can't write to it.
  %ENV = ((map { split /=/, $_, 2 } split /\n/, $given{HW_LABELS}), HARDWAY_NODES => join ' ', map { "$_->{name}=$_->{pid}" } @nodes);
  exec '/bin/sh', '-c', <<'END';
echo ready
read -r word && [ "$word" = keep ] || exit 1
exec /usr/bin/catatonit -P </dev/null >/dev/null 2>&1
END
  die "/bin/sh: $!\n";
}

# What is laid over the prepared root: files of uid 1, who is root of each node.
sub lay_files {
  # Base64 is uuencode in other letters, which Perl can read without a module.
  my $encoded = $_[0] =~ tr{=}{}dr =~ tr{A-Za-z0-9+/}{ -_}r;
  my $bytes = join '', map { unpack 'u', chr(32 + int(length($_) * 3 / 4)) . $_ } $encoded =~ /(.{1,60})/gs;
  mkdir 'files';
  chown 1, 1, 'files';
  my @fields = split /\0/, $bytes, -1;
  while (my ($path, $mode, $text) = splice @fields, 0, 3) {
    last if !defined $text;
    my $directory = 'files';
    for (split m{/}, $path =~ s{[^/]*$}{}r) { mkdir($directory .= "/$_") and chown 1, 1, $directory }
    write_to("files/$path", $text) or die "files/$path: $!\n";
    chown 1, 1, "files/$path";
    chmod oct $mode, "files/$path";
  }
}

# A line of a node that is beginning; nothing if it has ended.
sub said { return readline($_[0]{from}) // '' }

# One user namespace a node, a child of the lab's: from a node, nothing of the fabric or of another node can
# be named. Files of all nodes' roots belong to uid 1 of the lab's user namespace.
sub begin {
  my ($node) = @_;
  mkdir "/tmp/$node->{name}";
  pipe my $from, my $says or die "pipe: $!\n";
  pipe my $hears, my $to or die "pipe: $!\n";
  my $starter = fork // die "fork: $!\n";
  if ($starter) {
    @$node{qw(starter from to)} = ($starter, $from, $to);
    return;
  }
  close $_ for $from, $to;
  # A process may move itself between cgroups, and must before its cgroup namespace is made.
  for my $group (glob "/tmp/cgroup/*/$node->{name}") { write_to("$group/cgroup.procs", "0\n") or die "$group: $!\n" }
  cap_together($node->{processes}) if $node->{processes} ne '';
  kernel('unshare', $ALL | $CGROUPS) or die "$node->{name}: unshare: $!\n";
  mount_of('none', '/', undef, 'rec,private');
  # The process that comes next is the first of the new process namespace. When this one has ended it is the lab's own child.
  my $first = fork // die "$node->{name}: fork: $!\n";
  if ($first) {
    syswrite $says, "born $first\n";
    exit 0;
  }
  (readline($hears) // '') eq "go\n" or exit 1;
  close $hears;
  become($node, $says);
}

# The node's root may make cgroups in its own, and share out what it has; what that is, only its limits say, which stay ours. In
# version 2 no process may be beside the cgroups of containers: the node's own are in a leaf.
sub hand_over {
  my ($group, $pid) = @_;
  if (-e "$group/cgroup.subtree_control") {
    mkdir "$group/init" or die "$group/init: $!\n";
    write_to("$group/init/cgroup.procs", "$pid\n") or die "$group/init: $!\n";
  }
  for (grep { -e } map { "$group/$_" } '.', qw(cgroup.procs tasks cgroup.threads cgroup.subtree_control)) { chown 1, 1, $_ or die "$_: $!\n" }
}

# Where no cgroup counts processes the kernel counts them for each user of a node, and a learner can be any. What
# a user namespace is made with is the most for all its users together, and all nodes'; half is left to the user.
sub cap_together {
  my $together = $_[0] * 8;
  # Not by `kernel`: that passes copies, and here the answer is written into what is passed.
  syscall($number{prlimit64}, 0, $RLIMIT_NPROC, 0, my $now = "\0" x 16) == 0 or die "prlimit: $!\n";
  my (undef, $most) = unpack 'Q2', $now;
  $together = int($most / 2) if $most != $UNLIMITED && $most < $together * 2;
  kernel('prlimit64', 0, $RLIMIT_NPROC, pack('Q2', $together, $most), 0) or die "prlimit: $!\n";
}

# The first process of a node, as root of the node's own user namespace. Its wires are there.
sub become {
  my ($node, $says) = @_;
  my ($name, $directory) = ($node->{name}, "/tmp/$node->{name}");
  my $root = "$directory/root";
  kernel('setgroups', 0, 0) && kernel('setresgid', 0, 0, 0) && kernel('setresuid', 0, 0, 0) or die "$name: root: $!\n";
  ip(@{$node->{wires}});
  kernel('sethostname', "$name", length $name);
  # Only where no cgroup counts processes: the kernel counts this limit for each user of each node.
  if ($node->{processes} ne '') { kernel('prlimit64', 0, $RLIMIT_NPROC, pack('Q2', ($node->{processes}) x 2), 0) or die "$name: prlimit: $!\n" }
  mount_of('upper', $directory, 'tmpfs', "size=$node->{disk}m,mode=755,nr_inodes=65536");
  mkdir "$directory/$_" for 'upper', 'work', 'root';
  mount_of('root', $root, 'overlay', "lowerdir=/tmp/files:/tmp/lower,upperdir=$directory/upper,workdir=$directory/work,userxattr,volatile");
  mount_of('proc', "$root/proc", 'proc', 'nosuid,nodev,noexec');
  mount_of('sysfs', "$root/sys", 'sysfs', 'nosuid,nodev,noexec');
  mount_of('/dev', "$root/dev", undef, 'bind,rec');
  mount_of('devpts', "$root/dev/pts", 'devpts', 'newinstance,ptmxmode=0666,mode=620,gid=5');
  mount_of('shm', "$root/dev/shm", 'tmpfs', 'nosuid,nodev,size=16m');
  mount_of('run', "$root/run", 'tmpfs', 'nosuid,nodev,mode=755,size=16m');
  mkdir "$root/run/.sys", 0700;
  mount_of('sysfs', "$root/run/.sys", 'sysfs', 'nosuid,nodev,noexec,ro');
  mount_of('tmp', "$root/tmp", 'tmpfs', 'nosuid,nodev,mode=1777,size=64m');
  # What a node is given of the components is one mount of all, and a link to each program.
  if (@{$node->{links}}) {
    my $given = '/usr/local/lib/hardway/components';
    make_folders("$root$given");
    bind_to('/opt', "$root$given");
    read_only("$root$given") or die "$name: $given: $!\n";
    for (@{$node->{links}}) {
      my ($path, $program) = @$_;
      make_folders("$root$path" =~ s{/[^/]*$}{}r);
      symlink "$given/$program", "$root$path" or die "$name: $path: $!\n";
    }
  }
  # The host's name servers can't be reached from here: without this every lookup would wait for its deadline.
  my %texts = ('resolv.conf' => '', hostname => "$name\n", hosts => "127.0.0.1 localhost\n127.0.1.1 $name\n");
  for my $file (keys %texts) { write_to("$root/etc/$file", $texts{$file}) or die "$name: $file: $!\n" }
  enter_root($root);
  kernel('umount2', '/mnt', 2);
  chdir '/';
  hold_containers($node) if @{$node->{hierarchies}};
  settings('/etc/sysctl.d/10-hardway.conf');
  syswrite $says, "up\n";
  kernel('setsid');
  %ENV = (PATH => $ENV{PATH}, container => 'hardway');
  open STDIN, '<', '/dev/null';
  open $_, '>', '/dev/null' for \*STDOUT, \*STDERR;
  exec '/usr/bin/catatonit', '-P';
}

# What containerd, runc and a kubelet expect of a machine. Layers of images on tmpfs, since the kernel makes no overlay of
# overlays; mounts that a container sees when they are made later.
sub hold_containers {
  my ($node) = @_;
  my @hierarchies = @{$node->{hierarchies}};
  my ($at, $plain) = ('/sys/fs/cgroup', 'nosuid,nodev,noexec');
  if ($hierarchies[0] eq 'cgroup2') { mount_of('cgroup', $at, 'cgroup2', $plain) }
  else {
    mount_of('cgroup', $at, 'tmpfs', "$plain,mode=755,size=64k");
    for my $options (@hierarchies) {
      my $name = $options =~ s/^name=//r;
      mkdir "$at/$name";
      mount_of('cgroup', "$at/$name", 'cgroup', $options =~ /^name=/ ? "$plain,none,$options" : "$plain,$options");
      if ($name =~ /,/) { symlink $name, "$at/$_" for split /,/, $name }
    }
  }
  for my $directory ('/var/lib/containerd', '/var/lib/kubelet') {
    make_folders($directory);
    mount_of($directory =~ m{([^/]+)$}, $directory, 'tmpfs', "size=$node->{disk}m,mode=755");
  }
  mount_of('none', '/', undef, 'rec,shared');
}

# As sysctl reads them. A dash: the kernel may lack it.
sub settings {
  my ($path) = @_;
  open my $lines, '<', $path or die "$path: $!\n";
  while (<$lines>) {
    my ($may_lack, $key, $value) = /^(-?)([\w.-]+)\s*=\s*(.*?)\s*$/ or next;
    write_to('/proc/sys/' . $key =~ tr{.}{/}r, "$value\n") or $may_lack or die "$key: $!\n";
  }
}
