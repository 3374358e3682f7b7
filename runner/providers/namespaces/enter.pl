# Enters a node: enter.pl PID KEYCTL PROCESSES CGROUP… -- ARGV…
# Also run by agent.pl in a process that it has forked, which saves the start of another Perl. Perl because no shell and no tool of
# util-linux can join a cgroup, leave a keyring and enter namespaces, and to start one tool after another took longer than most commands.
use strict;
my ($pid, $keyctl, $processes) = splice @ARGV, 0, 3;
# Of a process that has ended nothing can be entered.
-e "/proc/$pid/ns/mnt" or die "enter: gone\n";
my @cgroups;
while (($_ = shift(@ARGV) // '--') ne '--') { push @cgroups, $_ }
# The numbers of system calls come from whoever knows the processor: that of keyctl says which table it has.
my ($close, $setns, $setgroups, $setresgid, $setresuid, $prlimit, $exit_group) = $keyctl == 250 ? (3, 308, 116, 119, 117, 302, 231) : (57, 268, 159, 149, 147, 261, 94);
# A file or directory that the caller's shell left open for its children would be a way out of the node. Not by Perl's own close, which
# only counts down where agent.pl has the same file open.
# close_range has the same number on every processor; where an old engine's filter refuses it, they are closed one by one.
if (syscall(436, 3, 0xffffffff, 0) != 0) {
  opendir my $open, '/proc/self/fd' or die "/proc/self/fd: $!\n";
  syscall $close, $_ + 0 for grep { $_ > 2 } readdir $open;
}
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
close $_ for @spaces;
syscall($setgroups, 0, 0) == 0 && syscall($setresgid, 0, 0, 0) == 0 && syscall($setresuid, 0, 0, 0) == 0 or die "root: $!\n";
# Who sits at a terminal writes in any language. What else is run here needs none, and a language is a dozen files for each program to open.
my ($term, $language) = defined $ENV{TERM} ? ($ENV{TERM}, 'C.UTF-8') : ('dumb', 'C');
%ENV = (
  PATH => '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  HOME => '/root', TERM => $term, LANG => $language, LC_ALL => $language,
);
# Only what is born now is in the node's process namespace. This process waits outside, and holds neither end of the command's pipes.
my $command = fork // die "fork: $!\n";
if (!$command) {
  # RLIMIT_NPROC
  if ($processes) { syscall($prlimit, 0, 6, pack('Q2', ($processes) x 2), 0) == 0 or die "prlimit: $!\n" }
  exec { $ARGV[0] } @ARGV;
  my $missing = $! == 2;
  syswrite STDERR, "$ARGV[0]: $!\n";
  exit($missing ? 127 : 126);
}
syscall $close, $_ + 0 for 0 .. 2;
waitpid $command, 0;
kill $? & 127, $$ if $? & 127;
# Perl's own exit would tidy up all that agent.pl has, page by page.
syscall $exit_group, $? >> 8;
