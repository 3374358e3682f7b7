# Gives a node a loader of BPF programs, as root of the machine under the lab: loader.pl LAB NODE MAP KEYCTL PROCESSES CGROUP…
# LAB and NODE are the numbers of their first processes, MAP is of a node's users to the lab's.
#
# Only root of the first user namespace may load BPF, unless it hands out a token (Linux 6.9). A token counts in the user
# namespace of the bpffs that it comes from, and there whoever has CAP_SYS_ADMIN may also load programs that read all of the
# kernel's memory. A node's root has that. So the bpffs belongs to a third user namespace, beside the node's: one in which
# the loader is alone, and has CAP_BPF and CAP_NET_ADMIN and nothing else. The node's root may have it run anything,
# change it or end it, and has won no more than that.
use strict;
my ($lab, $node, $users, $keyctl, $processes, @cgroups) = @ARGV;
open my $self, '<', '/proc/self/exe' or die "/proc/self/exe: $!\n";
read $self, my $head, 20;
my %number = (fsopen => 430, fsconfig => 431, fsmount => 432, move_mount => 429);
@number{qw(clone setns unshare setresuid setresgid setgroups prctl exit_group)} = unpack('x18 v', $head) == 62 ? (56, 308, 272, 117, 119, 116, 157, 231) : (220, 268, 97, 147, 149, 159, 167, 94);
sub kernel {
  my ($call, @arguments) = @_;
  my $got = syscall($number{$call}, @arguments);
  die "$call: $!\n" if $got < 0;
  return $got;
}
sub namespace {
  my ($pid, $name) = @_;
  open my $file, '<', "/proc/$pid/ns/$name" or die "/proc/$pid/ns/$name: $!\n";
  return $file;
}
my $of_lab = namespace($lab, 'user');
my ($mounts, @others) = map { namespace($node, $_) } qw(mnt pid net uts ipc cgroup);
pipe my $from, my $says or die "pipe: $!\n";
pipe my $hears, my $to or die "pipe: $!\n";

# CLONE_FILES, SIGCHLD: what the loader opens, this process has open too. A bpffs belongs to who opens it, and who says what it
# delegates has to be root here.
my $child = kernel('clone', 0x400 | 17, 0, 0, 0, 0) or begin();
(readline($from) // "") eq "born\n" or die "the loader did not start\n";
# A map may be written from the user namespace above alone.
my $mapper = fork // die "fork: $!\n";
if (!$mapper) {
  kernel('setns', fileno $of_lab, 0x10000000);
  for my $map ('uid_map', 'gid_map') {
    open my $file, '>', "/proc/$child/$map" or die "$map: $!\n";
    # One write: the kernel takes no second.
    syswrite $file, "$users\n" or die "$map: $!\n";
  }
  exit 0;
}
waitpid $mapper, 0;
exit 1 if $?;
syswrite $to, "mapped\n";
my ($bpffs) = (readline($from) // '') =~ /^opened (\d+)$/ or die "the loader did not start\n";
# Bits of the numbers in <linux/bpf.h>. Making maps, loading programs and their types (BTF);
my %delegated = (
  delegate_cmds => 1 << 0 | 1 << 5 | 1 << 18,
  # hashes, arrays, both for each CPU, LRU, prefixes, ring buffers;
  delegate_maps => 1 << 1 | 1 << 2 | 1 << 5 | 1 << 6 | 1 << 9 | 1 << 11 | 1 << 27,
  # what libbpf tries a kernel with, tc, XDP;
  delegate_progs => 1 << 1 | 1 << 3 | 1 << 6,
  # those without a place of their own, XDP, tcx.
  delegate_attachs => 1 << 0 | 1 << 37 | 1 << 46 | 1 << 47,
);
for my $option (sort keys %delegated) {
  my $bits = sprintf '0x%x', $delegated{$option};
  # FSCONFIG_SET_STRING
  kernel('fsconfig', $bpffs + 0, 1, "$option", "$bits", 0);
}
# FSCONFIG_CMD_CREATE
kernel('fsconfig', $bpffs + 0, 6, 0, 0, 0);
my $mount = kernel('fsmount', $bpffs + 0, 1, 0);
kernel('setns', fileno $mounts, 0x00020000);
my ($here, $there) = ('', '/sys/fs/bpf');
# MOVE_MOUNT_F_EMPTY_PATH
kernel('move_mount', $mount, $here, -100, $there, 4);
syswrite $to, "mounted\n";
waitpid $child, 0;
exit 1 if $?;
# It runs, and listens when it has a processor: whoever has a program to load need not know. AF_UNIX, SOCK_STREAM; this is the node's /run.
socket my $asks, 1, 1, 0 or die "socket: $!\n";
select undef, undef, undef, 0.01 until connect $asks, pack 'S a*', 1, '/run/loader';
# Who was to answer this has ended when it has been read.
shutdown $asks, 1;
readline $asks;
exit 0;

# In the user namespace of the loader, and in the node otherwise.
sub begin {
  syscall $keyctl, 1, 0;
  for (@cgroups) {
    open my $file, '>', "$_/cgroup.procs" or die "$_: $!\n";
    syswrite $file, "0\n" or die "$_: $!\n";
  }
  kernel('setns', fileno $_, 0) for @others, $mounts, $of_lab;
  as_root();
  # CLONE_NEWUSER. It is made by the lab's root, whom no process of a node is: to its owner all of it would be open.
  kernel('unshare', 0x10000000);
  syswrite $says, "born\n";
  readline($hears);
  as_root();
  # To open a file system takes the right to mount, which the loader has not in the node. CLONE_FILES, SIGCHLD; CLONE_NEWNS.
  my $opener = kernel('clone', 0x400 | 17, 0, 0, 0, 0);
  if (!$opener) {
    kernel('unshare', 0x00020000);
    my $type = 'bpf';
    syswrite $says, 'opened ' . kernel('fsopen', $type, 0) . "\n";
    # Perl's own way to end would close files that are everybody's.
    kernel('exit_group', 0);
  }
  waitpid $opener, 0;
  (readline($hears) // '') eq "mounted\n" or exit 1;
  # PR_CAPBSET_DROP: all but CAP_NET_ADMIN and CAP_BPF, as far as the kernel knows any.
  for my $capability (grep { $_ != 12 && $_ != 39 } 0 .. 63) { syscall $number{prctl}, 24, $capability, 0, 0, 0 or next }
  # CLONE_FILES: what the machine's root has open is not the loader's.
  kernel('unshare', 0x400);
  # Once to be in the node's process namespace, and once more to be a child of its first process.
  exit 0 if fork // die "fork: $!\n";
  exit 0 if fork // die "fork: $!\n";
  opendir my $open, '/proc/self/fd' or die "/proc/self/fd: $!\n";
  for my $number (grep { $_ > 2 } readdir $open) {
    open my $file, '<&=', $number or next;
    close $file;
  }
  open STDIN, '<', '/dev/null';
  open $_, '>', '/dev/null' for \*STDOUT, \*STDERR;
  %ENV = (PATH => '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin');
  exec $processes ? ('prlimit', "--nproc=$processes:$processes") : (), '/usr/local/lib/hardway/loader';
  exit 1;
}

# Of the user namespace that it is in.
sub as_root {
  kernel('setgroups', 0, 0);
  kernel($_, 0, 0, 0) for 'setresgid', 'setresuid';
}
