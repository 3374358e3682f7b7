# Enters a node: enter.pl PID KEYCTL PROCESSES CGROUP… -- ARGV…
# Also run by agent.pl in a process that it has forked, which saves the start of another Perl; with `$gate`, that process stays and
# starts one command after another, each of which saves all of this. Perl because no shell and no tool of
# util-linux can join a cgroup, leave a keyring and enter namespaces, and to start one tool after another took longer than most commands.
use strict;
my ($pid, $keyctl, $processes) = splice @ARGV, 0, 3;
# Of a process that has ended nothing can be entered.
-e "/proc/$pid/ns/mnt" or die "enter: gone\n";
my @cgroups;
while (($_ = shift(@ARGV) // '--') ne '--') { push @cgroups, $_ }
# The numbers of system calls come from whoever knows the processor: that of keyctl says which table it has.
my ($close, $setns, $setgroups, $setresgid, $setresuid, $prlimit, $exit_group, $clone, $recvmsg, $dup3) =
  $keyctl == 250 ? (3, 308, 116, 119, 117, 302, 231, 56, 47, 292) : (57, 268, 159, 149, 147, 261, 94, 220, 212, 24);
# A file or directory that the caller's shell left open for its children would be a way out of the node. Not by Perl's own close, which
# only counts down where agent.pl has the same file open.
# close_range has the same number on every processor; where an old engine's filter refuses it, they are closed one by one.
if (syscall(436, 3, 0xffffffff, 0) != 0) {
  opendir my $open, '/proc/self/fd' or die "/proc/self/fd: $!\n";
  syscall $close, $_ + 0 for grep { $_ > 2 } readdir $open;
}
# pidfd_open: when it can be read, the node's first process has ended.
our $gate;
my $life = $gate ? syscall 434, $pid + 0, 0 : 0;
$life >= 0 or die "enter: gone\n";
# keyctl(KEYCTL_JOIN_SESSION_KEYRING, NULL): otherwise the command could use the caller's keys.
syscall $keyctl, 1, 0;
# To enter namespaces does not change the cgroup: a command would escape the node's limits.
for (@cgroups) {
  open my $file, '>', "$_/cgroup.procs" or die "cannot enter $_: $!\n";
  syswrite $file, "0\n" or die "cannot enter $_: $!\n";
}
# All are opened before the first is entered, and the users' is entered first: in it this process may enter the others.
my @spaces = map { open(my $file, '<', "/proc/$pid/ns/$_") or die $! == 2 ? "enter: gone\n" : "/proc/$pid/ns/$_: $!\n"; $file } qw(user cgroup ipc uts net pid mnt);
syscall($setns, fileno $_, 0) == 0 or die "setns: $!\n" for @spaces;
my $mounts = pop @spaces;
close $_ for @spaces;
syscall($setgroups, 0, 0) == 0 && syscall($setresgid, 0, 0, 0) == 0 && syscall($setresuid, 0, 0, 0) == 0 or die "root: $!\n";
# Who sits at a terminal writes in any language. What else is run here needs none, and a language is a dozen files for each program to open.
my ($term, $language) = defined $ENV{TERM} ? ($ENV{TERM}, 'C.UTF-8') : ('dumb', 'C');
%ENV = (
  PATH => '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  HOME => '/root', TERM => $term, LANG => $language, LC_ALL => $language,
);
my $run = sub {
  # RLIMIT_NPROC
  if ($processes) { syscall($prlimit, 0, 6, pack('Q2', ($processes) x 2), 0) == 0 or die "prlimit: $!\n" }
  exec { $ARGV[0] } @ARGV;
  my $missing = $! == 2;
  syswrite STDERR, "$ARGV[0]: $!\n";
  syscall $exit_group, $missing ? 127 : 126;
};
# Only what is born now is in the node's process namespace. This process waits outside, where no root of a node sees it.
while ($gate) {
  # Standard input is a socket to agent.pl: argv, and with it the files that are to be a command's input and outputs. When the node's
  # first process has ended, or agent.pl has, so does this.
  my $ready = '';
  vec($ready, $_, 1) = 1 for 0, $life;
  select $ready, undef, undef, undef;
  my ($argv, $control) = ("\0" x (1 << 16), "\0" x 32);
  # Written to by the kernel: Perl may have put the same string elsewhere too.
  vec($_, 0, 8) = 0 for $argv, $control;
  my $pieces = pack 'P Q', $argv, length $argv;
  my $message = pack 'Q L x4 P Q P Q i x4', 0, 0, $pieces, 1, $control, length $control, 0;
  # MSG_CMSG_CLOEXEC.
  my $count = vec($ready, $life, 1) ? 0 : syscall $recvmsg, 0, $message, 0x40000000;
  # All three files have to be there: with one of its own in their place, a command would have this socket. MSG_TRUNC, MSG_CTRUNC.
  syscall $exit_group, 0 if $count <= 0 or unpack('x48 i', $message) & 0x28 or unpack('Q', $control) != 28;
  my @files = unpack 'x16 i3', $control;
  # CLONE_PARENT and SIGCHLD: agent.pl is the command's parent, and waits for it.
  my $command = syscall $clone, 0x8000 | 17, 0, 0, 0, 0;
  if ($command == 0) {
    # What the node has mounted over its root meanwhile is seen too, and each has a session of keys of its own.
    syscall $setns, fileno $mounts, 0;
    syscall $keyctl, 1, 0;
    for (0 .. 2) { syscall $exit_group, 255 if syscall($dup3, $files[$_], $_, 0) != $_ }
    @ARGV = split /\0/, substr($argv, 0, $count), -1;
    eval { $run->() };
    syswrite STDERR, $@;
    syscall $exit_group, 255;
  }
  syswrite STDIN, $command > 0 ? "p$command" : "ffork: $!\n";
  syscall $close, $_ for @files;
}
# And it holds neither end of the command's pipes.
my $command = fork // die "fork: $!\n";
$run->() if !$command;
syscall $close, $_ + 0 for 0 .. 2;
waitpid $command, 0;
kill $? & 127, $$ if $? & 127;
# Perl's own exit would tidy up all that agent.pl has, page by page.
syscall $exit_group, $? >> 8;
